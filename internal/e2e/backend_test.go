package e2e

import (
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/backend"
)

const (
	topicID           = backend.TopicID
	deadLetterTopicID = backend.DeadLetterTopicID
	subscriptionTail  = "-test" // appended to the topic's id
)

// project is a project on the emulators, with both topics and a subscription to each.
type project struct {
	t *testing.T
	*backend.Project
}

// newProject makes a project of the test's own on the shared emulators.
func newProject(t *testing.T) *project {
	t.Helper()
	return openProject(t, testkit.FirestoreHost(t), testkit.PubSubHost(t))
}

// openProject makes one on those emulators.
func openProject(t *testing.T, firestoreHost, pubSubHost string) *project {
	t.Helper()
	opened, err := backend.Open(t.Context(), "e2e", firestoreHost, pubSubHost)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	p := &project{t, opened}
	p.createTopics()
	return p
}

func (p *project) createTopics() {
	p.t.Helper()
	for _, id := range []string{topicID, deadLetterTopicID} {
		p.createTopic(id)
	}
}

func (p *project) createTopic(id string) {
	p.t.Helper()
	if err := p.CreateTopic(p.t.Context(), id, 10*time.Minute, id+subscriptionTail); err != nil {
		p.t.Fatal(err)
	}
}

// received takes all messages that are on a topic. It waits for enough of them, up to a minute, and
// then for half a second whether there are more.
func (p *project) received(topicID string, wanted int) []*pubsubpb.PubsubMessage {
	p.t.Helper()
	messages, err := p.Take(p.t.Context(), topicID+subscriptionTail, wanted)
	if err != nil {
		p.t.Fatal(err)
	}
	return messages
}

// pull takes messages that lie on a topic: some of them, none only if none came within patience.
func (p *project) pull(topicID string, patience time.Duration) []*pubsubpb.PubsubMessage {
	p.t.Helper()
	received, err := p.Pull(p.t.Context(), topicID+subscriptionTail, patience)
	if err != nil {
		p.t.Fatal(err)
	}
	var messages []*pubsubpb.PubsubMessage
	for _, message := range received {
		messages = append(messages, message.Message)
	}
	return messages
}

// document returns the ledger's document of a key, nil if there is none.
func (p *project) document(key string) map[string]any {
	p.t.Helper()
	document, err := p.Document(p.t.Context(), "deliveries", key)
	if err != nil {
		p.t.Fatal(err)
	}
	return document
}
