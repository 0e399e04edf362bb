package geminiapi_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/geminiapi"
)

const ms = time.Millisecond

func TestRetries(t *testing.T) {
	ok := reply(200, `{"id":"w"}`)
	tests := []struct {
		name    string
		replies []http.HandlerFunc
		waited  []time.Duration
		err     error // nil: success
	}{
		{"at once", []http.HandlerFunc{ok}, nil, nil},
		{"until it succeeds", []http.HandlerFunc{reply(503, ""), hangUp, reply(429, ""), cutOff, ok}, []time.Duration{500 * ms, 1000 * ms, 2000 * ms, 4000 * ms}, nil},
		{"given up", []http.HandlerFunc{reply(500, ""), reply(500, ""), reply(500, ""), reply(500, ""), reply(502, "")},
			[]time.Duration{500 * ms, 1000 * ms, 2000 * ms, 4000 * ms}, geminiapi.ErrUnavailable},
		{"Retry-After", []http.HandlerFunc{
			reply(429, "", "Retry-After", "7"), reply(503, "", "Retry-After", "0"),
			reply(503, "", "Retry-After", "Thu, 22 Jan 2026 12:00:30 GMT"), reply(503, "", "Retry-After", "Thu, 22 Jan 2026 11:00:00 GMT"), ok,
		}, []time.Duration{7 * time.Second, 1000 * ms, 30 * time.Second, 4000 * ms}, nil},
		{"Retry-After of a minute", []http.HandlerFunc{reply(429, "", "Retry-After", "60"), ok}, []time.Duration{time.Minute}, nil},
		{"Retry-After of more", []http.HandlerFunc{reply(429, "", "Retry-After", "61")}, nil, geminiapi.ErrRateLimited},
		{"Retry-After of ages", []http.HandlerFunc{reply(429, "", "Retry-After", "99999999999999999")}, nil, geminiapi.ErrRateLimited},
		{"not found", []http.HandlerFunc{reply(404, "")}, nil, geminiapi.ErrNotFound},
		{"refused", []http.HandlerFunc{reply(403, "")}, nil, geminiapi.ErrPermission},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, client, p := serve(t, test.replies...)
			w, err := client.Get(t.Context(), "w")
			if !errors.Is(err, test.err) || (err == nil) != (w != nil && w.ID == "w") {
				t.Errorf("got %+v, error %v, want %v", w, err, test.err)
			}
			if !slices.Equal(p.waited, test.waited) || len(s.requests()) != len(test.replies) {
				t.Errorf("%d requests with waits %v, want %d with %v", len(s.requests()), p.waited, len(test.replies), test.waited)
			}
			for _, r := range s.requests() {
				if r.header.Get("x-goog-api-key") != apiKey {
					t.Error("an attempt had no key")
				}
			}
		})
	}
}

func TestBackoffIsBoundedAndRandom(t *testing.T) {
	s, _, p := serve(t)
	ts := httptest.NewServer(s) // it hangs up on every request
	defer ts.Close()
	opts := p.options(ts.URL)
	opts.MaxAttempts, opts.Jitter = 7, func() float64 { return 0.5 }
	if err := geminiapi.New(apiKey, opts).Ping(t.Context(), "w"); err == nil {
		t.Error("no error")
	}
	if want := []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 4000 * ms}; !slices.Equal(p.waited, want) {
		t.Errorf("waits %v, want %v", p.waited, want)
	}
}

// A second registration would be a second stream of deliveries.
func TestCreateIsNotMadeTwice(t *testing.T) {
	created := reply(200, `{"id":"w","new_signing_secret":"whsec_x"}`)
	tests := []struct {
		name     string
		replies  []http.HandlerFunc
		requests int
		unknown  bool
		err      error
	}{
		{"quota, then created", []http.HandlerFunc{reply(429, ""), reply(429, ""), created}, 3, false, nil},
		{"fault", []http.HandlerFunc{reply(503, "", "Retry-After", "1"), created}, 1, true, geminiapi.ErrUnavailable},
		{"no answer", []http.HandlerFunc{hangUp, created}, 1, true, nil},
		{"answer cut off", []http.HandlerFunc{cutOff, created}, 1, true, nil},
		{"answer malformed", []http.HandlerFunc{reply(200, `<html>`), created}, 1, true, nil},
		{"quota, then no answer", []http.HandlerFunc{reply(429, ""), hangUp}, 2, true, nil},
		{"refused", []http.HandlerFunc{reply(400, "")}, 1, false, geminiapi.ErrInvalid},
		{"redirected", []http.HandlerFunc{reply(307, "", "Location", "/elsewhere")}, 1, false, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, client, _ := serve(t, test.replies...)
			w, err := client.Create(t.Context(), geminiapi.Webhook{})
			if len(s.requests()) != test.requests {
				t.Errorf("%d requests, want %d", len(s.requests()), test.requests)
			}
			if errors.Is(err, geminiapi.ErrOutcomeUnknown) != test.unknown || test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("error = %v, want %v, outcome unknown: %v", err, test.err, test.unknown)
			}
			if success := test.name == "quota, then created"; success != (err == nil) || success != (w != nil) {
				t.Errorf("created %+v, error %v", w, err)
			}
		})
	}
}

