package listen_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// receiver publishes by the ledger, as gemhook's does.
type receiver struct {
	*fixture
	ledger *ledger.Ledger
	ahead  testkit.Clock
}

func (f *fixture) receiver() *receiver {
	r := &receiver{fixture: f}
	r.ledger = ledger.New(firestoreledger.New(f.Documents, "deliveries"), ledger.Options{
		Lease: ledger.MinLease, Retention: time.Hour, Now: r.ahead.Now,
	})
	f.options.Ledger = deliveries.NewReader(f.Documents, "deliveries")
	f.options.Since = time.Now().Add(-10 * time.Minute)
	return r
}

func (r *receiver) claim(id string) *ledger.Claim {
	r.t.Helper()
	result, err := r.ledger.Claim(r.t.Context(), ledger.Message{
		Key: ledger.StaticKey(id), WebhookID: id, Scheme: "v1", Type: "batch.succeeded", Topic: topic,
		Payload: []byte(`{"type":"batch.succeeded"}`), Attributes: attributes(id),
	})
	if err != nil || result.Standing != ledger.Mine {
		r.t.Fatalf("claim %s: %+v, %v", id, result, err)
	}
	return result.Claim
}

func (r *receiver) settle(claim *ledger.Claim, messageID string) {
	r.t.Helper()
	if err := r.ledger.Settle(r.t.Context(), claim, messageID); err != nil {
		r.t.Fatal(err)
	}
}

func (r *receiver) receive(id string) {
	r.t.Helper()
	claim := r.claim(id)
	r.settle(claim, r.publish(id))
}

// Events go on coming in while a listener starts: what is on record and what is on the topic
// overlap, and each event is handled once.
func TestThereIsNoGapAndNoDoubleAtTheSeam(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.receiver()
	var ids []string
	receive := func(n int) {
		for range n {
			id := fmt.Sprintf("msg_%d", len(ids))
			ids = append(ids, id)
			r.receive(id)
		}
	}
	receive(20)
	// Claims that are settled at any moment of the start, and were published before it.
	var pending []*ledger.Claim
	var messageIDs []string
	for i := range 3 {
		id := fmt.Sprintf("pending_%d", i)
		ids = append(ids, id)
		pending = append(pending, r.claim(id))
		messageIDs = append(messageIDs, r.publish(id))
	}
	release := make(chan struct{})
	f.answer = func(http.ResponseWriter, string, int) { <-release } // nothing is handled before all has come in
	l := f.start()
	for i, claim := range pending {
		receive(10)
		r.settle(claim, messageIDs[i])
	}
	close(release)
	f.wantHandled(ids...)
	if s := l.stop(); s.Handled != len(ids) {
		t.Errorf("%d handled, want %d", s.Handled, len(ids))
	}
	f.wantNotes("events on record are brought first")
}

func TestWhatOfTheLedgerIsBrought(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.receiver()
	r.ahead.Advance(-time.Hour) // before since
	r.receive("old")
	r.ahead.Advance(time.Hour - time.Minute)
	crashed := r.claim("crashed") // whose lease is over
	if err := r.ledger.Release(t.Context(), r.claim("released")); err != nil {
		t.Fatal(err)
	}
	r.receive("first")
	r.ahead.Advance(30 * time.Second)
	r.receive("second")

	f.options.Parallel = 1
	var order []string
	f.answer = func(_ http.ResponseWriter, id string, _ int) { order = append(order, id) }
	l := f.start()
	f.wantHandled("crashed", "first", "second")
	// The receiver that takes the abandoned claim over marks what it publishes.
	r.publish("crashed", ledger.RedeliveredAttribute, "true")
	f.awaitAccepted("crashed", 2)
	// A released one was not on the topic, and is now.
	r.publish("released")
	f.wantHandled("released")
	l.stop()
	if want := []string{"crashed", "first", "second", "crashed", "released"}; !slices.Equal(order, want) {
		t.Errorf("handled %v, want %v", order, want)
	}
	_ = crashed
}
