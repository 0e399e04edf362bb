package faulttest

import (
	"context"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/backend"
)

// A message that was pulled and not acknowledged, as by a pull that ended just as it was answered,
// is not lost to the record; and one whose acknowledgement failed is noted.
func TestTheInboxMissesNoMessage(t *testing.T) {
	t.Parallel()
	project, err := openProject(t.Context(), testkit.FirestoreHost(t), testkit.PubSubHost(t))
	if err != nil {
		t.Fatal(err)
	}
	defer project.Close()
	for _, id := range []string{"pulled before", "a"} {
		if _, err := project.Messages.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{
			Topic: project.Topic(backend.TopicID), Messages: []*pubsubpb.PubsubMessage{{Attributes: map[string]string{"ce-id": id}}},
		}); err != nil {
			t.Fatal(err)
		}
		if id == "a" {
			break
		}
		if messages, err := project.Pull(t.Context(), subscriptionID, arrivalLimit); err != nil || len(messages) != 1 {
			t.Fatalf("%d messages, error %v", len(messages), err)
		}
	}
	record := NewRecord()
	for _, id := range []string{"pulled before", "a"} {
		record.open(standin.Delivery{ID: id, Scheme: standin.SchemeJWT}, false)
		record.answered(id, &standin.Answer{StatusCode: 200}, begun, 0)
	}

	inbox := &Inbox{project: project, record: record}
	if messages, err := project.Pull(t.Context(), subscriptionID, arrivalLimit); err != nil || len(messages) == 0 {
		t.Fatalf("%d messages, error %v", len(messages), err)
	} else {
		given, giveUp := context.WithCancel(t.Context())
		giveUp()
		if err := inbox.note(given, messages); err == nil {
			t.Error("an acknowledgement that was given up succeeds")
		}
	}
	if record.missing() != 1 {
		t.Errorf("%d missing after the first message was noted, want the other one", record.missing())
	}
	open := openInbox(t.Context(), project, record)
	if err := open.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if record.missing() != 0 {
		t.Errorf("%d messages are missing", record.missing())
	}
}
