package jstest

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/event"
)

// TestCloudEventsSDK has the CloudEvents SDK for JavaScript read a message, with each name that the
// content type of an event can have.
func TestCloudEventsSDK(t *testing.T) {
	const body = `{"type":"batch.succeeded","timestamp":"2026-01-22T11:00:00Z","data":{"id":"batches/b"}}`
	parsed, err := event.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	attributes := parsed.FoundAttributes("gemhook-found-b", "acme", time.Now())
	type message struct {
		Attributes map[string]string `json:"attributes"`
		Data       string            `json:"data"`
	}
	messages := []message{{attributes, body}}
	for _, name := range []string{"content-type", "Content-Type", "ce-datacontenttype"} {
		alone := maps.Clone(attributes)
		delete(alone, "content-type")
		delete(alone, "ce-datacontenttype")
		alone[name] = "application/json"
		messages = append(messages, message{alone, body})
	}
	var got []map[string]any
	node(t, "cloudevents.mjs", messages, &got)

	var data any
	if err := json.Unmarshal([]byte(body), &data); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"specversion": "1.0", "id": "gemhook-found-b", "type": "batch.succeeded", "subject": "batches/b",
		"source": "//generativelanguage.googleapis.com/webhooks/dynamic/acme", "time": "2026-01-22T11:00:00.000Z",
		"datacontenttype": "application/json", "tenant": "acme", "signaturescheme": "none", "redelivered": "true", "data": data,
	}
	if len(got) != len(messages) {
		t.Fatalf("%d events of %d messages", len(got), len(messages))
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	for i, event := range got[1:] {
		if event["datacontenttype"] != "application/json" {
			t.Errorf("message %d: no content type: %v", i+1, event)
		}
	}
}
