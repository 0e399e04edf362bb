package dev

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/testkit"
)

// A localHandler counts what it gets, by the webhook-id, and refuses the first event of a failed
// batch once.
type localHandler struct {
	mu      sync.Mutex
	got     map[string]int
	refused string // the webhook-id
}

func (h *localHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := r.Header.Get("ce-id")
	h.got[id]++
	if r.Header.Get("ce-type") == "batch.failed" && h.refused == "" {
		h.refused = id
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// TestForwardedEvents has a tenth of the deliveries lost and a fifth sent twice, and wants the
// table and the inspector to show what the local handler got and answered.
func TestForwardedEvents(t *testing.T) {
	withoutEmulators(t)
	folder, err := openFolder(filepath.Join(t.TempDir(), "folder"))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.close()
	local := &localHandler{got: map[string]int{}}
	server := httptest.NewServer(local)
	defer server.Close()
	var out testkit.Buffer
	w := &installation{
		out: plainPrinter(&out), log: new(testkit.Buffer), folder: folder, now: time.Now, rand: rand.Reader,
		inspected: inspect.NewLog(nil), deliveries: deliveries,
		rough: roughness{forwardTo: server.URL, drop: 0.1, duplicate: 0.2},
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }()
	testkit.AwaitTrue(t, "everything is shown", func() bool { return strings.Contains(out.String(), "Messages that arrive") })
	testkit.AwaitTrue(t, "every event is accepted", func() bool {
		for _, r := range w.inspected.List() {
			if n := len(r.Attempts); r.Outcome == "published" && (n == 0 || r.Attempts[n-1].Answer.StatusCode != 200) {
				return false
			}
		}
		return true
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	// Of 24 deliveries the tenth and the twentieth are lost, and of the others each fifth is sent
	// twice: three genuine ones and the one with another tenant's token. The next to be sent twice
	// is that of a job.
	for _, want := range []string{
		"\n26 delivered in ", ": 18 published, 4 duplicates, 3 refused, 1 dead-lettered; 2 lost\n",
		" messages at the handler " + server.URL + "/: ", "✓ everything as expected\n",
		"✓ batch.succeeded              v1a     lost, never sent  ", "✓ signed with another secret   v1      lost, never sent ",
		"    sent twice                         200 duplicate",
		"  HANDLER\n", "  200 OK\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	attempts, reasons := map[string]int{}, map[string]int{}
	for _, r := range w.inspected.List() {
		for _, a := range r.Attempts {
			attempts[r.Messages[0].Attributes["ce-id"]]++
			reasons[a.Reason]++
		}
	}
	if diff := cmp.Diff(local.got, attempts); diff != "" {
		t.Errorf("what the handler got and what the inspector shows (-got +shown):\n%s", diff)
	}
	// 18 in the table and three of jobs; a fifth of those again, and the one that was refused.
	if diff := cmp.Diff(map[string]int{"": 21, twiceReason: 4, "500 Internal Server Error": 1}, reasons); diff != "" {
		t.Errorf("reasons for attempts (-want +got):\n%s", diff)
	}
}
