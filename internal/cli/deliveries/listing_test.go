package deliveries_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/listingtest"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// Without its index a listing fails with ErrNotListed, and a delivery is still found by its id.
func TestALedgerThatCannotBeListed(t *testing.T) {
	backend := listingtest.New(t, testkit.FirestoreHost(t))
	t.Setenv("FIRESTORE_EMULATOR_HOST", backend.Host)
	client, err := firestore.NewClient(t.Context(), fmt.Sprintf("listing-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	key := ledger.StaticKey("msg_1")
	if _, err := firestoreledger.New(client, "deliveries").Create(t.Context(), key, &ledger.Document{WebhookID: "msg_1"}); err != nil {
		t.Fatal(err)
	}
	reader := deliveries.NewReader(client, "deliveries")
	list := func() (found []*deliveries.Delivery, err error) {
		for delivery, err := range reader.List(t.Context(), deliveries.Filter{}) {
			if err != nil {
				return found, err
			}
			found = append(found, delivery)
		}
		return found, nil
	}
	wait := func(context.Context, time.Duration) error { return errors.New("waited") }

	if found, err := list(); err != nil || len(found) != 1 {
		t.Fatalf("with listing: %d deliveries, %v", len(found), err)
	}
	watch, err := reader.Watch(t.Context(), wait)
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{listingtest.Missing, listingtest.Building} {
		backend.RefuseQueries(said)
		if found, err := list(); !errors.Is(err, deliveries.ErrNotListed) || !strings.Contains(err.Error(), said) || len(found) != 0 {
			t.Errorf("List has %d deliveries, %v; want ErrNotListed and what Firestore said", len(found), err)
		}
		if _, err := reader.Watch(t.Context(), wait); !errors.Is(err, deliveries.ErrNotListed) {
			t.Errorf("Watch: %v, want ErrNotListed", err)
		}
		if _, err := watch.Next(t.Context()); !errors.Is(err, deliveries.ErrNotListed) {
			t.Errorf("Next: %v, want ErrNotListed", err)
		}
		if delivery, err := reader.Get(t.Context(), key); err != nil || delivery.WebhookID != "msg_1" {
			t.Errorf("Get: %+v, %v", delivery, err)
		}
	}
	backend.RefuseAll(listingtest.DatastoreMode)
	if _, err := reader.Get(t.Context(), key); err == nil || errors.Is(err, deliveries.ErrNotListed) || errors.Is(err, deliveries.ErrNotFound) {
		t.Errorf("Get: %v, want an error that is neither ErrNotListed nor ErrNotFound", err)
	}
}

// Other failures of a list are not taken for missing indexes.
func TestListFailsOtherwise(t *testing.T) {
	t.Parallel()
	testkit.FirestoreHost(t)
	client, err := firestore.NewClient(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err = range deliveries.NewReader(client, "deliveries").List(ctx, deliveries.Filter{}) {
	}
	if err == nil || errors.Is(err, deliveries.ErrNotListed) {
		t.Errorf("List under a context that has ended: %v", err)
	}
}
