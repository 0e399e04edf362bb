// Package e2e tests gemhook from outside: a request is posted, and what counts is the answer, the
// message on the topic and the document in the ledger. The backends are Google's emulators.
package e2e

import (
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
)

// signed returns a delivery signed by scheme, and the path it goes to.
func signed(g *gemini.Gemini, d standin.Delivery, scheme string) (standin.Delivery, string) {
	return gemini.Sign(g.Keys, d, scheme), gemini.Path(scheme)
}

// Every type of event, in every scheme, is published once with its bytes and attributes.
func TestEveryEventTypeInEveryScheme(t *testing.T) {
	b, g := newProject(t), newGemini(t)
	r := newReceiver(t, environment(b, g, nil), nil)

	bodies := map[string]string{}
	for _, scheme := range gemini.Schemes {
		for _, eventType := range append(standin.EventTypes(), "palm.reading.finished") {
			d, path := signed(g, gemini.NewDelivery(standin.Event(eventType)), scheme)
			bodies[d.ID] = string(d.Body)
			answer := post(t, r.url+path, d)
			if answer.StatusCode != 200 || answer.Status != "published" || answer.WebhookID != d.ID || answer.MessageID == "" {
				t.Errorf("%s %s: answer %d %s", scheme, eventType, answer.StatusCode, answer.Body)
			}
			again := post(t, r.url+path, d)
			if again.StatusCode != 200 || again.Status != "duplicate" || again.MessageID != answer.MessageID {
				t.Errorf("%s %s again: answer %d %s, want a duplicate of message %s", scheme, eventType, again.StatusCode, again.Body, answer.MessageID)
			}
		}
	}
	messages := b.received(topicID, len(bodies))
	if len(messages) != len(bodies) {
		t.Errorf("%d messages on the topic, want %d", len(messages), len(bodies))
	}
	for _, message := range messages {
		id := message.Attributes["ce-id"]
		if message.Attributes["ce-signaturescheme"] != "jwt" && string(message.Data) != bodies[id] {
			t.Errorf("message of %s is not the body as sent: %s", id, message.Data)
		}
		if _, marked := message.Attributes["ce-redelivered"]; marked {
			t.Errorf("message of %s is marked as a redelivery", id)
		}
	}
	if lines := r.log.deliveries(t); len(lines) != 2*len(bodies) {
		t.Errorf("%d log lines for %d deliveries", len(lines), 2*len(bodies))
	}
}
