package ledgertest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

// difference returns how two documents differ, "" if they are the same to a store's precision. A
// store of UTF-8 text may replace what is not UTF-8.
func difference(got, want *ledger.Document) string {
	return cmp.Diff(want, got,
		cmp.Comparer(func(a, b time.Time) bool { return a.Truncate(precision).Equal(b.Truncate(precision)) }),
		cmpopts.EquateEmpty(),
		cmp.Transformer("UTF8", func(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }))
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
