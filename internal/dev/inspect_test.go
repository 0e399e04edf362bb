package dev

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/page"
	"github.com/gemhook/gemhook/internal/testkit"
)

// TestInspectorShowsWhatCameOfEachDelivery runs with stand-ins, and looks at what the page has and
// can do while it runs.
func TestInspectorShowsWhatCameOfEachDelivery(t *testing.T) {
	withoutEmulators(t)
	folder, err := openFolder(filepath.Join(t.TempDir(), "folder"))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.close()
	var out testkit.Buffer
	from := make(chan *sender, 1)
	w := &installation{
		out: plainPrinter(&out), log: new(testkit.Buffer), folder: folder, now: time.Now, rand: rand.Reader, inspected: inspect.NewLog(nil),
		deliveries: func(gemini *sender) ([]delivery, error) {
			from <- gemini
			return deliveries(gemini)
		},
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }()
	testkit.AwaitTrue(t, "everything is shown", func() bool { return strings.Contains(out.String(), "Still up") })
	gemini := <-from
	records := w.inspected.List()
	if len(records) != 27 || strings.Count(out.String(), "inspector  ") != 2 {
		t.Errorf("%d deliveries are on record, want 27, and the page's URL twice in:\n%s", len(records), &out)
	}
	outcomes := map[string]int{}
	for _, r := range records {
		outcomes[r.Outcome]++
		report := w.verify(t.Context(), gemini, r)
		refused := r.Answer.StatusCode != 200
		if report.StatusCode != r.Answer.StatusCode {
			t.Errorf("%s %s: the explanation says %d, the receiver answered %d", r.Outcome, r.Scheme, report.StatusCode, r.Answer.StatusCode)
		}
		if refused != (len(r.Documents) == 0) || refused != (len(r.Messages) == 0) || refused != (r.Key == "") || !refused && len(r.Timings) < 3 {
			t.Errorf("%s %s: %d documents, %d messages, %d times, key %q", r.Outcome, r.Scheme, len(r.Documents), len(r.Messages), len(r.Timings), r.Key)
		}
		if r.Subject == "batches/cats" && len(r.Objects) != 3 {
			t.Errorf("%d objects of the batch, want 3", len(r.Objects))
		}
	}
	if outcomes["published"] != 22 || outcomes["duplicate"] != 1 || outcomes["dead_lettered"] != 1 {
		t.Errorf("outcomes %v", outcomes)
	}
	for scheme, r := range firstOfEach(records) {
		said, err := w.sendAgain(t.Context(), gemini, r, page.Edit{})
		if err != nil || !strings.Contains(said, "200 duplicate") {
			t.Errorf("%s sent again: %q, %v; want a duplicate", scheme, said, err)
		}
		said, err = w.sendAgain(t.Context(), gemini, r, page.Edit{Body: []byte(`{"type":"edited","timestamp":"2026-01-01T00:00:00Z","data":{"id":"x"}}`), NewID: true})
		if err != nil || !strings.Contains(said, "200 published") {
			t.Errorf("%s edited: %q, %v; want it published", scheme, said, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// firstOfEach returns the first published record of each scheme.
func firstOfEach(records []*inspect.Record) map[string]*inspect.Record {
	first := map[string]*inspect.Record{}
	for _, r := range records {
		if r.Outcome == "published" && first[r.Scheme] == nil {
			first[r.Scheme] = r
		}
	}
	return first
}
