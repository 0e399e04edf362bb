package jstest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// A captured delivery is what verify.mjs reads.
type captured struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// with returns the delivery for a receiver that has a secret.
func (c captured) with(secret string) captured {
	c.Secret = secret
	return c
}

// An endpoint captures what is delivered to it.
type endpoint struct {
	url string

	mu  sync.Mutex
	got []captured
}

func newEndpoint(t *testing.T) *endpoint {
	e := new(endpoint)
	ts := httptest.NewServer(e)
	t.Cleanup(ts.Close)
	e.url = ts.URL + "/"
	return e
}

func (e *endpoint) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	headers := make(map[string]string)
	for name, values := range r.Header {
		headers[name] = strings.Join(values, ", ")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = append(e.got, captured{Headers: headers, Body: string(body)})
}

// take returns what was captured since the last time.
func (e *endpoint) take() []captured {
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.got
	e.got = nil
	return got
}

const apiKey = "test-key"

func newStandIn(t *testing.T) (*standin.Server, string) {
	gemini := standin.NewServerWithOptions(&standin.Keys{}, &standin.ServerOptions{APIKeys: []string{apiKey}})
	ts := httptest.NewServer(gemini)
	t.Cleanup(ts.Close)
	return gemini, ts.URL
}

type verdict struct{ Type, Refused string }

func verify(t *testing.T, deliveries []captured) []verdict {
	t.Helper()
	var verdicts []verdict
	node(t, "verify.mjs", deliveries, &verdicts)
	if len(verdicts) != len(deliveries) {
		t.Fatalf("%d verdicts on %d deliveries", len(verdicts), len(deliveries))
	}
	return verdicts
}

// Google's SDK for JavaScript registers, rotates and deletes webhooks at the stand-in.
func TestGoogleSDK(t *testing.T) {
	gemini, url := newStandIn(t)
	e := newEndpoint(t)
	var saw struct {
		ID, Created string
		Rotated     []string
	}
	node(t, "sdk.mjs", map[string]string{"url": url, "key": apiKey, "endpoint": e.url}, &saw)

	// The second rotation revoked what was before it.
	if got, want := gemini.Secrets(saw.ID), []string{saw.Rotated[3], saw.Rotated[2], saw.Rotated[1]}; !slices.Equal(got, want) {
		t.Errorf("%d secrets are valid, want the three that the SDK got last", len(got))
	}
	gemini.WaitForPings()
	pings := e.take()
	if len(pings) != 2 {
		t.Fatalf("%d deliveries, want two pings", len(pings))
	}
	verdicts := verify(t, []captured{pings[0].with(saw.Created), pings[1].with(saw.Created), pings[0].with(saw.Rotated[0])})
	if verdicts[0].Type != standin.PingType || verdicts[1].Type != standin.PingType || verdicts[2].Refused == "" {
		t.Errorf("verdicts = %+v, want both pings accepted with the webhook's secret only", verdicts)
	}
}

// The Standard Webhooks library accepts what the stand-in signs, and refuses any change of it.
func TestStandardWebhooksLibrary(t *testing.T) {
	gemini, url := newStandIn(t)
	e := newEndpoint(t)
	client := geminiapi.New(apiKey, &geminiapi.Options{BaseURL: url})
	created, err := client.Create(t.Context(), geminiapi.Webhook{URI: e.url, SubscribedEvents: standin.SubscribableTypes()})
	if err != nil {
		t.Fatal(err)
	}
	original := created.NewSigningSecret.Reveal()
	rotate := func(behavior geminiapi.RevocationBehavior) string {
		t.Helper()
		secret, err := client.Rotate(t.Context(), created.ID, behavior)
		if err != nil {
			t.Fatal(err)
		}
		return secret.Reveal()
	}
	emit := func(body []byte) captured {
		t.Helper()
		if _, err := gemini.Emit(t.Context(), body); err != nil {
			t.Fatal(err)
		}
		got := e.take()
		if len(got) != 1 {
			t.Fatalf("%d deliveries, want 1", len(got))
		}
		return got[0]
	}

	var deliveries []captured
	var want []string // the type that is accepted; empty: refused
	expect := func(d captured, eventType string) { deliveries, want = append(deliveries, d), append(want, eventType) }

	for _, eventType := range standin.SubscribableTypes() {
		expect(emit(standin.Event(eventType)).with(original), eventType)
	}
	plain := emit([]byte("{\r\n \"type\": \"batch.failed\", \"data\": {\"id\": \"é😀\", \"score\": 1.0}\n}\n")).with(original)
	expect(plain, "batch.failed")

	changed := plain
	changed.Body = strings.Replace(plain.Body, "1.0", "1", 1)
	expect(changed, "")

	second := rotate(geminiapi.RevokeAfter24Hours)
	during := emit(standin.Event("batch.expired"))
	expect(during.with(original), "batch.expired")
	expect(during.with(second), "batch.expired")

	third := rotate(geminiapi.RevokeImmediately)
	after := emit(standin.Event("batch.failed"))
	expect(after.with(original), "")
	expect(after.with(second), "")
	expect(after.with(third), "batch.failed")

	for i, verdict := range verify(t, deliveries) {
		if verdict.Type != want[i] || (verdict.Refused == "") != (want[i] != "") {
			t.Errorf("delivery %d: %+v, want type %q", i, verdict, want[i])
		}
	}
}
