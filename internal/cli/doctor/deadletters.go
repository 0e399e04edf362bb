package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// noEvent is the body of the doctor's own dead letter.
const noEvent = "A test by gemhook doctor, to be ignored: what the receiver finds to be no event comes here."

// deadLetter checks that the receiver's dead letters arrive in the dead-letter subscription. If the
// newest on record did, that is enough. Else it has the receiver make one, and takes that out of
// the subscription again.
func (e *examination) deadLetter(ctx context.Context) (string, error) {
	topic := e.Settings.Optional(deployment.DeadLetterTopic)
	if topic == "" {
		return "not known where they should go: " + deployment.DeadLetterTopic.Variable() + " is not set", errNothingToCheck
	}
	client, err := e.Clients.Firestore(ctx)
	if err != nil {
		return "", err
	}
	reader := deliveries.NewReader(client, e.Settings.Optional(deployment.Collection))
	if newest := e.newestDeadLetter(ctx, reader); newest != nil && newest.Topic == topic {
		return "the newest, of " + newest.ReceivedAt.UTC().Format(time.DateOnly) + ", is on " + topic, nil
	}
	made, err := e.makeDeadLetter(ctx, reader)
	switch {
	case err != nil:
		return "", err
	case made.State == ledger.Released:
		return "", fail(e.whyReleased(ctx, made.Topic), "the receiver could not publish a dead letter to %s", made.Topic)
	case made.Topic != topic:
		return "", fail("set GEMHOOK_DEAD_LETTER_TOPIC of the receiver, or here, so that both say the same;\n"+
			"message "+made.MessageID+" there is a test of this command's",
			"the receiver publishes dead letters to %s, not to %s", made.Topic, topic)
	}
	return "a test came to " + topic + e.takeBack(ctx, made.MessageID), nil
}

// newestDeadLetter returns the newest on record, nil if there is none or the ledger cannot be
// listed.
func (e *examination) newestDeadLetter(ctx context.Context, reader *deliveries.Reader) *deliveries.Delivery {
	ctx, cancel := e.call(ctx)
	defer cancel()
	for newest, err := range reader.List(ctx, deliveries.Filter{State: ledger.DeadLettered, Limit: 1}) {
		if err == nil {
			return newest
		}
	}
	return nil
}

// makeDeadLetter posts a signed delivery that is not an event, and returns what the ledger has of
// it.
func (e *examination) makeDeadLetter(ctx context.Context, reader *deliveries.Reader) (*deliveries.Delivery, error) {
	ctx, cancel := e.call(ctx)
	defer cancel()
	id, err := standin.NewID(e.Rand)
	if err != nil {
		return nil, err
	}
	id = deliveries.OwnPrefix + id
	delivery, err := (&standin.Keys{}).SignV1(standin.Delivery{ID: id, Time: e.Now(), Body: []byte(noEvent)}, e.stored[0])
	if err != nil {
		return nil, err
	}
	answer, err := standin.Send(ctx, e.HTTP, e.url+"/", delivery)
	if err != nil {
		return nil, fmt.Errorf("have the receiver make a dead letter: %w", err)
	}
	if answer.StatusCode != http.StatusOK && answer.Error != "topic_unavailable" {
		return nil, &probe.UnexpectedError{StatusCode: answer.StatusCode, Code: answer.Error, Message: answer.Message}
	}
	return reader.Get(ctx, ledger.StaticKey(id))
}

// takeBack takes the doctor's own dead letter out of the subscription that keeps them, and says
// what came of that.
func (e *examination) takeBack(ctx context.Context, messageID string) string {
	subscription := e.Settings.Optional(deployment.DeadLetterSubscription)
	left := ", and stays in its subscriptions as message " + messageID
	if subscription == "" {
		return left
	}
	client, err := e.Clients.PubSub(ctx)
	if err != nil {
		return left
	}
	calling, cancel := e.call(ctx)
	defer cancel()
	letters, _ := messages.PullDeadLetters(calling, client, subscription, mostLetters, e.Patience) // what came before an error counts
	defer func() {
		releasing, cancel := e.call(context.WithoutCancel(ctx))
		defer cancel()
		_ = letters.Release(releasing) // if it fails, they come back by themselves within ten minutes
	}()
	for _, m := range letters.Messages {
		if m.ID == messageID && letters.Take(calling, m) == nil {
			return ", and has been taken out of " + subscription + " again"
		}
	}
	return left
}

// mostLetters is how many dead letters are searched for the doctor's own.
const mostLetters = 1000
