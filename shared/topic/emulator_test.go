package topic_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/topic"
	"github.com/gemhook/gemhook/shared/webhook"
)

// onEmulator returns a publisher for the test's own project on the emulator, and a function that
// returns the message published to its topic.
func onEmulator(t *testing.T) (*topic.Publisher, func() *pubsubpb.PubsubMessage) {
	t.Helper()
	t.Setenv("PUBSUB_EMULATOR_HOST", testkit.PubSubHost(t))
	project := fmt.Sprintf("topic-%d", time.Now().UnixNano())
	publisher, err := topic.New(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	client, err := pubsub.NewClient(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })

	topicName, subscription := "projects/"+project+"/topics/"+topicID, "projects/"+project+"/subscriptions/test"
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topicName}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: topicName}); err != nil {
		t.Fatal(err)
	}
	return publisher, func() *pubsubpb.PubsubMessage {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		response, err := client.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(response.ReceivedMessages) != 1 {
			t.Fatalf("%d messages on the topic, want 1", len(response.ReceivedMessages))
		}
		return response.ReceivedMessages[0].Message
	}
}

func TestEmulatorTopicMissing(t *testing.T) {
	publisher, _ := onEmulator(t)
	if _, err := publisher.Publish(t.Context(), "no-such-topic", []byte("{}"), nil); !errors.Is(err, topic.ErrNotPublished) {
		t.Errorf("error %v, want ErrNotPublished", err)
	}
}

// TestEmulatorTakesWhatEventMakes publishes the attributes of an event that reaches each of
// Pub/Sub's limits, with the mark of a redelivery on top.
func TestEmulatorTakesWhatEventMakes(t *testing.T) {
	publisher, received := onEmulator(t)
	metadata := map[string]any{
		"": "no name", "empty": "", "größe": "日本語🎬", "control\x00": "\x00\x1b", "goog": "reserved", "number": 1e21, "true": true,
		"longest value": strings.Repeat("ü", 512), "too long": strings.Repeat("v", 1025),
		strings.Repeat("k", 242): "longest name", strings.Repeat("l", 243): "name too long",
	}
	for i := range 200 {
		metadata["member "+strconv.Itoa(i)] = i
	}
	body, err := json.Marshal(map[string]any{"type": "batch.succeeded", "data": map[string]any{"id": strings.Repeat("i", 1024), "user_metadata": metadata}})
	if err != nil {
		t.Fatal(err)
	}
	delivery := verified(t, body)
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		t.Fatal(err)
	}
	attributes := parsed.Attributes(delivery, "")
	attributes["ce-redelivered"] = "true"
	if len(attributes) != 100 {
		t.Fatalf("%d attributes, want as many as Pub/Sub takes", len(attributes))
	}
	// The emulator takes more than Pub/Sub does
	// (https://cloud.google.com/pubsub/quotas#resource_limits).
	for key, value := range attributes {
		if len(key) > 256 || len(value) > 1024 || strings.HasPrefix(key, "goog") {
			t.Errorf("attribute %.40q of %d bytes, value of %d bytes: Pub/Sub refuses it", key, len(key), len(value))
		}
	}
	id, err := publisher.Publish(t.Context(), topicID, delivery.Payload(), attributes)
	if err != nil {
		t.Fatal(err)
	}
	message := received()
	if message.MessageId != id || string(message.Data) != string(body) || !maps.Equal(message.Attributes, attributes) {
		t.Errorf("message %s with %d attributes is not the published one, %s with %d", message.MessageId, len(message.Attributes), id, len(attributes))
	}
}

// verified returns the delivery of a body.
func verified(t *testing.T, body []byte) webhook.Delivery {
	t.Helper()
	keys := &standin.Keys{Secrets: []string{"whsec_dGVzdHMgb25seSwgb2YgdGhpcnR5LXR3byBieXRlcyE="}}
	signed, err := keys.SignV1(standin.Delivery{ID: strings.Repeat("m", 1024), Time: time.Now(), Body: body})
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := webhook.ParseSecrets(keys.Secrets[0])
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := webhook.NewStatic(webhook.Fixed(secrets), nil).Verify(t.Context(), http.Header(signed.Header), body)
	if err != nil {
		t.Fatal(err)
	}
	return delivery
}
