package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Subscription is the name of the subscription in every push that Body makes.
const Subscription = "projects/gemhook/subscriptions/gemini-events-collect"

// A Message is one that is pushed.
type Message struct {
	ID           string
	PublishTime  time.Time
	Data         []byte
	Attributes   map[string]string
	Subscription string // full name
	Attempt      int    // from 1; 0 leaves it out, as Pub/Sub does where there is no dead-letter policy
}

// Wrapped returns a message in the wrapped format in which Pub/Sub pushes it.
func Wrapped(m *Message) ([]byte, error) {
	published := m.PublishTime.UTC().Format(time.RFC3339Nano)
	wrapped := map[string]any{
		"message": map[string]any{
			"data": m.Data, "attributes": m.Attributes, "messageId": m.ID, "message_id": m.ID,
			"publishTime": published, "publish_time": published,
		},
		"subscription": m.Subscription,
	}
	if m.Attempt > 0 {
		wrapped["deliveryAttempt"] = m.Attempt
	}
	body, err := json.Marshal(wrapped)
	if err != nil {
		return nil, fmt.Errorf("encode push: %w", err)
	}
	return body, nil
}

// Body is Wrapped for callers to whom the time of the publish and the subscription do not matter.
func Body(messageID string, data []byte, attributes map[string]string) ([]byte, error) {
	return Wrapped(&Message{
		ID: messageID, PublishTime: time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC), Data: data, Attributes: attributes,
		Subscription: Subscription, Attempt: 1,
	})
}

// NewRequest returns a push to a URL; an empty token sends none.
func NewRequest(ctx context.Context, url, token string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make push: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}
