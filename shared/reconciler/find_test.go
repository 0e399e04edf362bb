package reconciler_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// addBatch has a batch end that long ago.
func (f *fixture) addBatch(id string, ago time.Duration, change func(*standin.Batch)) {
	b := standin.Batch{ID: id, CreateTime: f.clock.Now().Add(-ago - time.Hour), EndTime: f.clock.Now().Add(-ago)}
	if change != nil {
		change(&b)
	}
	f.gemini.AddBatch(b)
}

func TestFind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Advance(200 * time.Hour)
	end := f.clock.Now().Add(-26 * time.Hour).UTC()
	f.addBatch("abc", 26*time.Hour, func(b *standin.Batch) { b.EndTime, b.File = end, "files/batch-abc" })
	f.wantCounts(f.run("find"), 1, 0, 0)
	got := f.topics.of("abc")
	if len(got) != 1 {
		t.Fatalf("messages %+v, want one", got)
	}
	wantData := `{"type":"batch.succeeded","version":"v1","timestamp":"` + end.Format(time.RFC3339Nano) +
		`","data":{"id":"batches/abc","output_file_uri":"files/batch-abc"}}`
	if got[0].data != wantData || got[0].topic != events {
		t.Errorf("to %s: %s\nwant %s", got[0].topic, got[0].data, wantData)
	}
	want := map[string]string{
		"ce-specversion": "1.0", "ce-id": "gemhook-found-abc", "ce-type": "batch.succeeded", "ce-subject": "batches/abc",
		"ce-source": "//generativelanguage.googleapis.com/webhooks/static", "ce-time": end.Format(time.RFC3339Nano),
		"content-type": "application/json", "ce-datacontenttype": "application/json", "ce-signaturescheme": "none", "ce-redelivered": "true",
	}
	if diff := cmp.Diff(want, got[0].attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	f.wantState("gemhook-found-abc", ledger.Published)
	for range 3 {
		f.clock.Advance(time.Hour)
		f.wantCounts(f.run("find"), 0, 0, 0)
	}
}

func TestFindOnlyWhatWasMissed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ago    time.Duration
		change func(*standin.Batch)
		before func(*fixture)
		found  string // the type of event
	}{
		"failed": {ago: 26 * time.Hour, found: "batch.failed", change: func(b *standin.Batch) {
			b.State, b.Error = "BATCH_STATE_FAILED", &standin.JobError{Code: 3, Message: "Bad line."}
		}},
		"expired":                    {ago: 26 * time.Hour, found: "batch.expired", change: func(b *standin.Batch) { b.State = "JOB_STATE_EXPIRED" }},
		"cancelled, not subscribed":  {ago: 26 * time.Hour, change: func(b *standin.Batch) { b.State = "BATCH_STATE_CANCELLED" }},
		"running":                    {ago: 26 * time.Hour, change: func(b *standin.Batch) { b.State = "BATCH_STATE_RUNNING" }},
		"Gemini still retries":       {ago: 24 * time.Hour},
		"older than the retention":   {ago: 169 * time.Hour},
		"before the webhook":         {ago: 160 * time.Hour, before: func(f *fixture) { f.register() }},
		"another name":               {ago: 26 * time.Hour, before: func(f *fixture) { f.options.FindPrefix = "nightly-" }},
		"the name":                   {ago: 26 * time.Hour, found: "batch.succeeded", before: func(f *fixture) { f.options.FindPrefix = "nightly-" }, change: func(b *standin.Batch) { b.DisplayName = "nightly-7" }},
		"off":                        {ago: 26 * time.Hour, before: func(f *fixture) { f.options.FindAfter = 0 }},
		"no URL":                     {ago: 26 * time.Hour, before: func(f *fixture) { f.options.ReceiverURL = "" }},
		"delivered":                  {ago: 26 * time.Hour, before: func(f *fixture) { f.deliver("batch.succeeded", "abc") }},
		"delivered, with its name":   {ago: 26 * time.Hour, before: func(f *fixture) { f.deliver("batch.succeeded", "batches/abc") }},
		"claimed":                    {ago: 26 * time.Hour, before: func(f *fixture) { f.claim("abc") }},
		"another event of it":        {ago: 26 * time.Hour, found: "batch.succeeded", before: func(f *fixture) { f.deliver("batch.failed", "abc") }},
		"disabled by a person":       {ago: 26 * time.Hour, before: func(f *fixture) { f.disable() }},
		"disabled by Gemini":         {ago: 26 * time.Hour, found: "batch.succeeded", before: func(f *fixture) { f.gemini.Disable(f.webhook) }},
		"a result message, no event": {ago: 26 * time.Hour, found: "batch.succeeded", before: func(f *fixture) { f.deliver("gemhook.result.collected", "abc") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.clock.Advance(200 * time.Hour)
			f.addBatch("abc", test.ago, test.change)
			if test.before != nil {
				test.before(f)
			}
			published := len(f.topics.messages)
			done := 0
			if test.found != "" {
				done = 1
			}
			f.wantCounts(f.run("find"), done, 0, 0)
			if got := f.topics.of("gemhook-found-abc"); len(got) != done || done == 1 && got[0].attributes["ce-type"] != test.found {
				t.Errorf("messages %+v, want of type %q", got, test.found)
			}
			if done == 0 && len(f.topics.messages) != published {
				t.Error("something was published")
			}
		})
	}
}

