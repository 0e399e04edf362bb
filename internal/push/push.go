package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Subscription is the name of the subscription in every push.
const Subscription = "projects/gemhook/subscriptions/gemini-events-collect"

// Body returns a message in the wrapped format in which Pub/Sub pushes it.
func Body(messageID string, data []byte, attributes map[string]string) ([]byte, error) {
	body, err := json.Marshal(map[string]any{
		"message": map[string]any{
			"data": data, "attributes": attributes, "messageId": messageID, "message_id": messageID,
			"publishTime": "2026-01-22T12:00:00Z", "publish_time": "2026-01-22T12:00:00Z",
		},
		"subscription": Subscription, "deliveryAttempt": 1,
	})
	if err != nil {
		return nil, fmt.Errorf("encode push: %w", err)
	}
	return body, nil
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
