package geminiapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

const apiKey = "AIza-test-key"

var start = time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)

// pauses is a clock that stands still, and notes how long it was asked to wait.
type pauses struct{ waited []time.Duration }

func (p *pauses) Wait(ctx context.Context, d time.Duration) error {
	p.waited = append(p.waited, d)
	return ctx.Err()
}

// options has a client wait the longest that it may, in no time.
func (p *pauses) options(baseURL string) *geminiapi.Options {
	return &geminiapi.Options{
		BaseURL: baseURL, Wait: p.Wait,
		Now:    func() time.Time { return start },
		Jitter: func() float64 { return 1 },
	}
}

// service answers with each of its replies in turn, and keeps the requests.
type service struct {
	replies []http.HandlerFunc

	mu   sync.Mutex
	seen []request
}

type request struct {
	method, uri, body string
	header            http.Header
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.seen = append(s.seen, request{r.Method, r.RequestURI, string(body), r.Header})
	n := len(s.seen)
	s.mu.Unlock()
	if n > len(s.replies) {
		panic(http.ErrAbortHandler)
	}
	s.replies[n-1](w, r)
}

func (s *service) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// serve starts a service and returns its client.
func serve(t *testing.T, replies ...http.HandlerFunc) (*service, *geminiapi.Client, *pauses) {
	t.Helper()
	s, p := &service{replies: replies}, new(pauses)
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	// Over a connection that it has used before net/http itself sends an idempotent request again.
	ts.Config.SetKeepAlivesEnabled(false)
	return s, geminiapi.New(apiKey, p.options(ts.URL)), p
}

func reply(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// cutOff begins a success and breaks off.
func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"id":"w1"`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// standIn starts the stand-in for Gemini, which asks for the key, and returns its client.
func standIn(t *testing.T) (*standin.Server, *geminiapi.Client) {
	t.Helper()
	gemini := standin.NewServerWithOptions(&standin.Keys{}, &standin.ServerOptions{
		APIKeys: []string{apiKey}, Now: func() time.Time { return start },
	})
	ts := httptest.NewServer(gemini)
	t.Cleanup(ts.Close)
	opts := new(pauses).options(ts.URL + "/")
	opts.PageSize = 2
	return gemini, geminiapi.New(apiKey, opts)
}

func collect(t *testing.T, client *geminiapi.Client) []*geminiapi.Webhook {
	t.Helper()
	var all []*geminiapi.Webhook
	for w, err := range client.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	return all
}
