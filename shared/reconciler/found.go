package reconciler

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
)

// FoundPrefix begins the webhook-id of an event that was found.
const FoundPrefix = "gemhook-found-"

// eventTypes are the types of event by the state in which a batch ended.
var eventTypes = map[geminiapi.BatchState]string{
	geminiapi.BatchSucceeded: "batch.succeeded",
	geminiapi.BatchFailed:    "batch.failed",
	geminiapi.BatchCancelled: "batch.cancelled",
	geminiapi.BatchExpired:   "batch.expired",
}

// found makes the message of a batch's event, as Gemini would have sent it.
func (p *pass) found(id string, batch *geminiapi.Batch) (ledger.Message, error) {
	tenant := p.project.Tenant
	type data struct {
		ID            string `json:"id"`
		OutputFileURI string `json:"output_file_uri,omitempty"`
		ErrorCode     string `json:"error_code,omitempty"`
		ErrorMessage  string `json:"error_message,omitempty"`
	}
	envelope := struct {
		Type      string    `json:"type"`
		Version   string    `json:"version"`
		Timestamp time.Time `json:"timestamp"`
		Data      data      `json:"data"`
	}{eventTypes[batch.State], "v1", batch.EndTime.UTC(), data{ID: "batches/" + id, OutputFileURI: batch.ResponsesFile}}
	if batch.Error != nil {
		envelope.Data.ErrorCode, envelope.Data.ErrorMessage = code.Code(batch.Error.Code).String(), batch.Error.Message
	}
	message := ledger.Message{
		WebhookID: FoundPrefix + id, Tenant: tenant, Scheme: event.NoScheme, Type: envelope.Type, ResourceID: envelope.Data.ID,
		Topic: p.options.Topic,
	}
	message.Key = ledger.StaticKey(message.WebhookID)
	if tenant != "" {
		message.Key = ledger.DynamicKey(tenant, message.WebhookID)
	}
	payload, err := json.Marshal(envelope)
	if err != nil {
		return message, fmt.Errorf("encode the event: %w", err)
	}
	parsed, err := event.Parse(payload)
	if err != nil {
		return message, err
	}
	message.Payload, message.Attributes = payload, parsed.FoundAttributes(message.WebhookID, tenant, batch.EndTime)
	return message, nil
}
