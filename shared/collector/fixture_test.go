package collector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/shared/collector"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/objects"
	"github.com/gemhook/gemhook/shared/pushauth"
)

const (
	audience = "https://collect.example.com/"
	account  = "push@project.iam.gserviceaccount.com"
	apiKey   = "AIza-test-key"
	lease    = time.Minute
)

// occurred is when jobs end, and the time of their events.
var occurred = time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)

// fixture is a collector with everything around it in the process.
type fixture struct {
	gemini  *standin.Server
	bucket  *bucket.Server
	handler http.Handler
	checker *pushauth.Verifier
	issuer  *push.Issuer
	token   string
	log     bytes.Buffer

	geminiURL string
	keys      []string                           // the API key, and those that are read after it was refused
	transport func(*http.Request) *http.Response // answers in place of Gemini; nil, or an answer of nil: Gemini does
	waited    []time.Duration                    // by Gemini's client, between attempts
	checkTook time.Duration                      // what the check of a token takes by the collector's clock

	documents *documents
	results   *objects.Bucket

	mu        sync.Mutex
	ahead     time.Duration // of the collector's clock
	published []message
	refuse    error         // of the next publish
	took      time.Duration // what a publish takes by the collector's clock
}

// documents are a ledger's, which can be away.
type documents struct {
	*memoryledger.Store
	unclaimed, unsettled error // of each claim, of each settle
}

func (d *documents) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	if d.unclaimed != nil {
		return ledger.Version{}, d.unclaimed
	}
	return d.Store.Create(ctx, key, document)
}

func (d *documents) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	if d.unsettled != nil {
		return d.unsettled
	}
	return d.Store.Finish(ctx, key, version, outcome)
}

type message struct {
	data       map[string]any
	attributes map[string]string
}

// newIssuer makes the one key of all tests: that takes longer than most of them.
var newIssuer = sync.OnceValues(func() (*push.Issuer, error) { return push.NewIssuer("key-1") })

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		gemini: standin.NewServerWithOptions(&standin.Keys{}, &standin.ServerOptions{
			APIKeys: []string{apiKey}, Now: func() time.Time { return occurred },
		}),
		documents: &documents{Store: memoryledger.New()},
	}
	gemini := httptest.NewServer(f.gemini)
	t.Cleanup(gemini.Close)
	var err error
	if f.bucket, err = bucket.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.bucket.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", f.bucket.Host())
	if f.results, err = objects.Open(t.Context(), bucket.Name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.results.Close() })
	if f.issuer, err = newIssuer(); err != nil {
		t.Fatal(err)
	}
	certs := httptest.NewServer(f.issuer)
	t.Cleanup(certs.Close)
	f.checker = pushauth.New(pushauth.Options{Audience: audience, Account: account, CertsURL: certs.URL})
	if f.token, err = f.issuer.Token(audience, account, time.Now()); err != nil {
		t.Fatal(err)
	}
	f.geminiURL, f.keys = gemini.URL, []string{apiKey}
	f.handler = collector.New(collector.Deps{
		Checker:   f,
		Gemini:    f.client,
		Bucket:    func(context.Context) (*objects.Bucket, error) { return f.results, nil },
		Ledger:    ledger.New(f.documents, ledger.Options{Lease: lease, Retention: time.Hour, Now: f.now}),
		Publisher: f,
		Log:       slog.New(slog.NewJSONHandler(&f.log, nil)),
	}, collector.Options{Topic: "gemini-results", Now: f.now})
	return f
}

// client is a collector.Gemini.
func (f *fixture) client(_ context.Context, _ string, isRefused bool) (*geminiapi.Client, error) {
	if isRefused {
		if len(f.keys) == 1 {
			return nil, nil
		}
		f.keys = f.keys[1:]
	}
	options := geminiapi.Options{BaseURL: f.geminiURL, MaxAttempts: 1}
	if f.transport != nil {
		options.HTTPClient, options.MaxAttempts = &http.Client{Transport: f}, 2
		options.Wait = func(_ context.Context, pause time.Duration) error {
			f.waited = append(f.waited, pause)
			return nil
		}
	}
	return geminiapi.New(f.keys[0], &options), nil
}

