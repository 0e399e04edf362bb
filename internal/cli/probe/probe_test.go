package probe_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// markers is a ledger in memory whose documents can be deleted.
type markers struct {
	*memoryledger.Store
	deleted []ledger.Key
	err     error
}

func (m *markers) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	if m.err != nil {
		return ledger.Version{}, m.err
	}
	return m.Store.Create(ctx, key, document)
}

func (m *markers) Delete(_ context.Context, key ledger.Key) error {
	m.deleted = append(m.deleted, key)
	return m.err
}

// The answer to a probe says whether the receiver accepts a secret, or why that is not known.
func TestAccepts(t *testing.T) {
	t.Parallel()
	secret, err := standin.NewSecret(strings.NewReader(strings.Repeat("s", 32)))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		status   int
		body     string
		accepted bool
		err      error // ErrOtherLedger
		code     string
		strange  bool // an UnexpectedError
	}{
		{status: 200, body: `{"status":"duplicate"}`, accepted: true},
		{status: 401, body: `{"error":"bad_signature"}`},
		{status: 200, body: `{"status":"published"}`, err: probe.ErrOtherLedger},
		{status: 200, body: `{"status":"dead_lettered"}`, err: probe.ErrOtherLedger},
		{status: 503, body: `{"error":"keys_unavailable"}`, code: "keys_unavailable", strange: true},
		{status: 401, body: `{"error":"stale_timestamp"}`, code: "stale_timestamp", strange: true},
		{status: 200, body: `hello`, strange: true},
		{status: 404, body: ``, strange: true},
	} {
		t.Run(test.body, func(t *testing.T) {
			store := &markers{Store: memoryledger.New()}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				if body, err := io.ReadAll(request.Body); err != nil || len(body) != probe.Size || !json.Valid(body) {
					t.Errorf("the probe has %d bytes, want %d of JSON: %v", len(body), probe.Size, err)
				}
				id := request.Header.Get(standin.HeaderID)
				document, _, err := store.Read(request.Context(), ledger.StaticKey(id))
				if err != nil || document.State != ledger.Published || document.ExpiresAt.IsZero() || !strings.HasPrefix(id, "gemhook-") {
					t.Errorf("when the probe comes the ledger has %+v, %v", document, err)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			laid, err := probe.Lay(t.Context(), store, probe.Options{URL: server.URL, Now: time.Now, Rand: rand.Reader})
			if err != nil {
				t.Fatal(err)
			}
			accepted, err := laid.Accepts(t.Context(), secret)
			var unexpected *probe.UnexpectedError
			strange := errors.As(err, &unexpected)
			if accepted != test.accepted || strange != test.strange || strange && unexpected.Code != test.code ||
				!strange && !errors.Is(err, test.err) {
				t.Errorf("%d %s: %t, %v", test.status, test.body, accepted, err)
			}
			server.Close()
			if _, err := laid.Accepts(t.Context(), secret); err == nil {
				t.Error("no answer is no error")
			}
			if err := laid.Remove(t.Context()); err != nil || len(store.deleted) != 1 {
				t.Errorf("Remove: %v, deleted %v", err, store.deleted)
			}
		})
	}
}

// A receiver that is at work on a probe would publish it if the probe were taken out of the ledger
// meanwhile.
func TestAProbeStaysWhileTheReceiverMayBeAtWorkOnIt(t *testing.T) {
	t.Parallel()
	secret, err := standin.NewSecret(strings.NewReader(strings.Repeat("s", 32)))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		handle  http.HandlerFunc
		removed bool
	}{
		"interrupted":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":"duplicate"}`) }, true},
		"the answer lost": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				interrupt()
				test.handle(w, request)
			}))
			defer server.Close()
			store := &markers{Store: memoryledger.New()}
			laid, err := probe.Lay(t.Context(), store, probe.Options{URL: server.URL, Now: time.Now, Rand: rand.Reader})
			if err != nil {
				t.Fatal(err)
			}
			if accepted, err := laid.Accepts(ctx, secret); accepted != test.removed || (err == nil) != test.removed {
				t.Errorf("Accepts: %t, %v", accepted, err)
			}
			if err := laid.Remove(t.Context()); (err == nil) != test.removed || (len(store.deleted) == 1) != test.removed {
				t.Errorf("Remove: %v, deleted %v", err, store.deleted)
			}
			if _, err := laid.Accepts(ctx, secret); !errors.Is(err, context.Canceled) {
				t.Errorf("Accepts after an interrupt: %v", err)
			}
		})
	}
}

// A probe that cannot be put into the ledger is an error.
func TestLayFails(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	_, err := probe.Lay(t.Context(), &markers{Store: memoryledger.New(), err: down}, probe.Options{Now: time.Now, Rand: rand.Reader})
	if !errors.Is(err, down) {
		t.Errorf("Lay: %v", err)
	}
	if _, err := probe.Lay(t.Context(), &markers{Store: memoryledger.New()}, probe.Options{Now: time.Now, Rand: strings.NewReader("")}); err == nil {
		t.Error("Lay without randomness: no error")
	}
}
