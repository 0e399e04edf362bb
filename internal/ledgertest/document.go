package ledgertest

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

// precision is what a store must keep of a time: Firestore keeps microseconds.
const precision = time.Microsecond

var noon = time.Date(2026, 1, 22, 12, 0, 0, 654321000, time.UTC)

// newDocument returns a document without a zero field.
func newDocument() *ledger.Document {
	settled := noon.Add(3 * time.Second)
	return &ledger.Document{
		State:          ledger.Published,
		Attempt:        2,
		LeaseExpiresAt: noon.Add(time.Minute),
		WebhookID:      "msg_1",
		Tenant:         "acme",
		Scheme:         "v1a",
		Type:           "batch.succeeded",
		ResourceID:     "batch_123",
		Topic:          "gemini-events",
		Payload:        []byte(`{"type":"batch.succeeded"}`),
		Attributes:     map[string]string{"ce-type": "batch.succeeded", "ce-id": "msg_1"},
		ReceivedAt:     noon,
		ExpiresAt:      noon.Add(7 * 24 * time.Hour),
		SettledAt:      &settled,
		MessageID:      "m-17",
	}
}

// difference names the fields in which two documents differ, "" if there are none.
func difference(got, want *ledger.Document) string {
	var differing []string
	gotFields, wantFields := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range gotFields.NumField() {
		g, w := gotFields.Field(i).Interface(), wantFields.Field(i).Interface()
		if !same(g, w) {
			differing = append(differing, fmt.Sprintf("%s is %.200v, want %.200v", gotFields.Type().Field(i).Name, g, w))
		}
	}
	return strings.Join(differing, "; ")
}

func same(got, want any) bool {
	switch got := got.(type) {
	case time.Time:
		return got.Truncate(precision).Equal(want.(time.Time).Truncate(precision))
	case *time.Time:
		want := want.(*time.Time)
		return got == nil && want == nil || got != nil && want != nil && same(*got, *want)
	case []byte:
		return bytes.Equal(got, want.([]byte))
	case map[string]string:
		return maps.Equal(got, want.(map[string]string))
	case string:
		// A store of UTF-8 text may replace what is none.
		const replacement = "\uFFFD"
		return strings.ToValidUTF8(got, replacement) == strings.ToValidUTF8(want.(string), replacement)
	}
	return reflect.DeepEqual(got, want)
}

func create(t *testing.T, store ledger.Store, key ledger.Key, document *ledger.Document) ledger.Version {
	t.Helper()
	version, err := store.Create(t.Context(), key, document)
	if err != nil {
		t.Fatalf("create %.80q: %v", key, err)
	}
	return version
}

func read(t *testing.T, store ledger.Store, key ledger.Key) (*ledger.Document, ledger.Version) {
	t.Helper()
	document, version, err := store.Read(t.Context(), key)
	if err != nil {
		t.Fatalf("read %.80q: %v", key, err)
	}
	return document, version
}

// stored fails the test unless the store holds that document under the key.
func stored(t *testing.T, store ledger.Store, key ledger.Key, want *ledger.Document) {
	t.Helper()
	got, _ := read(t, store, key)
	if d := difference(got, want); d != "" {
		t.Errorf("stored under %.80q: %s", key, d)
	}
}

// unchanged returns a function that fails the test if what is stored under the key, or its version,
// has changed since.
func unchanged(t *testing.T, store ledger.Store, key ledger.Key) func() {
	t.Helper()
	before, versionBefore := read(t, store, key)
	return func() {
		t.Helper()
		after, version := read(t, store, key)
		if d := difference(after, before); d != "" || !version.Equal(versionBefore) {
			t.Errorf("the document has changed: version %v, was %v; %s", version, versionBefore, d)
		}
	}
}