// register deletes the webhook and registers another.
func (f *fixture) register() {
	f.Helper()
	if err := f.api.Delete(f.Context(), f.webhook); err != nil {
		f.Fatal(err)
	}
	if _, err := f.api.Create(f.Context(), geminiapi.Webhook{URI: f.url + "/", SubscribedEvents: geminiapi.EventTypes()}); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) disable() {
	f.Helper()
	if _, err := f.api.Update(f.Context(), f.webhook, geminiapi.Webhook{State: geminiapi.StateDisabled}, "state"); err != nil {
		f.Fatal(err)
	}
}

// deliver puts a settled event into the ledger.
func (f *fixture) deliver(eventType, resourceID string) {
	f.Helper()
	result, err := f.ledger().Claim(f.Context(), ledger.Message{Key: ledger.StaticKey("msg_" + resourceID), Type: eventType, ResourceID: resourceID})
	if err == nil {
		err = f.ledger().Settle(f.Context(), result.Claim, "m-0")
	}
	if err != nil {
		f.Fatal(err)
	}
}

// TestFindInPages has more batches than a page, and runs that end in the middle of them.
func TestFindInPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Advance(200 * time.Hour)
	for i := range 20 {
		f.addBatch(fmt.Sprint("b", i), 26*time.Hour, nil)
	}
	f.gemini.AddEmptyPages(2)
	f.options.RunFor = 10 * time.Second
	f.books = func(books reconciler.Books) reconciler.Books {
		books.Documents = slow{books.Documents, f} // two seconds for each batch
		return books
	}
	runs, done := 0, 0
	for more := true; more; runs++ {
		got := f.run("find")
		more, done = got.More, done+got.Done
		if runs > 10 {
			t.Fatalf("after %d runs %d are done", runs, done)
		}
	}
	if done != 20 || runs < 4 {
		t.Errorf("%d done in %d runs, want 20 in several", done, runs)
	}
	for i := range 20 {
		if got := f.topics.of(fmt.Sprint("b", i)); len(got) != 1 {
			t.Errorf("batch %d has %d events", i, len(got))
		}
	}
}

type slow struct {
	reconciler.Documents
	fixture *fixture
}

func (s slow) ListResource(ctx context.Context, ids ...string) ([]listing.Entry, error) {
	s.fixture.clock.Advance(2 * time.Second)
	return s.Documents.ListResource(ctx, ids...)
}

// TestFindRemembers wants batches that a complete pass has looked at not to be looked up again and
// again.
func TestFindRemembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Advance(200 * time.Hour)
	for i := range 10 {
		f.addBatch(fmt.Sprint("b", i), 100*time.Hour, nil)
	}
	f.wantCounts(f.run("find"), 10, 0, 0)
	lookups := 0
	f.books = func(books reconciler.Books) reconciler.Books {
		books.Documents = counting{books.Documents, &lookups}
		return books
	}
	f.clock.Advance(time.Hour)
	f.run("find")
	if lookups != 0 {
		t.Errorf("%d lookups of batches that are done with", lookups)
	}
	f.options.FromStart = true
	f.run("find")
	if lookups != 10 {
		t.Errorf("%d lookups of a run that looks at all, want 10", lookups)
	}
}

type counting struct {
	reconciler.Documents
	lookups *int
}

func (c counting) ListResource(ctx context.Context, ids ...string) ([]listing.Entry, error) {
	*c.lookups++
	return c.Documents.ListResource(ctx, ids...)
}

// TestFindTries wants a batch whose event could not be published to be found again.
func TestFindTries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Advance(200 * time.Hour)
	f.addBatch("abc", 50*time.Hour, nil)
	f.topics.refuse[events] = true
	f.wantCounts(f.run("find"), 0, 0, 1)
	f.topics.refuse[events] = false
	f.clock.Advance(3 * lease)
	f.run("find") // the claim is on record: finish has it, in this run or the next
	f.run("finish")
	if got := f.topics.of("abc"); len(got) != 1 || !got[0].marked() {
		t.Errorf("messages %+v, want one, marked", got)
	}
}

// TestFindOfTenants has a project of a tenant's: its batches name the tenant's URL, so that no
// webhook matters.
func TestFindOfTenants(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Advance(200 * time.Hour)
	f.disable()
	f.tenant = "acme"
	f.addBatch("abc", 26*time.Hour, func(b *standin.Batch) { b.State = "BATCH_STATE_CANCELLED" })
	f.wantCounts(f.run("find"), 1, 0, 0)
	got := f.topics.of("abc")
	if len(got) != 1 || got[0].attributes["ce-tenant"] != "acme" || got[0].attributes["ce-type"] != "batch.cancelled" ||
		got[0].attributes["ce-source"] != "//generativelanguage.googleapis.com/webhooks/dynamic/acme" {
		t.Errorf("messages %+v, want one of the tenant's", got)
	}
	if _, _, err := f.documents.Read(t.Context(), ledger.DynamicKey("acme", "gemhook-found-abc")); err != nil {
		t.Errorf("the ledger: %v", err)
	}
}
