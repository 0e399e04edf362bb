package tap

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/inspect"
)

// Message records a message of the events, dead letter or results topic with its delivery. Where
// that is not on record it adds a record: where a ledger cannot be listed, the message is all that
// is known of the delivery.
func Message(log *inspect.Log, message inspect.Message) {
	attributes := message.Attributes
	id, tenantName := attributes["ce-id"], attributes["ce-tenant"]
	isResult := strings.HasSuffix(attributes["ce-source"], "/results")
	eventType := attributes["ce-type"]
	if isResult {
		eventType = attributes["ce-eventtype"]
	}
	record := inspect.Record{
		At: message.PublishTime, WebhookID: id, Tenant: tenantName, Scheme: attributes["ce-signaturescheme"], Type: eventType,
		Subject: attributes["ce-subject"], Outcome: "published", Messages: []inspect.Message{message},
	}
	if record.Scheme != "jwt" {
		record.Key = deliveries.KeyOf(id, tenantName)
	}
	if isResult {
		record.Objects = objects(message.Data)
	}
	log.UpdateOrAdd(func(r *inspect.Record) bool {
		return r.WebhookID == id && r.Tenant == tenantName && (r.Key != "" || accepted(r))
	}, func(r *inspect.Record) {
		for i := range r.Messages {
			if r.Messages[i].ID == message.ID {
				return // Pub/Sub may bring it again
			}
		}
		r.Messages = append(r.Messages, message)
		if isResult {
			r.Objects = record.Objects
		}
	}, record)
}

// accepted reports whether the receiver takes, or has taken, a delivery.
func accepted(r *inspect.Record) bool {
	return r.Answer == nil || r.Answer.StatusCode >= 200 && r.Answer.StatusCode <= 299
}

// objects returns what a result message says was collected.
func objects(data []byte) []inspect.Object {
	var result struct {
		Objects []struct {
			URI         string
			ContentType string `json:"content_type"`
			Bytes       int64
		}
	}
	if json.NewDecoder(bytes.NewReader(data)).Decode(&result) != nil {
		return nil // no result message of ours
	}
	var found []inspect.Object
	for _, o := range result.Objects {
		found = append(found, inspect.Object{URI: o.URI, ContentType: o.ContentType, Bytes: o.Bytes})
	}
	return found
}

// maxAttempts is how many attempts at one event are kept, the newest.
const maxAttempts = 100

// Attempt records an attempt at a local handler with the message that it got, which is recorded as
// Message does. A delivery that was a duplicate, and had no message of its own, has no attempts.
func Attempt(log *inspect.Log, message inspect.Message, attempt inspect.Attempt) {
	Message(log, message)
	log.Update(func(r *inspect.Record) bool {
		return r.Outcome != "duplicate" && slices.ContainsFunc(r.Messages, func(m inspect.Message) bool { return m.ID == message.ID })
	}, func(r *inspect.Record) {
		r.Attempts = append(r.Attempts, attempt)
		r.Attempts = r.Attempts[max(0, len(r.Attempts)-maxAttempts):]
	})
}
