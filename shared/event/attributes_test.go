package event_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/webhook"
)

func TestAttributesOfEachScheme(t *testing.T) {
	t.Parallel()
	const body = `{"type":"batch.succeeded","timestamp":"2026-01-22T11:59:52.5+01:00","data":{"id":"batch_1"},"user_metadata":{"team":"search"}}`
	tests := []struct {
		scheme         webhook.Scheme
		tenant, source string
	}{
		{webhook.SchemeV1, "", "//generativelanguage.googleapis.com/webhooks/static"},
		{webhook.SchemeV1a, "acme", "//generativelanguage.googleapis.com/webhooks/dynamic/acme"},
		{webhook.SchemeJWT, "acme", "//generativelanguage.googleapis.com/webhooks/dynamic/acme"},
	}
	for _, test := range tests {
		t.Run(string(test.scheme), func(t *testing.T) {
			t.Parallel()
			delivery := deliver(t, test.scheme, body)
			parsed, err := event.Parse(delivery.Payload())
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"ce-specversion":     "1.0",
				"ce-id":              "msg_1",
				"ce-type":            "batch.succeeded",
				"ce-source":          test.source,
				"ce-subject":         "batch_1",
				"ce-time":            "2026-01-22T11:59:52.5+01:00",
				"content-type":       "application/json",
				"ce-datacontenttype": "application/json",
				"ce-signaturescheme": string(test.scheme),
				"webhook-timestamp":  nowDigits,
				"webhook-signature":  delivery.Signature(),
				"user_metadata.team": "search",
			}
			if test.tenant != "" {
				want["ce-tenant"] = test.tenant
			}
			if got := parsed.Attributes(delivery, test.tenant); !maps.Equal(got, want) {
				t.Errorf("Attributes = %v,\nwant %v", redacted(got), redacted(want))
			}
		})
	}
}

// redacted are attributes that may be printed.
func redacted(attributes map[string]string) map[string]string {
	shown := maps.Clone(attributes)
	shown["webhook-signature"] = fmt.Sprintf("%d bytes", len(shown["webhook-signature"]))
	return shown
}

func TestTypeAndResourceOfEveryTypeOfTheGuide(t *testing.T) {
	t.Parallel()
	for _, eventType := range standin.EventTypes() {
		got := attributesOf(t, string(standin.Event(eventType)))
		if got["ce-type"] != eventType || got["ce-subject"] != "sample_123456" || got["ce-time"] != nowText || len(got) != 11 {
			t.Errorf("%s: %v", eventType, redacted(got))
		}
	}
}

func TestSubjectIsLeftOutWithoutAResource(t *testing.T) {
	t.Parallel()
	if got := attributesOf(t, `{"type":"x","data":{"id":""}}`); len(got) != 10 {
		t.Errorf("%d attributes, want 10: %v", len(got), redacted(got))
	}
}

func TestTimeIsTheEventsIfItIsRFC3339(t *testing.T) {
	t.Parallel()
	for _, timestamp := range []string{
		"2026-01-22T11:59:52Z", "2026-01-22T11:59:52.000Z", "2026-01-22T11:59:52.123456789Z", "2026-01-22T11:59:52-08:00",
		"2026-01-22T11:59:52+23:59", "2024-02-29T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
	} {
		if got := attributesOf(t, `{"type":"x","timestamp":"`+timestamp+`"}`)["ce-time"]; got != timestamp {
			t.Errorf("ce-time = %q, want %q", got, timestamp)
		}
	}
	for _, timestamp := range []string{
		`""`, `"yesterday"`, `"1769083192"`, `1769083192`, `null`, `"2026-01-22"`, `"2026-01-22T11:59:52"`, `"2026-01-22 11:59:52Z"`,
		`"2026-01-22T11:59Z"`, `"2026-1-22T11:59:52Z"`, `"2026-01-22T1:59:52Z"`, `"2026-01-22T11:59:52,5Z"`, `"2026-01-22T11:59:52.Z"`,
		`"2026-01-22T11:59:52+0100"`, `"2026-01-22T11:59:52+01"`, `"2026-01-22T11:59:52+24:00"`, `"2026-01-22T11:59:52+01:60"`, `"2026-01-22T11:59:52 Z"`,
		`"2026-02-29T00:00:00Z"`, `"2026-13-01T00:00:00Z"`, `"2026-01-22T24:00:00Z"`, `"2026-01-22T11:60:00Z"`,
		`" 2026-01-22T11:59:52Z"`, `"2026-01-22T11:59:52Z "`, `"2026-01-22T11:59:52Z\n"`, `"Thu, 22 Jan 2026 11:59:52 GMT"`,
		`"10000-01-01T00:00:00Z"`, `"-001-01-01T00:00:00Z"`, `"２０２６-01-22T11:59:52Z"`,
	} {
		if got := attributesOf(t, `{"type":"x","timestamp":`+timestamp+`}`)["ce-time"]; got != nowText {
			t.Errorf("timestamp %s: ce-time = %q, want that of the delivery, %s", timestamp, got, nowText)
		}
	}
}

