package standin_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
)

// A fixture is a stand-in with a simulated time, and an HTTP client of its WebhookService.
type fixture struct {
	*standin.Server
	t     *testing.T
	clock *simulatedTime
	url   string
}

func newFixture(t *testing.T, opts standin.ServerOptions) *fixture {
	t.Helper()
	clock := &simulatedTime{now: time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)}
	opts.Now, opts.Wait = clock.Now, clock.Wait
	f := &fixture{Server: standin.NewServerWithOptions(vectorKeys(t), &opts), t: t, clock: clock}
	ts := httptest.NewServer(f.Server)
	t.Cleanup(ts.Close)
	f.url = ts.URL
	return f
}

// call makes a request and returns its status and JSON.
func (f *fixture) call(method, path, body string, header ...string) (int, object) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	var got object
	if err := json.Unmarshal(data, &got); err != nil {
		f.t.Fatalf("%s %s: %d with a body that is no JSON object: %v", method, path, resp.StatusCode, err)
	}
	return resp.StatusCode, got
}

// must makes a request that has to succeed, and returns its JSON.
func (f *fixture) must(method, path, body string) object {
	f.t.Helper()
	status, got := f.call(method, path, body)
	if status != http.StatusOK {
		f.t.Fatalf("%s %s: %d %v", method, path, status, got)
	}
	return got
}

// register registers a webhook for batch.succeeded and returns its path.
func (f *fixture) register(uri string) string {
	f.t.Helper()
	w := f.must("POST", "/v1beta/webhooks", `{"uri":"`+uri+`","subscribed_events":["batch.succeeded"]}`)
	return "/v1beta/webhooks/" + w["id"].(string)
}

// wantEqual fails the test unless both are equal, and says where they differ.
func wantEqual[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func id(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// simulatedTime is a clock that moves only by waiting.
type simulatedTime struct {
	mu  sync.Mutex
	now time.Time
}

func (s *simulatedTime) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *simulatedTime) Wait(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
	return ctx.Err()
}

// hook is an endpoint that keeps what it gets and answers with reply.
type hook struct {
	url   string
	reply http.HandlerFunc

	mu  sync.Mutex
	got []standin.Delivery // Body and Header only
}

func newHook(t *testing.T, reply http.HandlerFunc) *hook {
	h := &hook{reply: reply}
	ts := httptest.NewServer(h)
	t.Cleanup(ts.Close)
	h.url = ts.URL + "/"
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.got = append(h.got, standin.Delivery{Body: body, Header: r.Header})
	h.mu.Unlock()
	h.reply(w, r)
}

// signedWith reports whether a delivery is signed with these secrets, in this order, and no others.
func signedWith(t *testing.T, d standin.Delivery, at time.Time, secrets ...string) bool {
	t.Helper()
	want, err := (&standin.Keys{}).SignV1(standin.Delivery{ID: d.Header.Get("webhook-id"), Time: at, Body: d.Body}, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return signature(d) == signature(want) && d.Header.Get("webhook-timestamp") == want.Header.Get("webhook-timestamp")
}
