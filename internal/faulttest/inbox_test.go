package faulttest

import (
	"context"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
)

// A message that was pulled and not acknowledged, as by a pull that was given up just as it was answered, is not lost to
// the account; and one whose acknowledgement was given up is noted.
func TestTheInboxMissesNoMessage(t *testing.T) {
	t.Parallel()
	backend, err := NewBackend(t.Context(), testkit.FirestoreHost(t), testkit.PubSubHost(t))
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	for _, id := range []string{"pulled before", "a"} {
		if _, err := backend.client.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{
			Topic: backend.topic(topicID), Messages: []*pubsubpb.PubsubMessage{{Attributes: map[string]string{"ce-id": id}}},
		}); err != nil {
			t.Fatal(err)
		}
		if id == "a" {
			break
		}
		if messages, err := backend.pull(t.Context(), arrivalLimit); err != nil || len(messages) != 1 {
			t.Fatalf("%d messages, error %v", len(messages), err)
		}
	}
	account := NewAccount()
	for _, id := range []string{"pulled before", "a"} {
		account.open(standin.Delivery{ID: id, Scheme: standin.SchemeJWT}, false)
		account.answered(id, &standin.Answer{StatusCode: 200}, begun, 0)
	}

	inbox := &Inbox{backend: backend, account: account}
	if messages, err := backend.pull(t.Context(), arrivalLimit); err != nil || len(messages) == 0 {
		t.Fatalf("%d messages, error %v", len(messages), err)
	} else {
		given, giveUp := context.WithCancel(t.Context())
		giveUp()
		if err := inbox.note(given, messages); err == nil {
			t.Error("an acknowledgement that was given up succeeds")
		}
	}
	if account.missing() != 1 {
		t.Errorf("%d missing after the first message was noted, want the other one", account.missing())
	}
	open := backend.Open(t.Context(), account)
	if err := open.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if account.missing() != 0 {
		t.Errorf("%d messages are missing", account.missing())
	}
}
