package firestoreledger_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/ledgertest"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// newClient returns a client of a project that is the test's own.
func newClient(t *testing.T, host string) *firestore.Client {
	t.Helper()
	t.Setenv("FIRESTORE_EMULATOR_HOST", host)
	client, err := firestore.NewClient(t.Context(), fmt.Sprintf("ledger-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestStore(t *testing.T) {
	client := newClient(t, testkit.FirestoreHost(t))
	var opened atomic.Int64
	ledgertest.Run(t, func(*testing.T) ledger.Store {
		return firestoreledger.New(client, fmt.Sprintf("deliveries-%d", opened.Add(1)))
	})
}

// TestFields is about the names and types that operators, TTL policies and replays go by.
func TestFields(t *testing.T) {
	client := newClient(t, testkit.FirestoreHost(t))
	now := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	l := ledger.New(firestoreledger.New(client, "deliveries"), ledger.Options{
		Lease: time.Minute, Retention: 168 * time.Hour, Now: func() time.Time { return now },
	})
	result, err := l.Claim(t.Context(), ledger.Message{
		Key: ledger.DynamicKey("acme", "a/b\xff"), WebhookID: "a/b\xff", Tenant: "acme", Scheme: "v1a", Type: "batch.succeeded", ResourceID: "batch_1", Topic: "gemini-events",
		Payload: []byte("{\xff}"), Attributes: map[string]string{"user_metadata.a.b": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"state": "claimed", "attempt": int64(1), "lease_expires_at": now.Add(time.Minute),
		"webhook_id": "a/b\uFFFD", "tenant": "acme", "scheme": "v1a", "type": "batch.succeeded", "resource_id": "batch_1",
		"topic": "gemini-events", "payload": []byte("{\xff}"), "attributes": map[string]any{"user_metadata.a.b": "1"},
		"received_at": now, "expires_at": now.Add(168 * time.Hour), "settled_at": nil, "message_id": "",
	}
	checkFields(t, client, "dynamic!acme!a%2Fb%FF", want)

	now = now.Add(2 * time.Second)
	if err := l.Settle(t.Context(), result.Claim, "m-1"); err != nil {
		t.Fatal(err)
	}
	want["state"], want["settled_at"], want["message_id"] = "published", now, "m-1"
	checkFields(t, client, "dynamic!acme!a%2Fb%FF", want)
}

func checkFields(t *testing.T, client *firestore.Client, id string, want map[string]any) {
	t.Helper()
	snapshot, err := client.Collection("deliveries").Doc(id).Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, snapshot.Data()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// TestUnreachable holds the store to say nothing about documents that it cannot know of.
func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	_ = listener.Close() // and now nobody listens there
	store := firestoreledger.New(newClient(t, host), "deliveries")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()

	_, createErr := store.Create(ctx, "static!1", &ledger.Document{})
	_, _, readErr := store.Read(ctx, "static!1")
	_, replaceErr := store.Replace(ctx, "static!1", time.Now(), &ledger.Document{})
	finishErr := store.Finish(ctx, "static!1", time.Now(), ledger.Outcome{State: ledger.Released})
	for step, err := range map[string]error{"create": createErr, "read": readErr, "replace": replaceErr, "finish": finishErr} {
		if err == nil || errors.Is(err, ledger.ErrExists) || errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrChanged) {
			t.Errorf("%s: error %v, want one that says nothing about the document", step, err)
		}
	}
}
