// Package once publishes the message of a claim, and settles the claim. Receiver, collector and
// reconciler publish in this one way, on which the guarantees rest:
//
//   - A publish ends before the lease of its claim does, with a margin for clocks and for bytes on
//     their way ([ledger.Claim.TimeLeft]). So whoever takes over the claim publishes later.
//   - A claim is released only if surely nothing was published. If something may have been, the
//     lease must end, and the next claimant marks its message.
//   - A message that is on the topic is never taken back. If its claim cannot be settled, the next
//     claimant publishes a marked copy.
package once

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/retry"
	"github.com/gemhook/gemhook/shared/topic"
)

// ErrTopicUnavailable is in the error of Publish.
var ErrTopicUnavailable = errors.New("topic unavailable")

// A Ledger decides who may publish a message: [*ledger.Ledger].
type Ledger interface {
	Claim(ctx context.Context, message ledger.Message) (ledger.ClaimResult, error)
	Settle(ctx context.Context, claim *ledger.Claim, messageID string) error
	Release(ctx context.Context, claim *ledger.Claim) error
}

// A Publisher puts one message on a topic: [*topic.Publisher]. Its error is topic.ErrNotPublished
// if the message is surely not on it.
type Publisher interface {
	Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (messageID string, err error)
}

// firstPause is the pause after the first settle that fails. It doubles with each.
const firstPause = 50 * time.Millisecond

// An Outlet publishes the messages of claims. It is safe for concurrent use. All fields are
// required.
type Outlet struct {
	Ledger    Ledger
	Publisher Publisher
	Now       func() time.Time
}

// Publish publishes the message of a claim, and returns its id on the topic. It ends at publishBy,
// and before the lease does. On failure it releases the claim if surely nothing was published, so
// that the next claimant need not wait for the lease, and ends at releaseBy. The error is
// ErrTopicUnavailable.
func (o Outlet) Publish(ctx context.Context, claim *ledger.Claim, publishBy, releaseBy time.Time) (messageID string, err error) {
	now := o.Now()
	publishCtx, cancel := context.WithTimeout(ctx, min(publishBy.Sub(now), claim.TimeLeft(now)))
	defer cancel()
	messageID, err = o.Publisher.Publish(publishCtx, claim.Topic, claim.Payload, claim.Attributes)
	if err == nil {
		return messageID, nil
	}
	err = fmt.Errorf("%w: %w", ErrTopicUnavailable, err)
	if !errors.Is(err, topic.ErrNotPublished) {
		return "", err
	}
	releaseCtx, cancel := context.WithTimeout(ctx, releaseBy.Sub(o.Now()))
	defer cancel()
	if releaseErr := o.Ledger.Release(releaseCtx, claim); releaseErr != nil {
		err = fmt.Errorf("%w (and release: %w)", err, releaseErr)
	}
	return "", err
}

// Settle records that the message of a claim is on its topic, and tries again until settleBy. Its
// error is the last one of the ledger.
func (o Outlet) Settle(ctx context.Context, claim *ledger.Claim, messageID string, settleBy time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, settleBy.Sub(o.Now()))
	defer cancel()
	for pause := firstPause; ; pause *= 2 {
		err := o.Ledger.Settle(ctx, claim, messageID)
		if err == nil || errors.Is(err, ledger.ErrLost) || retry.Wait(ctx, pause) != nil {
			return err
		}
	}
}
