package reconciler_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/notes"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// A counter counts calls by what they are.
type counter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counter) count(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[call]++
}

// countedDocuments count what is asked of a ledger's documents.
type countedDocuments struct {
	reconciler.Documents
	*counter
}

func (d countedDocuments) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	d.count("document read")
	return d.Documents.Read(ctx, key)
}

func (d countedDocuments) ListState(ctx context.Context, state ledger.State, after ledger.Key, limit int) ([]listing.Entry, error) {
	d.count("list by state")
	return d.Documents.ListState(ctx, state, after, limit)
}

func (d countedDocuments) ListResource(ctx context.Context, ids ...string) ([]listing.Entry, error) {
	d.count("list by resource")
	return d.Documents.ListResource(ctx, ids...)
}

// countedNotes count what is asked of notes.
type countedNotes struct {
	reconciler.Notes
	*counter
}

func (n countedNotes) Read(ctx context.Context, name string) (notes.Note, notes.Version, error) {
	n.count("note read")
	return n.Notes.Read(ctx, name)
}

func (n countedNotes) Write(ctx context.Context, name string, note notes.Note, version notes.Version) (notes.Version, error) {
	n.count("note write")
	return n.Notes.Write(ctx, name, note, version)
}

// countedTransport counts requests to Gemini.
type countedTransport struct {
	http.RoundTripper
	*counter
}

func (t countedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	t.count("request to " + request.URL.Host)
	return t.RoundTripper.RoundTrip(request)
}

// TestCallsOfARunThatFindsNothing holds what docs/reconcile.md says that such a run costs.
func TestCallsOfARunThatFindsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.run("find") // the first run of all writes down when find was complete
	counted := &counter{calls: map[string]int{}}
	f.api = geminiapi.New("key", &geminiapi.Options{
		BaseURL: "https://" + geminiHost, HTTPClient: &http.Client{Transport: countedTransport{f, counted}},
	})
	f.books = func(books reconciler.Books) reconciler.Books {
		books.Documents, books.Notes = countedDocuments{books.Documents, counted}, countedNotes{books.Notes, counted}
		return books
	}
	for _, job := range f.reconciler().Run(t.Context()).Jobs {
		if job.Error != "" || job.Done+job.Failed > 0 {
			t.Errorf("%+v, want that there is nothing to do", job)
		}
	}
	want := map[string]int{"list by state": 2, "note read": 2, "request to " + geminiHost: 3}
	if diff := cmp.Diff(want, counted.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