// RoundTrip is what Gemini's client calls where there is a transport.
func (f *fixture) RoundTrip(request *http.Request) (*http.Response, error) {
	if response := f.transport(request); response != nil {
		return response, nil
	}
	return http.DefaultTransport.RoundTrip(request)
}

// Verify is a collector.Checker's.
func (f *fixture) Verify(ctx context.Context, header http.Header) error {
	f.advance(f.checkTook)
	return f.checker.Verify(ctx, header)
}

func (f *fixture) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Add(f.ahead)
}

func (f *fixture) advance(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead += by
}

// Publish keeps the message.
func (f *fixture) Publish(_ context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse; err != nil {
		f.refuse = nil
		return "", err
	}
	decoded := map[string]any{}
	if err := json.Unmarshal(data, &decoded); err != nil || topicID != "gemini-results" {
		return "", fmt.Errorf("a message for %s that is no JSON object: %w", topicID, err)
	}
	f.published = append(f.published, message{decoded, attributes})
	f.ahead += f.took
	return fmt.Sprint(len(f.published)), nil
}

// event returns the data and the attributes of an event, as the receiver publishes them.
func event(eventType, id, tenant string) ([]byte, map[string]string) {
	data := standin.EventAt(eventType, id, occurred)
	attributes := map[string]string{
		"ce-specversion": "1.0", "ce-id": "msg_" + eventType + id, "ce-type": eventType, "ce-subject": id, "ce-time": "2026-01-22T12:00:00Z",
		"ce-source": "//generativelanguage.googleapis.com/webhooks/static", "ce-signaturescheme": "v1", "user_metadata.team": "search",
	}
	if tenant != "" {
		attributes["ce-tenant"], attributes["ce-source"] = tenant, "//generativelanguage.googleapis.com/webhooks/dynamic/"+tenant
	}
	return data, attributes
}

// push pushes an event and returns the status of the answer.
func (f *fixture) push(t *testing.T, data []byte, attributes map[string]string) int {
	t.Helper()
	body, err := push.Body("1", data, attributes)
	if err != nil {
		t.Fatal(err)
	}
	return f.post(t, f.token, body).Code
}

func (f *fixture) post(t *testing.T, token string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	request, err := push.NewRequest(t.Context(), "/", token, body)
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	f.handler.ServeHTTP(answer, request)
	return answer
}

// wantFailure pushes the event of batch b and wants the answer that has Pub/Sub try again, with an
// error code, and no message.
func (f *fixture) wantFailure(t *testing.T, code string) {
	t.Helper()
	before := len(f.published)
	data, attributes := event("batch.succeeded", "b", "")
	body, err := push.Body("1", data, attributes)
	if err != nil {
		t.Fatal(err)
	}
	answer := f.post(t, f.token, body)
	if answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), `"error":"`+code+`"`) {
		t.Errorf("answered %d, %s, want 503, %s; log:\n%s", answer.Code, answer.Body, code, f.log.String())
	}
	if n := len(f.published) - before; n != 0 {
		t.Errorf("%d messages, want none", n)
	}
}

// wantPush pushes an event and wants a status.
func (f *fixture) wantPush(t *testing.T, eventType, id string, want int) {
	t.Helper()
	data, attributes := event(eventType, id, "")
	if got := f.push(t, data, attributes); got != want {
		t.Fatalf("%s of %.40q: status %d, want %d; log:\n%s", eventType, id, got, want, f.log.String())
	}
}

// last returns the message that was published last, and wants there to be so many.
func (f *fixture) last(t *testing.T, messages int) message {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.published) != messages {
		t.Fatalf("%d messages, want %d; log:\n%s", len(f.published), messages, f.log.String())
	}
	return f.published[messages-1]
}

func (f *fixture) objects(t *testing.T) map[string]string {
	t.Helper()
	contents, err := f.bucket.Objects()
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

func content(t *testing.T, file standin.File) string {
	t.Helper()
	all, err := io.ReadAll(file.Open())
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
