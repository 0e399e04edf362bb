package receiver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/jwks"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

const (
	mainTopic       = "gemini-events"
	deadLetterTopic = "gemini-dead-letters"
	tenantName      = "acme"
	dynamicKey      = "dynkey_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	audience        = "gemhook-tests"
	maxBody         = 64 << 10
	lease           = time.Minute
	retention       = 168 * time.Hour
)

var (
	dynamicToken = keyOf(dynamicKey).Token(tenantName)
	dynamicPath  = "/dynamic/" + tenantName + "/" + dynamicToken
)

// keyOf reads a dynamic key.
func keyOf(text string) tenant.Key {
	key, err := tenant.ParseKey(text)
	if err != nil {
		panic(err)
	}
	return key
}

// keysOf reads the text of dynamic keys.
func keysOf(text string) tenant.Keys {
	keys, err := tenant.ParseKeys(text)
	if err != nil {
		panic(err)
	}
	return keys
}

// testKeys are what the sender signs with. Making RSA keys for every test would take seconds.
var testKeys = sync.OnceValue(func() *standin.Keys {
	raw, err := os.ReadFile("../webhook/testdata/signing-keys.json")
	if err != nil {
		panic(err)
	}
	keys, err := standin.ParseKeys(raw)
	if err != nil {
		panic(err)
	}
	return keys
})

// A fixture is a receiver with real verifiers and a real ledger in memory, and with everything that
// a test wants to watch or to break in between. At the end of the test its log is checked.
type fixture struct {
	*testing.T
	*receiver.Receiver
	deps      receiver.Deps
	options   receiver.Options
	clock     *clock
	ledger    *ledgerSpy
	store     *memoryledger.Store
	publisher *publisherSpy
	log       *logBuffer

	mu         sync.Mutex
	deliveries int      // that must each have left one line in the log
	secrets    []string // that must not be in it
}

// newFixture returns a fixture whose clock stands still.
func newFixture(t *testing.T, change ...func(*fixture)) *fixture {
	t.Helper()
	return fixtureAt(t, &clock{now: time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)}, change...)
}

// newLiveFixture returns a fixture with the system's clock, or that of a bubble of package
// synctest.
func newLiveFixture(t *testing.T, change ...func(*fixture)) *fixture {
	t.Helper()
	return fixtureAt(t, nil, change...)
}

func fixtureAt(t *testing.T, clock *clock, change ...func(*fixture)) *fixture {
	t.Helper()
	keys := testKeys()
	b := &fixture{T: t, clock: clock, store: memoryledger.New(), publisher: &publisherSpy{}, log: &logBuffer{}}
	b.ledger = &ledgerSpy{Ledger: ledger.New(b.store, ledger.Options{Lease: lease, Retention: retention, Now: clock.Now})}
	b.secrets = append([]string{dynamicKey, dynamicToken, dynamicPath, "/dynamic/", "http://", "https://"}, keys.Secrets...)
	for _, secret := range keys.Secrets {
		b.secrets = append(b.secrets, strings.TrimPrefix(secret, standin.SecretPrefix))
	}

	secrets, err := webhook.ParseSecrets(strings.Join(keys.Secrets, " "))
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.Parse(keys.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verification := &webhook.Options{Audience: audience, Now: clock.Now}
	b.deps = receiver.Deps{
		Static:    webhook.NewStatic(webhook.Fixed(secrets), verification),
		Dynamic:   webhook.NewDynamic(webhook.Fixed(*set), verification),
		Gate:      tenant.NewGate(webhook.Fixed(keysOf(dynamicKey))),
		Ledger:    b.ledger,
		Publisher: b.publisher,
		Log:       slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	b.options = receiver.Options{
		ServeStatic: true, ServeDynamic: true,
		Topic: mainTopic, DeadLetterTopic: deadLetterTopic, MaxBody: maxBody, Version: "v1.2.3", Now: clock.Now,
	}
	for _, c := range change {
		c(b)
	}
	b.Receiver = receiver.New(b.deps, b.options)
	t.Cleanup(b.checkLog)
	return b
}

// checkLog wants one line for each delivery, and no secret in any.
func (b *fixture) checkLog() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.log.String()
	if lines := strings.Count(text, "\n"); lines != b.deliveries {
		b.Errorf("%d log lines for %d deliveries", lines, b.deliveries)
	}
	for i, secret := range b.secrets {
		if strings.Contains(text, secret) {
			b.Errorf("secret %d is in the log", i)
		}
	}
}

// expects records that a delivery is to be logged, and the signature in its headers is not.
func (b *fixture) expects(header http.Header) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliveries++
	for _, value := range header.Values(standin.HeaderSignature) {
		for _, part := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ,.", r) }) {
			if len(part) >= 16 {
				b.secrets = append(b.secrets, part)
			}
		}
	}
}

