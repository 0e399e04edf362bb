package handler

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
)

// A Form is the form in which a handler gets events.
type Form string

// The forms.
const (
	CloudEvent Form = "cloudevent" // CloudEvents' binary HTTP mode: attributes are headers, the body is the event
	PubSub     Form = "pubsub"     // as Pub/Sub pushes a message: JSON around it
	Gemini     Form = "gemini"     // as Gemini delivers to a static webhook, signed again
)

// Forms returns the names of all forms.
func Forms() []string { return []string{string(CloudEvent), string(PubSub), string(Gemini)} }

const jsonType = "application/json"

// encode returns the headers and the body of a request with an event.
func (h *Handler) encode(event *Event, now time.Time) (http.Header, []byte, error) {
	switch h.options.Form {
	case PubSub:
		body, err := push.Wrapped(&push.Message{
			ID: event.ID, PublishTime: event.PublishTime, Data: event.Data, Attributes: event.Attributes,
			Subscription: event.Subscription, Attempt: event.Attempt,
		})
		return http.Header{"Content-Type": {jsonType}}, body, err
	case Gemini:
		keys := standin.Keys{Secrets: []string{h.options.Secret}}
		signed, err := keys.SignV1(standin.Delivery{ID: webhookID(event), Time: now, Body: event.Data})
		if err != nil {
			return nil, nil, fmt.Errorf("sign with the local secret: %w", err)
		}
		signed.Header.Set("Content-Type", jsonType)
		return signed.Header, signed.Body, nil
	default:
		return cloudEvent(event), event.Data, nil
	}
}

// webhookID is the id by which a handler knows an event again.
func webhookID(event *Event) string {
	if id := event.Attributes["ce-id"]; id != "" {
		return id
	}
	return event.ID
}

// cloudEvent returns an event's attributes as headers
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md).
// A topic takes messages from anybody who may publish to it, so no attribute can become a header
// that steers HTTP itself.
func cloudEvent(event *Event) http.Header {
	header := http.Header{"Content-Type": {jsonType}}
	for name, value := range event.Attributes {
		switch {
		case !httpguts.ValidHeaderFieldName(name), name == "ce-datacontenttype": // which is Content-Type here
		case strings.HasPrefix(name, "ce-"):
			header.Set(name, percentEncoded(value))
		case name != "content-type" && !strings.HasPrefix(name, "webhook-") && !strings.HasPrefix(name, "user_metadata."):
		case httpguts.ValidHeaderFieldValue(value):
			header.Set(name, value)
		}
	}
	return header
}

// percentEncoded writes a CloudEvent's attribute as the HTTP binding has it: of the printable ASCII
// characters all but space, quotation mark and per cent stand for themselves.
func percentEncoded(value string) string {
	var encoded strings.Builder
	for _, b := range []byte(value) {
		if b <= ' ' || b > '~' || b == '"' || b == '%' {
			fmt.Fprintf(&encoded, "%%%02X", b)
			continue
		}
		encoded.WriteByte(b)
	}
	return encoded.String()
}
