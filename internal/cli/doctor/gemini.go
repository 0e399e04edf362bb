package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/pubsub/v2"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
)

func (e *examination) apiKey(ctx context.Context) (string, error) {
	client, err := e.Clients.Gemini()
	if err != nil {
		return "", err
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	for registered, err := range client.List(ctx) {
		if err != nil {
			return "", err
		}
		e.webhooks = append(e.webhooks, registered)
	}
	return fmt.Sprintf("it may list webhooks, of which there are %d", len(e.webhooks)), nil
}

func (e *examination) webhook(context.Context) (string, error) {
	var others []string
	count := 0
	for _, registered := range e.webhooks {
		if !geminiapi.SameURI(registered.URI, e.url) {
			others = append(others, registered.ID+" at "+registered.URI)
			continue
		}
		e.found = registered
		count++
	}
	switch {
	case count == 1:
		return e.found.ID + " delivers to " + e.found.URI, nil
	case count > 1:
		return "", fail("delete all but one: gemhook webhooks delete ID", "%d webhooks deliver to %s, and each event comes from each of them", count, e.url)
	case len(others) > 0:
		return "", fail("register one: gemhook webhooks create; or point one here: gemhook webhooks update ID --uri "+e.url+"/",
			"no webhook delivers to %s; there is %s", e.url, strings.Join(others, ", "))
	}
	return "", fail("register one: gemhook webhooks create", "no webhook is registered")
}

func (e *examination) webhookState(context.Context) (string, error) {
	switch e.found.State {
	case geminiapi.StateEnabled:
		return "enabled", nil
	case geminiapi.StateDisabledDueToFailedDeliveries:
		return "", fail("set right what else fails here, then: gemhook webhooks enable "+e.found.ID,
			"Gemini has disabled it, because its deliveries failed for too long")
	}
	return "", fail("gemhook webhooks enable "+e.found.ID, "it is %s", e.found.State)
}

func (e *examination) webhookEvents(context.Context) (string, error) {
	var missing []string
	for _, event := range e.Events {
		if !slices.Contains(e.found.SubscribedEvents, event) {
			missing = append(missing, event)
		}
	}
	if len(missing) > 0 {
		return "", fail("gemhook webhooks update "+e.found.ID+" --event "+strings.Join(e.Events, ","),
			"it is not subscribed to %s", strings.Join(missing, ", "))
	}
	return fmt.Sprintf("subscribed to %d", len(e.found.SubscribedEvents)), nil
}

func (e *examination) webhookSecret(context.Context) (string, error) {
	known, shown := rotation.Stored(e.found, e.stored)
	switch {
	case !shown:
		return "Gemini does not show which it signs with", errNothingToCheck
	case !known:
		return "", fail("have Gemini make a new one and store it: gemhook webhooks rotate",
			"Gemini signs with a secret that is not in %s", e.secretStore())
	}
	return "what Gemini signs with is stored", nil
}

// arrival is the test delivery on its way.
type arrival struct {
	pubsub       *pubsub.Client
	subscription string
	delivery     *deliveries.Delivery
}

func (a *arrival) release(ctx context.Context) {
	if a.subscription != "" {
		_ = messages.Unsubscribe(ctx, a.pubsub, a.subscription) // else Pub/Sub does, after a day
	}
}

// testDelivery has Gemini send a delivery and waits for it to come into the ledger.
func (e *examination) testDelivery(ctx context.Context) (_ string, err error) {
	documents, err := e.Clients.Firestore(ctx)
	if err != nil {
		return "", err
	}
	if e.pubsub, err = e.Clients.PubSub(ctx); err != nil {
		return "", err
	}
	gemini, err := e.Clients.Gemini()
	if err != nil {
		return "", err
	}
	calling, cancel := e.call(ctx)
	defer cancel()
	watch, err := deliveries.NewReader(documents, e.Settings.Optional(deployment.Collection)).Watch(calling, e.Wait)
	if err != nil {
		return "", err
	}
	if e.subscription, err = messages.Subscribe(calling, e.pubsub, e.Settings.Optional(deployment.Topic), messages.Filter{}); err != nil {
		return "", err
	}
	if err := gemini.Ping(calling, e.found.ID); err != nil {
		return "", err
	}
	waiting, cancel := context.WithTimeout(ctx, e.PingTimeout)
	defer cancel()
	e.delivery, err = watch.Next(waiting)
	if errors.Is(err, context.DeadlineExceeded) || waiting.Err() != nil {
		return "", fail("look at the receiver's log for what it refused, and why",
			"Gemini's test delivery has not come into the ledger within %s", e.PingTimeout)
	}
	if err != nil {
		return "", err
	}
	if e.delivery.State == ledger.Released {
		return "", fail(e.whyReleased(ctx, e.delivery.Topic),
			"Gemini's test delivery came in, and the receiver could not publish it to %s: the ledger has it as %s", e.delivery.Topic, e.delivery.State)
	}
	return fmt.Sprintf("%s came in and is %s", e.delivery.WebhookID, e.delivery.State), nil
}

// message waits for the test delivery's message.
func (e *examination) message(ctx context.Context) (string, error) {
	topic := e.Settings.Optional(deployment.Topic)
	if e.delivery.State == ledger.DeadLettered {
		return "on " + e.delivery.Topic + " as message " + e.delivery.MessageID + ": the test delivery is not an event", nil
	}
	if e.delivery.Topic != topic {
		return "", fail("set GEMHOOK_TOPIC of the receiver, or here, so that both say the same",
			"the receiver publishes to %s, not to %s", e.delivery.Topic, topic)
	}
	waiting, cancel := context.WithTimeout(ctx, e.PingTimeout)
	defer cancel()
	seen := false
	err := messages.Follow(waiting, e.pubsub, e.subscription, messages.Filter{}, true, func(m *messages.Message) bool {
		seen = m.Attributes["ce-id"] == e.delivery.WebhookID
		return !seen
	})
	if err != nil {
		return "", err
	}
	if !seen {
		return "", fail("run doctor again; if it stays so, look at the topic's state and schema in the console",
			"message %s has not come out of topic %s within %s", e.delivery.MessageID, topic, e.PingTimeout)
	}
	return "seen on " + topic + " as message " + e.delivery.MessageID, nil
}