// time is the time of the sender.
func (b *fixture) time() time.Time { return b.clock.Now() }

// delivery returns the delivery of an event, unsigned, with an id.
func (b *fixture) delivery(id string) standin.Delivery {
	return standin.Delivery{ID: id, Time: b.time(), Body: standin.Event("batch.succeeded")}
}

func (b *fixture) v1(d standin.Delivery) standin.Delivery { return b.must(testKeys().SignV1(d)) }

func (b *fixture) v1a(d standin.Delivery) standin.Delivery {
	return b.must(testKeys().SignV1a(d, 1))
}

func (b *fixture) jwt(d standin.Delivery) standin.Delivery {
	return b.must(testKeys().SignJWT(d, 0, audience, b.time(), b.time().Add(time.Hour)))
}

func (b *fixture) must(d standin.Delivery, err error) standin.Delivery {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// post posts a signed delivery to a path and returns the answer.
func (b *fixture) post(path string, d standin.Delivery) *answer {
	b.Helper()
	return b.do(request(path, d))
}

// request makes the request of a signed delivery.
func request(path string, d standin.Delivery) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(d.Body))
	for name, values := range d.Header {
		r.Header[name] = values
	}
	return r
}

// do has the receiver answer a request that is a delivery.
func (b *fixture) do(r *http.Request) *answer {
	b.Helper()
	b.expects(r.Header)
	return b.serve(r)
}

// serve has the receiver answer a request.
func (b *fixture) serve(r *http.Request) *answer {
	b.Helper()
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, r)
	return b.answer(recorder.Result())
}

// An answer is what the sender gets.
type answer struct {
	Code   int
	Header http.Header

	Status    string
	WebhookID string `json:"webhook_id"`
	MessageID string `json:"message_id"`
	Error     string
	Message   string
}

// answer reads an answer, which must be JSON.
func (b *fixture) answer(response *http.Response) *answer {
	b.Helper()
	defer response.Body.Close()
	a := &answer{Code: response.StatusCode, Header: response.Header}
	if err := json.NewDecoder(response.Body).Decode(a); err != nil {
		b.Fatalf("answer %d is not JSON: %v", a.Code, err)
	}
	if got := response.Header.Get("Content-Type"); got != "application/json" {
		b.Errorf("answer %d has Content-Type %q", a.Code, got)
	}
	return a
}

// succeeded wants an answer to be 200 with that status, and returns its message id.
func (b *fixture) succeeded(a *answer, status, webhookID string) string {
	b.Helper()
	if a.Code != http.StatusOK || a.Status != status || a.WebhookID != webhookID || a.MessageID == "" || a.Error != "" {
		b.Errorf("answer %+v, want 200 %s of %.80q", a, status, webhookID)
	}
	return a.MessageID
}

// failed wants an answer to be a failure with that code, a sentence that a person can act on, and
// that Retry-After ("" for none).
func (b *fixture) failed(a *answer, code int, name, retryAfter string) {
	b.Helper()
	if a.Code != code || a.Error != name || a.Status != "" || a.Header.Get("Retry-After") != retryAfter {
		b.Errorf("answer %+v, want %d %s with Retry-After %q", a, code, name, retryAfter)
	}
	if !strings.HasSuffix(a.Message, ".") || strings.ContainsAny(a.Message, "\n") {
		b.Errorf("message %q is not one sentence", a.Message)
	}
}

// untouched wants no backend to have been reached.
func (b *fixture) untouched() {
	b.Helper()
	if claims, messages := b.ledger.count(), len(b.publisher.all()); claims != 0 || messages != 0 {
		b.Errorf("%d claims and %d publishes, want none", claims, messages)
	}
}

// document returns the ledger's document of a key.
func (b *fixture) document(key ledger.Key) *ledger.Document {
	b.Helper()
	document, _, err := b.store.Read(context.Background(), key)
	if err != nil {
		b.Fatalf("read %.80q: %v", key, err)
	}
	return document
}
