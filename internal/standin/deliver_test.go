package standin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// endpoint answers with each of its replies in turn, and keeps the requests.
type endpoint struct {
	replies []http.HandlerFunc

	mu       sync.Mutex
	requests []http.Header
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	reply := e.replies[len(e.requests)]
	e.requests = append(e.requests, r.Header)
	e.mu.Unlock()
	reply(w, r)
}

func reply(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// clock moves only by waiting, and records each wait.
type clock struct {
	now   time.Time
	waits []time.Duration
}

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Wait(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	return ctx.Err()
}

func deliver(t *testing.T, ctx context.Context, c *clock, opts standin.DeliverOptions, replies ...http.HandlerFunc) (*standin.Answer, []http.Header, error) {
	t.Helper()
	e := &endpoint{replies: replies}
	ts := httptest.NewServer(e)
	defer ts.Close()
	opts.Now, opts.Wait = c.Now, c.Wait
	answer, err := standin.Deliver(ctx, ts.Client(), ts.URL, delivery(), &opts)
	e.mu.Lock()
	defer e.mu.Unlock()
	return answer, e.requests, err
}

// A delivery is sent again after growing waits until it is acknowledged, as Gemini does.
func TestDeliver(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name    string
		opts    standin.DeliverOptions
		replies []http.HandlerFunc
		waits   []time.Duration
		status  int // of the last answer
		err     error
	}{
		{"at once", standin.DeliverOptions{}, []http.HandlerFunc{reply(204, "9")}, nil, 204, nil},
		{
			"backoff and its bound", standin.DeliverOptions{MaxBackoff: 5 * s},
			[]http.HandlerFunc{reply(503, ""), reply(302, ""), hangUp, reply(401, ""), reply(500, ""), reply(200, "")},
			[]time.Duration{s, 2 * s, 4 * s, 5 * s, 5 * s}, 200, nil,
		},
		{
			"Retry-After", standin.DeliverOptions{Backoff: 3 * s},
			[]http.HandlerFunc{
				reply(409, "1"), reply(409, "10"), reply(503, "soon"), reply(503, "-5"),
				reply(503, "Thu, 22 Jan 2026 13:00:00 GMT"), reply(503, "Thu, 22 Jan 2026 11:00:00 GMT"),
				reply(503, "99999999999999999"), reply(200, ""),
			},
			// The clock starts at 12:00:00 and stands at 12:00:49 at the first date.
			[]time.Duration{3 * s, 10 * s, 12 * s, 24 * s, time.Hour - 49*s, 60 * s, 24 * time.Hour}, 200, nil,
		},
		{
			"given up", standin.DeliverOptions{Attempts: 2},
			[]http.HandlerFunc{reply(503, ""), reply(500, "")}, []time.Duration{s}, 500, standin.ErrNotAcknowledged,
		},
		{
			"given up without an answer", standin.DeliverOptions{Attempts: 2},
			[]http.HandlerFunc{reply(503, ""), hangUp}, []time.Duration{s}, 503, standin.ErrNotAcknowledged,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := &clock{now: time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)}
			var observed int
			test.opts.Observe = func(attempt int, answer *standin.Answer, err error) {
				if observed++; attempt != observed || (answer == nil) == (err == nil) {
					t.Errorf("observed attempt %d as %d with %v, %v", observed, attempt, answer, err)
				}
			}
			answer, requests, err := deliver(t, t.Context(), c, test.opts, test.replies...)
			if !errors.Is(err, test.err) {
				t.Errorf("error = %v, want %v", err, test.err)
			}
			if answer == nil || answer.StatusCode != test.status {
				t.Errorf("answer = %+v, want status %d", answer, test.status)
			}
			if !slices.Equal(c.waits, test.waits) {
				t.Errorf("waits = %v, want %v", c.waits, test.waits)
			}
			if len(requests) != len(test.replies) || observed != len(test.replies) {
				t.Errorf("%d requests, %d observed, want %d", len(requests), observed, len(test.replies))
			}
		})
	}
}

// Each attempt has the same id, and its own timestamp and signature.
func TestDeliverSignsEachAttempt(t *testing.T) {
	keys := vectorKeys(t)
	c := &clock{now: time.Unix(1769083200, 0)}
	opts := standin.DeliverOptions{
		Backoff: time.Hour, MaxBackoff: time.Hour,
		Sign: func(d standin.Delivery) (standin.Delivery, error) { return keys.SignV1(d) },
	}
	_, requests, err := deliver(t, t.Context(), c, opts, reply(503, ""), reply(200, ""))
	if err != nil || len(requests) != 2 {
		t.Fatalf("%d requests, error %v, want 2", len(requests), err)
	}
	for i, timestamp := range []string{"1769083200", "1769086800"} {
		if h := requests[i]; h.Get("webhook-id") != "msg_1" || h.Get("webhook-timestamp") != timestamp {
			t.Errorf("attempt %d: %s at %s, want msg_1 at %s", i+1, h.Get("webhook-id"), h.Get("webhook-timestamp"), timestamp)
		}
	}
	if requests[0].Get("webhook-signature") == requests[1].Get("webhook-signature") {
		t.Error("the second attempt has the signature of the first")
	}
	broken := errors.New("no key")
	opts.Sign = func(d standin.Delivery) (standin.Delivery, error) { return d, broken }
	if _, requests, err := deliver(t, t.Context(), c, opts); !errors.Is(err, broken) || len(requests) != 0 {
		t.Errorf("%d requests, error %v, want none and the error of Sign", len(requests), err)
	}
}

// The end of the context ends the waiting.
func TestDeliverEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &clock{}
	_, requests, err := deliver(t, ctx, c, standin.DeliverOptions{}, reply(503, ""), func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hangUp(w, r)
	})
	if !errors.Is(err, context.Canceled) || len(requests) != 2 || len(c.waits) != 1 {
		t.Errorf("%d requests, %d waits, error %v, want 2, 1 and the context's error", len(requests), len(c.waits), err)
	}

	// The wait by a timer ends with the context too.
	ctx, cancel = context.WithCancel(t.Context())
	ts := httptest.NewServer(reply(503, "3600"))
	defer ts.Close()
	opts := &standin.DeliverOptions{Observe: func(int, *standin.Answer, error) { time.AfterFunc(0, cancel) }}
	answer, err := standin.Deliver(ctx, ts.Client(), ts.URL, delivery(), opts)
	if !errors.Is(err, context.Canceled) || answer == nil || answer.StatusCode != 503 {
		t.Errorf("answer = %+v, error %v, want the last answer and the context's error", answer, err)
	}
}
