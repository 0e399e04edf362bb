package receiver_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

func TestService(t *testing.T) {
	t.Parallel()
	// Without any dependency: none is touched.
	b := newFixture(t, func(b *fixture) { b.deps = receiver.Deps{} })
	for _, target := range []string{"/", "/?probe=1", "http://receiver"} {
		recorder := httptest.NewRecorder()
		b.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, target, nil))
		if got := strings.TrimSpace(recorder.Body.String()); recorder.Code != 200 || got != `{"service":"gemhook","version":"v1.2.3"}` {
			t.Errorf("GET %s: %d %s", target, recorder.Code, got)
		}
		if got := recorder.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("GET %s: Content-Type %q", target, got)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for _, test := range []struct {
		path, allow string
		methods     []string
	}{
		{"/", "GET, POST", []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "post", "WEBHOOK"}},
		{dynamicPath, "POST", []string{"GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post"}},
		{"/dynamic/acme/wrong-token", "POST", []string{"GET", "PUT"}},
	} {
		for _, method := range test.methods {
			r := request(test.path, b.v1a(b.delivery("msg_1")))
			r.Method = method
			a := b.serve(r)
			b.failed(a, http.StatusMethodNotAllowed, "method_not_allowed", "")
			if got := a.Header.Get("Allow"); got != test.allow {
				t.Errorf("%s %s: Allow %q, want %q", method, test.path, got, test.allow)
			}
		}
	}
	b.untouched()
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	paths := []string{
		"/x", "//", "/.", "/..", "/index.html", "/healthz", "/dynamic", "/dynamic/", "/dynamic//", "/dynamic/acme", "/dynamic/acme/",
		"//dynamic/acme/" + dynamicToken, "/Dynamic/acme/" + dynamicToken, "/x/dynamic/acme/" + dynamicToken,
		dynamicPath + "/", dynamicPath + "/x", "/dynamic/acme//" + dynamicToken, "/dynamic//" + dynamicToken, "/dynamic/acme/../" + dynamicToken,
		"/dynamic/acme/a%2Fb", "/dynamic/acme%2Fx/" + dynamicToken, dynamicPath + "%2F",
		"/dynamic/ACME/t", "/dynamic/-acme/t", "/dynamic/ac_me/t", "/dynamic/ac.me/t", "/dynamic/acm%C3%A9/t", "/dynamic/acme%0A/t",
		"/dynamic/%20acme/t", "/dynamic/" + long + "/" + keyOf(dynamicKey).Token(long),
	}
	b := newFixture(t)
	off := newFixture(t, func(b *fixture) { b.options.ServeDynamic = false })
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		for _, path := range paths {
			r := request(path, b.v1a(b.delivery("msg_1")))
			r.Method = method
			a := b.serve(r)
			if a.Code != http.StatusNotFound || a.Error != "not_found" {
				t.Errorf("%s %s: answer %+v, want 404", method, path, a)
			}
		}
		r := request(dynamicPath, off.v1a(off.delivery("msg_1")))
		r.Method = method
		off.failed(off.serve(r), http.StatusNotFound, "not_found", "")
	}
	b.untouched()
	off.untouched()
	off.succeeded(off.post("/", off.v1(off.delivery("msg_1"))), "published", "msg_1")
}

func TestTenants(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for _, name := range []string{"a", "0", "acme-2", "a--", strings.Repeat("t", 63)} {
		b.succeeded(b.post(keyOf(dynamicKey).Path(name), b.v1a(b.delivery("msg_1"))), "published", "msg_1")
		message := b.publisher.all()[len(b.publisher.all())-1]
		if message.attributes["ce-tenant"] != name || message.attributes["ce-source"] != "//generativelanguage.googleapis.com/webhooks/dynamic/"+name {
			t.Errorf("tenant %s: attributes %v", name, message.attributes)
		}
	}
}

// TestPathIsComparedDecoded is for front ends that encode more of a path than the sender did.
func TestPathIsComparedDecoded(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.succeeded(b.post("/%64ynamic/%61cme/"+dynamicToken, b.v1a(b.delivery("msg_1"))), "published", "msg_1")
}

