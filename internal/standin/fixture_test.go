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

	"github.com/gemhook/gemhook/internal/standin"
)

// api is a stand-in with a simulated time, and a client of its WebhookService that
// speaks HTTP.
type api struct {
	*standin.Server
	t     *testing.T
	clock *simulatedTime
	url   string
}

func newAPI(t *testing.T, opts standin.ServerOptions) *api {
	t.Helper()
	clock := &simulatedTime{now: time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)}
	opts.Now, opts.Wait = clock.Now, clock.Wait
	a := &api{Server: standin.NewServerWithOptions(vectorKeys(t), &opts), t: t, clock: clock}
	ts := httptest.NewServer(a.Server)
	t.Cleanup(ts.Close)
	a.url = ts.URL
	return a
}

// call makes a request and returns its status and JSON.
func (a *api) call(method, path, body string, header ...string) (int, object) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	var got object
	if err := json.Unmarshal(data, &got); err != nil {
		a.t.Fatalf("%s %s: %d with a body that is no JSON object: %v", method, path, resp.StatusCode, err)
	}
	return resp.StatusCode, got
}

// must is call for what has to succeed.
func (a *api) must(method, path, body string) object {
	a.t.Helper()
	status, got := a.call(method, path, body)
	if status != http.StatusOK {
		a.t.Fatalf("%s %s: %d %v", method, path, status, got)
	}
	return got
}

// register registers a webhook for batch.succeeded and returns its path.
func (a *api) register(uri string) string {
	a.t.Helper()
	w := a.must("POST", "/v1beta/webhooks", `{"uri":"`+uri+`","subscribed_events":["batch.succeeded"]}`)
	return "/v1beta/webhooks/" + w["id"].(string)
}

func id(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// simulatedTime is a clock that only waiting moves.
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

// signedWith tells by which of secrets a delivery is signed, in that order, and
// that there is no other signature.
func signedWith(t *testing.T, d standin.Delivery, at time.Time, secrets ...string) bool {
	t.Helper()
	want, err := (&standin.Keys{}).SignV1(standin.Delivery{ID: d.Header.Get("webhook-id"), Time: at, Body: d.Body}, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return signature(d) == signature(want) && d.Header.Get("webhook-timestamp") == want.Header.Get("webhook-timestamp")
}
