package event_test

import (
	"maps"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	cepubsub "github.com/cloudevents/sdk-go/protocol/pubsub/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/webhook"
)

// seen is what the CloudEvents SDK for Go makes of a message.
type seen struct {
	SpecVersion, ID, Type, Source, Subject, ContentType string
	Time                                                time.Time
	Tenant, Scheme                                      any
	Data                                                map[string]any
}

func readBySDK(t *testing.T, attributes map[string]string, data []byte) seen {
	t.Helper()
	message := cepubsub.NewMessage(&pubsub.Message{Attributes: attributes, Data: data})
	e, err := binding.ToEvent(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	got := seen{SpecVersion: e.SpecVersion(), ID: e.ID(), Type: e.Type(), Source: e.Source(), Subject: e.Subject(),
		ContentType: e.DataContentType(), Time: e.Time(), Tenant: e.Extensions()["tenant"], Scheme: e.Extensions()["signaturescheme"]}
	if err := e.DataAs(&got.Data); err != nil {
		t.Errorf("data: %v", err)
	}
	return got
}

// The CloudEvents SDK for Go makes an event of a message, with the content type of its data.
func TestCloudEventsSDKReadsMessages(t *testing.T) {
	t.Parallel()
	const body = `{"type":"batch.succeeded","data":{"id":"b"},"user_metadata":{"team":"search"}}`
	delivery := deliver(t, webhook.SchemeV1a, body)
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		t.Fatal(err)
	}
	attributes := parsed.Attributes(delivery, "acme")
	want := seen{
		SpecVersion: "1.0", ID: "msg_1", Type: "batch.succeeded", Subject: "b", ContentType: "application/json",
		Source: "//generativelanguage.googleapis.com/webhooks/dynamic/acme", Time: now, Tenant: "acme", Scheme: "v1a",
		Data: map[string]any{"type": "batch.succeeded", "data": map[string]any{"id": "b"}, "user_metadata": map[string]any{"team": "search"}},
	}
	if diff := cmp.Diff(want, readBySDK(t, attributes, []byte(body))); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}

	// The content type has two names on a message because this SDK reads only one of them. If it
	// reads the other as well one day, the second can go.
	for name, reads := range map[string]bool{"content-type": false, "ce-datacontenttype": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alone := maps.Clone(attributes)
			delete(alone, "content-type")
			delete(alone, "ce-datacontenttype")
			alone[name] = "application/json"
			if got := readBySDK(t, alone, []byte(body)).ContentType; (got == "application/json") != reads {
				t.Errorf("content type %q, read: want %t", got, reads)
			}
		})
	}
}