func TestDeadLetterAttributes(t *testing.T) {
	t.Parallel()
	for _, tenant := range []string{"", "acme"} {
		scheme := webhook.SchemeV1
		want := map[string]string{
			"ce-specversion":     "1.0",
			"ce-id":              "msg_1",
			"ce-type":            "gemhook.dead_letter",
			"ce-source":          "//generativelanguage.googleapis.com/webhooks/static",
			"ce-time":            nowText,
			"content-type":       "application/json",
			"ce-datacontenttype": "application/json",
			"ce-signaturescheme": "v1",
			"webhook-timestamp":  nowDigits,
			"error":              "not a Gemini event: it has no type",
		}
		if tenant != "" {
			scheme, want["ce-signaturescheme"], want["ce-tenant"] = webhook.SchemeV1a, "v1a", "acme"
			want["ce-source"] = "//generativelanguage.googleapis.com/webhooks/dynamic/acme"
		}
		delivery := deliver(t, scheme, `{"timestamp":"2026-01-01T00:00:00Z","data":{"id":"a"},"user_metadata":{"a":"1"}}`)
		want["webhook-signature"] = delivery.Signature()
		_, reason := event.Parse(delivery.Payload())
		if got := event.DeadLetterAttributes(delivery, tenant, reason); !maps.Equal(got, want) {
			t.Errorf("DeadLetterAttributes = %v,\nwant %v", redacted(got), redacted(want))
		}
	}
	if ledger.DeadLetterType != "gemhook.dead_letter" {
		t.Errorf("DeadLetterType = %q", ledger.DeadLetterType)
	}
}

func TestDeadLetterLeavesOutAReasonThatIsTooLong(t *testing.T) {
	t.Parallel()
	delivery := deliver(t, webhook.SchemeV1, "x")
	for length, want := range map[int]bool{1024: true, 1025: false} {
		got := event.DeadLetterAttributes(delivery, "", errors.New(strings.Repeat("a", length)))
		if _, there := got["error"]; there != want {
			t.Errorf("reason of %d bytes: there %t, want %t", length, there, want)
		}
	}
}

// wantLegal wants attributes that Pub/Sub takes, with room for the mark of a redelivery.
func wantLegal(t *testing.T, attributes map[string]string) {
	t.Helper()
	if err := checkLegal(attributes); err != nil {
		t.Error(err)
	}
}

func TestTimeOfATokenIsOfTheUnsignedHeader(t *testing.T) {
	t.Parallel()
	d, err := keys().SignJWT(standin.Delivery{ID: "msg_1", Time: now.Add(-time.Hour), Body: []byte(`{"type":"x"}`)},
		0, audience, now, now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	delivery := verify(t, d)
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed.Attributes(delivery, "acme")["ce-time"]; got != "2026-01-22T11:00:00Z" {
		t.Errorf("ce-time = %q, want the webhook-timestamp", got)
	}
}

func TestFoundAttributes(t *testing.T) {
	t.Parallel()
	parsed, err := event.Parse([]byte(`{"type":"batch.succeeded","timestamp":"2026-01-22T11:00:00Z","data":{"id":"batches/abc"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"ce-specversion":     "1.0",
		"ce-id":              "gemhook-found-abc",
		"ce-type":            "batch.succeeded",
		"ce-source":          "//generativelanguage.googleapis.com/webhooks/static",
		"ce-subject":         "batches/abc",
		"ce-time":            "2026-01-22T11:00:00Z",
		"content-type":       "application/json",
		"ce-datacontenttype": "application/json",
		"ce-signaturescheme": "none",
		"ce-redelivered":     "true",
	}
	if got := parsed.FoundAttributes("gemhook-found-abc", "", now); !maps.Equal(got, want) {
		t.Errorf("FoundAttributes = %v,\nwant %v", got, want)
	}
	want["ce-source"], want["ce-tenant"] = "//generativelanguage.googleapis.com/webhooks/dynamic/acme", "acme"
	if got := parsed.FoundAttributes("gemhook-found-abc", "acme", now); !maps.Equal(got, want) {
		t.Errorf("FoundAttributes of a tenant = %v,\nwant %v", got, want)
	}
}
