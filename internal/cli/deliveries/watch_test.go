package deliveries_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

func TestWatchSeesWhatGeminiDelivers(t *testing.T) {
	t.Parallel()
	testkit.FirestoreHost(t)
	client, err := firestore.NewClient(t.Context(), fmt.Sprintf("watch-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	store := firestoreledger.New(client, "deliveries")
	received := time.Unix(1769083200, 0)
	add := func(key ledger.Key, id, tenant string, state ledger.State) ledger.Version {
		t.Helper()
		received = received.Add(time.Second)
		version, err := store.Create(t.Context(), key, &ledger.Document{
			State: state, WebhookID: id, Tenant: tenant, ReceivedAt: received, Payload: []byte(id),
		})
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	add(ledger.StaticKey("msg_before"), "msg_before", "", ledger.Published)

	var ways []func() // what happens while the watch waits
	watch, err := deliveries.NewReader(client, "deliveries").Watch(t.Context(), func(context.Context, time.Duration) error {
		if len(ways) == 0 {
			return errors.New("nothing came")
		}
		next := ways[0]
		ways = ways[1:]
		next()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var claimed ledger.Version
	ways = []func(){
		func() { add(ledger.StaticKey("gemhook-mine"), "gemhook-mine", "", ledger.Published) },
		func() { add(ledger.DynamicKey("acme", "msg_other"), "msg_other", "acme", ledger.Published) },
		func() { claimed = add(ledger.StaticKey("msg_1"), "msg_1", "", ledger.Claimed) },
		func() {
			if err := store.Finish(t.Context(), ledger.StaticKey("msg_1"), claimed, ledger.Outcome{State: ledger.Published}); err != nil {
				t.Fatal(err)
			}
		},
	}
	got, err := watch.Next(t.Context())
	if err != nil || got.WebhookID != "msg_1" || string(got.Payload) != "msg_1" || len(ways) != 0 {
		t.Fatalf("Next = %+v, %v with %d things to happen yet", got, err, len(ways))
	}
	ways = []func(){func() { add(ledger.StaticKey("msg_2"), "msg_2", "", ledger.DeadLettered) }}
	if got, err = watch.Next(t.Context()); err != nil || got.WebhookID != "msg_2" {
		t.Errorf("Next = %+v, %v", got, err)
	}
	// One that was received before another, and settled after it.
	late := add(ledger.StaticKey("msg_late"), "msg_late", "", ledger.Claimed)
	ways = []func(){func() { add(ledger.StaticKey("msg_3"), "msg_3", "", ledger.Released) }}
	if got, err = watch.Next(t.Context()); err != nil || got.WebhookID != "msg_3" {
		t.Errorf("Next = %+v, %v", got, err)
	}
	ways = []func(){func() {
		if err := store.Finish(t.Context(), ledger.StaticKey("msg_late"), late, ledger.Outcome{State: ledger.Published}); err != nil {
			t.Fatal(err)
		}
	}}
	if got, err = watch.Next(t.Context()); err != nil || got.WebhookID != "msg_late" {
		t.Errorf("Next = %+v, %v", got, err)
	}
	if got, err = watch.Next(t.Context()); err == nil {
		t.Errorf("Next = %+v where nothing comes", got)
	}
}
