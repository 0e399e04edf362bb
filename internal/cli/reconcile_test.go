package cli_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// TestReconcile wants the dry run to say what the run then does, item by item, and to change
// nothing.
func TestReconcile(t *testing.T) {
	f := newFixtureWithoutReceiver(t)
	store := firestoreledger.New(f.documents, "deliveries")
	f.leave("msg_1", ledger.Claimed, time.Hour)
	f.leave("msg_2", ledger.Released, time.Hour)
	type item struct{ Job, Subject, Action, Outcome string }
	items := func(args ...string) map[string]string {
		t.Helper()
		var report struct{ Items []item }
		f.run(append([]string{"reconcile", "-o", "json"}, args...)...).want(0).json(&report)
		found := map[string]string{}
		for _, i := range report.Items {
			found[i.Job+" "+i.Subject+" "+i.Action] = i.Outcome
		}
		return found
	}
	of := func(outcome string) map[string]string {
		return map[string]string{
			"finish static!msg_1 publish to " + events: outcome,
			"finish static!msg_2 publish to " + events: outcome,
		}
	}
	if diff := cmp.Diff(of("planned"), items()); diff != "" {
		t.Errorf("the dry run (-want +got):\n%s", diff)
	}
	document, _, err := store.Read(t.Context(), ledger.StaticKey("msg_1"))
	if err != nil || document.State != ledger.Claimed || document.Attempt != 1 {
		t.Errorf("after the dry run the ledger has %+v, %v; want it unchanged", document, err)
	}
	if diff := cmp.Diff(of("done"), items("--apply")); diff != "" {
		t.Errorf("the run (-want +got):\n%s", diff)
	}
	for _, id := range []string{"msg_1", "msg_2"} {
		if document, _, err = store.Read(t.Context(), ledger.StaticKey(id)); err != nil || document.State != ledger.Published {
			t.Errorf("after the run the ledger has %+v, %v; want it published", document, err)
		}
	}
	f.run("reconcile").want(0, "There is nothing to do.")
}

// leave leaves a delivery in the ledger that was received so long ago and that nobody is at work on
// any more.
func (f *fixture) leave(id string, state ledger.State, ago time.Duration) {
	f.t.Helper()
	received := time.Now().Add(-ago)
	if _, err := firestoreledger.New(f.documents, "deliveries").Create(f.t.Context(), ledger.StaticKey(id), &ledger.Document{
		State: state, Attempt: 1, LeaseExpiresAt: received, ReceivedAt: received, ExpiresAt: time.Now().Add(time.Hour),
		WebhookID: id, Topic: events, Payload: []byte("{}"), Attributes: map[string]string{"ce-id": id},
	}); err != nil {
		f.t.Fatal(err)
	}
}