func TestCreateRetriesWhatNeverConnected(t *testing.T) {
	s := &service{replies: []http.HandlerFunc{reply(200, `{"id":"w"}`)}}
	ts := httptest.NewServer(s)
	defer ts.Close()
	p := new(pauses)
	opts := p.options(ts.URL)
	dials := 0
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials++; dials <= 2 {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	opts.HTTPClient = &http.Client{Transport: transport}
	if w, err := geminiapi.New(apiKey, opts).Create(t.Context(), geminiapi.Webhook{}); err != nil || w.ID != "w" || dials != 3 || len(s.requests()) != 1 {
		t.Errorf("created %+v, %v with %d dials and %d requests, want 3 and 1", w, err, dials, len(s.requests()))
	}

	// Nothing is known of a transport that does not say whether it connected.
	calls := 0
	opts.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		calls++
		return nil, errors.New("broken pipe")
	})}
	if _, err := geminiapi.New(apiKey, opts).Create(t.Context(), geminiapi.Webhook{}); !errors.Is(err, geminiapi.ErrOutcomeUnknown) || calls != 1 {
		t.Errorf("error = %v after %d calls, want ErrOutcomeUnknown after one", err, calls)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := geminiapi.New(apiKey, opts).Create(ctx, geminiapi.Webhook{}); !errors.Is(err, context.Canceled) || errors.Is(err, geminiapi.ErrOutcomeUnknown) || calls != 1 {
		t.Errorf("error = %v after %d calls, want the context's and that nothing was done", err, calls)
	}
}

// net/http sends some requests again by itself, over a connection that it has used before; never
// this one.
func TestCreateIsNotMadeTwiceByNetHTTP(t *testing.T) {
	s := &service{replies: []http.HandlerFunc{reply(404, ""), hangUp, reply(200, `{"id":"w"}`)}}
	ts := httptest.NewServer(s)
	defer ts.Close()
	client := geminiapi.New(apiKey, new(pauses).options(ts.URL))
	if _, err := client.Get(t.Context(), "w"); !errors.Is(err, geminiapi.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), geminiapi.Webhook{}); !errors.Is(err, geminiapi.ErrOutcomeUnknown) || len(s.requests()) != 2 {
		t.Errorf("error = %v after %d requests, want ErrOutcomeUnknown after 2", err, len(s.requests()))
	}
}

// The answer to a deletion is lost, and there is nothing left to delete.
func TestDeleteThatSucceededUnseen(t *testing.T) {
	for _, lost := range []http.HandlerFunc{hangUp, reply(504, "")} {
		_, client, _ := serve(t, lost, reply(404, ""))
		if err := client.Delete(t.Context(), "w"); err != nil {
			t.Errorf("error = %v, want none", err)
		}
	}
	_, client, _ := serve(t, reply(429, ""), reply(404, ""))
	if err := client.Delete(t.Context(), "w"); !errors.Is(err, geminiapi.ErrNotFound) {
		t.Errorf("error = %v, want ErrNotFound: nothing had been done before", err)
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, client, p := serve(t, reply(503, ""), func(http.ResponseWriter, *http.Request) { cancel(); panic(http.ErrAbortHandler) })
	if err := client.Ping(ctx, "w"); !errors.Is(err, context.Canceled) || len(s.requests()) != 2 || len(p.waited) != 1 {
		t.Errorf("error = %v after %d requests, want the context's after 2", err, len(s.requests()))
	}

	// The wait of its own ends with the context too, and says what it waited for.
	ctx, cancel = context.WithCancel(t.Context())
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "50")
		w.WriteHeader(503)
	}))
	defer ts.Close()
	jitter := func() float64 { time.AfterFunc(0, cancel); return 0 }
	err := geminiapi.New(apiKey, &geminiapi.Options{BaseURL: ts.URL, Jitter: jitter}).Ping(ctx, "w")
	if !errors.Is(err, context.Canceled) || !errors.Is(err, geminiapi.ErrUnavailable) {
		t.Errorf("error = %v, want the context's and that of the last attempt", err)
	}
}

func TestAnUntrustedServerIsAskedOnce(t *testing.T) {
	s := &service{}
	ts := httptest.NewUnstartedServer(s)
	ts.Config.ErrorLog = discardLog
	ts.StartTLS()
	defer ts.Close()
	p := new(pauses)
	if err := geminiapi.New(apiKey, p.options(ts.URL)).Ping(t.Context(), "w"); err == nil || !strings.Contains(err.Error(), "certificate") || len(p.waited) != 0 {
		t.Errorf("error = %v after waits %v, want one about the certificate at once", err, p.waited)
	}
	if len(s.requests()) != 0 {
		t.Error("the key was sent to a server that nobody vouches for")
	}
}

func TestRedirectsDoNotTakeTheKeyAlong(t *testing.T) {
	elsewhere := &service{replies: []http.HandlerFunc{reply(200, `{}`)}}
	other := httptest.NewServer(elsewhere)
	defer other.Close()
	_, client, _ := serve(t, reply(307, "", "Location", other.URL))
	var refused *geminiapi.Error
	if _, err := client.Get(t.Context(), "w"); !errors.As(err, &refused) || refused.HTTPStatus != 307 || len(elsewhere.requests()) != 0 {
		t.Errorf("error = %v with %d requests elsewhere, want status 307 and none", err, len(elsewhere.requests()))
	}
}
