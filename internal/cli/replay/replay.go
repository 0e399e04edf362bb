// Package replay publishes events again, from the ledger or from a dead-letter subscription.
//
// Every message of a replay is marked as a redelivery, so that a subscriber knows that it may be a
// copy. A delivery that the ledger does not have as published (its claim was released, or
// abandoned) is replayed by the ledger's own protocol: claimed, published, settled. Gemini's next
// retry of it is then a duplicate, and no instance publishes it at the same time. A delivery that
// an instance holds right now is left to it.
package replay

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/once"
)

// An Outcome is what has become of one event.
type Outcome string

// The outcomes.
const (
	Planned   Outcome = "planned"
	Published Outcome = "published"
	Skipped   Outcome = "skipped" // an instance holds it, or has published it meanwhile, or it is gone
	Failed    Outcome = "failed"
)

// Why a delivery is left alone.
var (
	errInFlight = errors.New("another claimant holds the delivery")
	errSettled  = errors.New("the delivery has been published meanwhile")
)

// An Item is one event to publish again.
type Item struct {
	Key        string      `json:"key,omitempty"` // in the ledger
	WebhookID  string      `json:"webhook_id"`
	Type       string      `json:"type"`
	Tenant     string      `json:"tenant,omitempty"`
	State      string      `json:"state,omitempty"` // in the ledger
	ReceivedAt time.Time   `json:"received_at"`
	Topic      string      `json:"topic"` // where it goes
	Outcome    Outcome     `json:"outcome"`
	MessageID  string      `json:"message_id,omitempty"` // of the replay
	Error      string      `json:"error,omitempty"`
	letter     *deadLetter // what it is made from, if it does not come from the ledger
}

type deadLetter struct {
	from    *messages.DeadLetters
	message *messages.Message
}

// Deps are what a replay works with.
type Deps struct {
	Publisher once.Publisher
	Reader    *deliveries.Reader // of the ledger; nil for dead letters
	Ledger    *ledger.Ledger
	Timeout   time.Duration // of each step with an event: its reading and claiming, its publish, its settling
	Clock     *Clock        // Ledger has the same; set from what Reader reads
	Done      func()        // called for each event that is done with; concurrently
}

// parallel is how many events are under way at once.
const parallel = 8

// Run publishes the items and writes into each what has become of it. It stops beginning new ones
// at the first failure, which it returns, and when ctx ends. It completes the ones that it has
// begun.
func Run(ctx context.Context, deps Deps, items []*Item) error {
	group, stopped := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, item := range items {
		group.Go(func() error {
			if stopped.Err() != nil {
				return nil
			}
			err := deps.replay(context.WithoutCancel(ctx), item)
			deps.Done()
			return err
		})
	}
	return errors.Join(group.Wait(), context.Cause(ctx))
}

// replay publishes one item.
func (d *Deps) replay(ctx context.Context, item *Item) error {
	var err error
	if item.letter != nil {
		err = d.fromDeadLetter(ctx, item)
	} else {
		err = d.fromLedger(ctx, item)
	}
	switch {
	case err == nil:
		item.Outcome = Published
		return nil
	case errors.Is(err, errInFlight), errors.Is(err, errSettled), errors.Is(err, deliveries.ErrNotFound):
		item.Outcome, item.Error = Skipped, err.Error()
		return nil
	}
	item.Outcome, item.Error = Failed, err.Error()
	return err
}

func (d *Deps) fromLedger(ctx context.Context, item *Item) error {
	reading, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	delivery, err := d.Reader.Get(reading, ledger.Key(item.Key))
	if err != nil {
		return err
	}
	d.Clock.Set(delivery.ReadAt)
	planned := ledger.State(item.State)
	switch {
	case delivery.State.Settled() && !planned.Settled():
		return errSettled
	case delivery.State == ledger.Claimed && delivery.LeaseExpiresAt.After(d.Clock.Now()):
		return errInFlight
	}
	attributes := marked(delivery.Attributes)
	// A copy to another topic says nothing about the delivery's own.
	if delivery.State.Settled() || item.Topic != delivery.Topic {
		item.MessageID, err = d.publish(ctx, item.Topic, delivery.Payload, attributes)
		return err
	}
	result, err := d.Ledger.Claim(reading, ledger.Message{
		Key: delivery.Key, WebhookID: delivery.WebhookID, Tenant: delivery.Tenant, Scheme: delivery.Scheme, Type: delivery.Type,
		ResourceID: delivery.ResourceID, Topic: item.Topic, Payload: delivery.Payload, Attributes: attributes,
	})
	switch {
	case err != nil:
		return err
	case result.Standing == ledger.InFlight:
		return errInFlight
	case result.Standing == ledger.Settled:
		return errSettled
	}
	outlet := once.Outlet{Ledger: d.Ledger, Publisher: d.Publisher, Now: d.Clock.Now}
	publishBy := d.Clock.Now().Add(d.Timeout)
	endBy := publishBy.Add(d.Timeout)
	if item.MessageID, err = outlet.Publish(ctx, result.Claim, publishBy, endBy); err != nil {
		return err
	}
	return outlet.Settle(ctx, result.Claim, item.MessageID, endBy)
}

// publish publishes a copy, of which nothing is recorded.
func (d *Deps) publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	return d.Publisher.Publish(ctx, topicID, data, attributes)
}

func (d *Deps) fromDeadLetter(ctx context.Context, item *Item) (err error) {
	letter := item.letter
	attributes := marked(letter.message.Attributes)
	delete(attributes, "error")
	// What Pub/Sub adds to a dead letter says where it comes from, and would be taken for the new
	// message's own.
	maps.DeleteFunc(attributes, func(name, _ string) bool { return strings.HasPrefix(name, "CloudPubSubDeadLetter") })
	if item.MessageID, err = d.publish(ctx, item.Topic, letter.message.Data, attributes); err != nil {
		return err
	}
	taking, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	return letter.from.Take(taking, letter.message)
}

// marked returns a copy of attributes with the mark of a redelivery.
func marked(attributes map[string]string) map[string]string {
	copied := make(map[string]string, len(attributes)+1)
	maps.Copy(copied, attributes)
	copied[ledger.RedeliveredAttribute] = "true"
	return copied
}
