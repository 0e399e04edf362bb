package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/emulator/emulatortest"
)

const (
	topicID           = "gemini-events"
	deadLetterTopicID = "gemini-dead-letters"
	subscriptionTail  = "-test" // appended to the topic's id
)

// backend is one project on the emulators, with both topics and a subscription to each.
type backend struct {
	t         *testing.T
	project   string
	firestore string // host of the emulator
	pubsub    string
	messages  *pubsub.Client
	documents *firestore.Client
}

// newBackend makes a project of the test's own on the shared emulators.
func newBackend(t *testing.T) *backend {
	t.Helper()
	return connect(t, emulatortest.FirestoreHost(t), emulatortest.PubSubHost(t))
}

// backendOn makes one on emulators of the test's own. From here on all clients of the test talk to them.
func backendOn(t *testing.T, firestoreHost, pubsubHost string) *backend {
	t.Helper()
	t.Setenv("FIRESTORE_EMULATOR_HOST", firestoreHost)
	t.Setenv("PUBSUB_EMULATOR_HOST", pubsubHost)
	return connect(t, firestoreHost, pubsubHost)
}

// connect makes a project on the emulators that the environment names.
func connect(t *testing.T, firestoreHost, pubsubHost string) *backend {
	t.Helper()
	b := &backend{
		t:         t,
		project:   fmt.Sprintf("test-%d", time.Now().UnixNano()),
		firestore: firestoreHost,
		pubsub:    pubsubHost,
	}
	var err error
	if b.messages, err = pubsub.NewClient(t.Context(), b.project); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.messages.Close() })
	if b.documents, err = firestore.NewClient(t.Context(), b.project); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.documents.Close() })
	b.createTopics()
	return b
}

func (b *backend) createTopics() {
	b.t.Helper()
	for _, id := range []string{topicID, deadLetterTopicID} {
		b.createTopic(id)
	}
}

func (b *backend) createTopic(id string) {
	b.t.Helper()
	ctx := b.t.Context()
	name := "projects/" + b.project + "/topics/" + id
	if _, err := b.messages.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: name}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.messages.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: b.subscription(id), Topic: name, AckDeadlineSeconds: 600,
	}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *backend) subscription(topicID string) string {
	return "projects/" + b.project + "/subscriptions/" + topicID + subscriptionTail
}

// received takes all messages that lie on a topic. It asks until it has waited for half a second in vain.
func (b *backend) received(topicID string) []*pubsubpb.PubsubMessage {
	b.t.Helper()
	var all []*pubsubpb.PubsubMessage
	for {
		messages := b.pull(topicID)
		if len(messages) == 0 {
			return all
		}
		all = append(all, messages...)
	}
}

// pull takes messages that lie on a topic: some of them, none only if there was none in half a second.
func (b *backend) pull(topicID string) []*pubsubpb.PubsubMessage {
	b.t.Helper()
	return b.pullFor(topicID, 500*time.Millisecond)
}

// pullNow is pull without the patience.
func (b *backend) pullNow(topicID string) []*pubsubpb.PubsubMessage {
	b.t.Helper()
	return b.pullFor(topicID, 20*time.Millisecond)
}

func (b *backend) pullFor(topicID string, patience time.Duration) []*pubsubpb.PubsubMessage {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	response, err := b.messages.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{
		Subscription: b.subscription(topicID), MaxMessages: 1000,
	})
	if status.Code(err) == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	if err != nil {
		b.t.Fatal(err)
	}
	var messages []*pubsubpb.PubsubMessage
	for _, message := range response.ReceivedMessages {
		messages = append(messages, message.Message)
	}
	return messages
}

// document returns the ledger's document of a key, nil if there is none.
func (b *backend) document(key string) map[string]any {
	b.t.Helper()
	snapshot, err := b.documents.Collection("deliveries").Doc(key).Get(b.t.Context())
	if status.Code(err) == codes.NotFound {
		return nil
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return snapshot.Data()
}