// TestDynamicKeyRotation accepts the tokens of every key, also of one that is only found on looking
// again.
func TestDynamicKeyRotation(t *testing.T) {
	t.Parallel()
	const newer = "dynkey_the-newer-key-of-the-tests-0123456789"
	b := newFixture(t, func(b *fixture) {
		b.secrets = append(b.secrets, newer)
		b.deps.Gate = tenant.NewGate(&rotating{keys: keysOf(dynamicKey), newer: keysOf(newer + " " + dynamicKey)})
	})
	b.succeeded(b.post(dynamicPath, b.v1a(b.delivery("msg_1"))), "published", "msg_1")
	b.succeeded(b.post(keyOf(newer).Path(tenantName), b.v1a(b.delivery("msg_2"))), "published", "msg_2")
	b.failed(b.post("/dynamic/acme/neither", b.v1a(b.delivery("msg_3"))), http.StatusUnauthorized, "unknown_token", "")
}

// rotating has newer keys for whoever asks.
type rotating struct{ keys, newer tenant.Keys }

func (r *rotating) Get(context.Context) (*tenant.Keys, error)              { return &r.keys, nil }
func (r *rotating) Refresh(_ context.Context, _ *tenant.Keys) *tenant.Keys { return &r.newer }

// TestTokenFirst wants a wrong token to cost nothing: no byte of the body, no look at a signature.
func TestTokenFirst(t *testing.T) {
	t.Parallel()
	b := newFixture(t, func(b *fixture) { b.deps.Dynamic = verifierFunc(func() { t.Error("the signature was looked at") }) })
	r := request("/dynamic/acme/wrong-token", b.v1a(b.delivery("msg_1")))
	r.Body = io.NopCloser(readerFunc(func() { t.Error("the body was read") }))
	r.ContentLength = maxBody + 1
	b.failed(b.do(r), http.StatusUnauthorized, "unknown_token", "")
	b.untouched()
}

type verifierFunc func()

func (v verifierFunc) Verify(context.Context, http.Header, []byte) (webhook.Delivery, error) {
	v()
	return webhook.Delivery{}, webhook.ErrBadSignature
}

type readerFunc func()

func (r readerFunc) Read([]byte) (int, error) {
	r()
	return 0, io.EOF
}

func (verifierFunc) CheckHeaders(http.Header) error { return nil }

// TestStaticEndpointIsOff has no signing secret configured. Whoever posts to / causes neither an
// error line nor a call.
func TestStaticEndpointIsOff(t *testing.T) {
	t.Parallel()
	b := newFixture(t, func(b *fixture) { b.options.ServeStatic = false })
	b.failed(b.serve(request("/", b.v1(b.delivery("msg_1")))), http.StatusNotFound, "not_found", "")
	b.untouched()
	b.succeeded(b.post(dynamicPath, b.v1a(b.delivery("msg_1"))), "published", "msg_1")
	if a := b.serve(httptest.NewRequest(http.MethodGet, "/", nil)); a.Code != http.StatusOK {
		t.Errorf("GET / is answered %d", a.Code)
	}
	if a := b.serve(httptest.NewRequest(http.MethodPut, "/", nil)); a.Code != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET" {
		t.Errorf("PUT / is answered %d with Allow %q", a.Code, a.Header.Get("Allow"))
	}
}

// TestHeadersBeforeBody has deliveries that their headers alone refuse. Their bodies are not read.
func TestHeadersBeforeBody(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"static": "/", "dynamic": dynamicPath, "unknown token": "/dynamic/acme/none"} {
		t.Run(name, func(t *testing.T) {
			b := newFixture(t)
			r := request(path, b.v1(b.delivery("msg_1")))
			r.Header.Set("Webhook-Timestamp", "1")
			r.Body = unreadable{t}
			r.ContentLength = -1
			if a := b.do(r); a.Code != http.StatusUnauthorized {
				t.Errorf("answered %d %s, want 401", a.Code, a.Error)
			}
		})
	}
}

// unreadable is a body that must not be read.
type unreadable struct{ *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.Error("the body is read")
	return 0, io.EOF
}

func (unreadable) Close() error { return nil }

// TestTheSystemsClock has a receiver that is given none.
func TestTheSystemsClock(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.options.Now = nil
	b.Receiver = receiver.New(b.deps, b.options)
	b.ledger.Ledger = ledger.New(b.store, ledger.Options{Lease: lease, Retention: 168 * time.Hour})
	b.succeeded(b.post("/", b.v1(b.delivery("msg_1"))), "published", "msg_1")
}

// A token must have expired by every clock before the record of its delivery does.
func TestMaxTokenLife(t *testing.T) {
	t.Parallel()
	if got, want := receiver.MaxTokenLife(168*time.Hour), 168*time.Hour-ledger.MaxClockSkew; got != want {
		t.Errorf("a token lives %s, want %s", got, want)
	}
}
