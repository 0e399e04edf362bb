package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Answer is what an endpoint said to a delivery.
type Answer struct {
	StatusCode int // HTTP status
	Header     http.Header
	Body       []byte

	// The members of gemhook's JSON answers; empty where the body has none.
	Status    string // "published", "duplicate" or "dead_lettered"
	Error     string // code of a refusal
	Message   string // sentence about the refusal
	WebhookID string
	MessageID string
}

// Acknowledged reports whether the answer ends the delivery, as any 2xx does.
func (a *Answer) Acknowledged() bool {
	return a.StatusCode >= 200 && a.StatusCode <= 299
}

// maxAnswer is how much of an answer's body is read.
const maxAnswer = 1 << 20

// Send posts a delivery to an endpoint, once, with d.Header and d.Body exactly as they are, and
// Content-Type application/json if d.Header has none. A redirect is not followed but returned: for
// Gemini it is a failure. A nil client means http.DefaultClient.
//
// An answer with any status is not an error; no answer is. The error does not name the URL, which
// holds a secret for dynamic webhooks.
func Send(ctx context.Context, client *http.Client, endpoint string, d Delivery) (*Answer, error) {
	answer, err := send(ctx, client, endpoint, d)
	if err != nil {
		if withURL := (*url.Error)(nil); errors.As(err, &withURL) {
			err = withURL.Err
		}
		return nil, fmt.Errorf("send delivery %q: %w", d.ID, err)
	}
	return answer, nil
}

func send(ctx context.Context, client *http.Client, endpoint string, d Delivery) (*Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	if d.Header != nil {
		req.Header = d.Header.Clone()
	}
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if client == nil {
		client = http.DefaultClient
	}
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := direct.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	answer := &Answer{StatusCode: resp.StatusCode, Header: resp.Header, Body: body}
	answer.decode()
	return answer, nil
}

// decode fills in the members of a JSON answer. An endpoint need not be gemhook, so a body of
// another form is not an error.
func (a *Answer) decode() {
	var members struct {
		Status    string `json:"status"`
		Error     string `json:"error"`
		Message   string `json:"message"`
		WebhookID string `json:"webhook_id"`
		MessageID string `json:"message_id"`
	}
	if json.Unmarshal(a.Body, &members) != nil {
		return
	}
	a.Status, a.Error, a.Message = members.Status, members.Error, members.Message
	a.WebhookID, a.MessageID = members.WebhookID, members.MessageID
}
