package receive_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/tenant"
)

// signingKeys are made once: RSA keys take a while.
var signingKeys = sync.OnceValue(func() *standin.Keys {
	keys, err := standin.NewKeys(rand.Reader)
	if err != nil {
		panic(err)
	}
	return keys
})

// A fixture is an app whose ledger is in memory and whose publisher cannot be opened, as there are
// no valid credentials.
type fixture struct {
	*app.App
	keys   *standin.Keys
	keySet atomic.Pointer[standin.Keys] // whose public keys are published
	store  *memoryledger.Store
	clock  testkit.Clock
}

func newFixture(t *testing.T, changes map[string]string) *fixture {
	t.Helper()
	keys := signingKeys()
	f := &fixture{keys: keys, store: memoryledger.New()}
	f.keySet.Store(keys)
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(f.keySet.Load().JWKS())
	}))
	t.Cleanup(published.Close)
	environment := map[string]string{
		"GOOGLE_CLOUD_PROJECT":       "p",
		"GEMHOOK_TOPIC":              "events",
		"GEMHOOK_DEAD_LETTER_TOPIC":  "dead-letters",
		"GEMHOOK_SIGNING_SECRETS":    keys.Secrets[0],
		"GEMHOOK_JWKS_URL":           published.URL,
		"GEMHOOK_GOOGLE_CREDENTIALS": `{"type":"external_account"}`,
	}
	for name, value := range changes {
		environment[name] = value
	}
	configuration, err := config.Load(config.Receive, config.Map(environment))
	if err != nil {
		t.Fatal(err)
	}
	f.App = receive.New(configuration, slog.New(slog.DiscardHandler), &backend.Options{Store: f.store, Now: f.clock.Now})
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// post posts an event that was signed at a time, and returns the answer's status.
func (f *fixture) post(t *testing.T, id string, at time.Time) int {
	t.Helper()
	signed, err := f.keys.SignV1(standin.Delivery{ID: id, Time: at, Body: standin.Event("batch.succeeded")})
	status, _ := f.answer(t, "/", signed, err)
	return status
}

// answer posts a delivery that was signed without an error, and returns the answer's status and the
// error's code.
func (f *fixture) answer(t *testing.T, path string, signed standin.Delivery, err error) (status int, code string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(signed.Body))
	request.Header = signed.Header
	answer := httptest.NewRecorder()
	f.ServeHTTP(answer, request)
	var body struct{ Error string }
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Errorf("the answer is no JSON: %v", err)
	}
	return answer.Code, body.Error
}

// TestPublisherThatCannotBeOpened wants the claim to be released: nothing was published, so the
// next delivery need not wait for the lease. The document has the retention of the environment.
func TestPublisherThatCannotBeOpened(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	f := newFixture(t, map[string]string{"GEMHOOK_RETENTION": "72h"})
	if status := f.post(t, "msg_1", time.Now()); status != http.StatusServiceUnavailable {
		t.Errorf("answered %d, want 503", status)
	}
	document, _, err := f.store.Read(t.Context(), ledger.StaticKey("msg_1"))
	if err != nil {
		t.Fatal(err)
	}
	if document.State != ledger.Released {
		t.Errorf("the claim is %s, want released", document.State)
	}
	if kept := document.ExpiresAt.Sub(document.ReceivedAt); kept != 72*time.Hour {
		t.Errorf("the document is kept for %s, want the 72h of the environment", kept)
	}
}

// GEMHOOK_TOLERANCE says how old a delivery may be.
func TestToleranceOfTheEnvironment(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	f := newFixture(t, map[string]string{"GEMHOOK_TOLERANCE": "1m"})
	if status := f.post(t, "msg_1", time.Now().Add(-2*time.Minute)); status != http.StatusUnauthorized {
		t.Errorf("a delivery of two minutes ago is answered %d, want 401", status)
	}
}

// TestTokenLifeOfTheEnvironment wants tokens that are valid beyond the retention to be refused. A
// token that is not gets as far as the publisher, which cannot be opened.
func TestTokenLifeOfTheEnvironment(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	const key = "dynkey_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	keys, err := tenant.ParseKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	path, err := keys.Path("acme")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, map[string]string{
		"GEMHOOK_DYNAMIC_KEYS": key, "GEMHOOK_JWT_AUDIENCE": "me", "GEMHOOK_RETENTION": "72h",
	})
	for name, test := range map[string]struct {
		life time.Duration
		want int
	}{
		"within the retention": {time.Hour, http.StatusServiceUnavailable},
		"beyond it":            {73 * time.Hour, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			d := standin.Delivery{ID: "msg_" + name, Time: time.Now(), Body: standin.Event("batch.succeeded")}
			signed, err := f.keys.SignJWT(d, 0, "me", time.Now(), time.Now().Add(test.life))
			if got, _ := f.answer(t, path, signed, err); got != test.want {
				t.Errorf("answered %d, want %d", got, test.want)
			}
		})
	}
}

// TestKeysAreRenewedWithinTheRequest wants the first delivery after the age of a key to be judged by
// what is stored then: an instance that was frozen has renewed nothing. A delivery that is accepted
// gets as far as the publisher, which cannot be opened.
func TestKeysAreRenewedWithinTheRequest(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	const key, other = "dynkey_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "dynkey_another-one-of-those-of-at-least-32-characters"
	keys, err := tenant.ParseKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	path, err := keys.Path("acme")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path   string
		revoke func(f *fixture, file string) error
		after  time.Duration
		want   string // the error's code
	}{
		"signing secret replaced": {"/", func(_ *fixture, file string) error {
			return os.WriteFile(file, []byte("whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVu"), 0o600)
		}, 5 * time.Minute, "bad_signature"},
		"signing secret taken away": {"/", func(_ *fixture, file string) error { return os.Remove(file) }, 5 * time.Minute, "keys_unavailable"},
		"dynamic key replaced": {path, func(_ *fixture, file string) error {
			return os.WriteFile(file, []byte(other), 0o600)
		}, 5 * time.Minute, "unknown_token"},
		"key set replaced": {path, func(f *fixture, _ string) error {
			_, next, err := ed25519.GenerateKey(rand.Reader)
			f.keySet.Store(&standin.Keys{Ed25519: []standin.Ed25519Key{{ID: "next", Private: next}}})
			return err
		}, time.Hour, "bad_signature"},
	} {
		t.Run(name, func(t *testing.T) {
			file, variable, text := filepath.Join(t.TempDir(), "keys"), "GEMHOOK_DYNAMIC_KEYS", key
			if test.path == "/" {
				variable, text = "GEMHOOK_SIGNING_SECRETS", signingKeys().Secrets[0]
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, map[string]string{variable: "file:" + file})
			wantCode := func(want string) {
				t.Helper()
				d := standin.Delivery{ID: "msg_" + want, Time: f.clock.Now(), Body: standin.Event("batch.succeeded")}
				signed, err := f.keys.SignV1(d)
				if test.path != "/" {
					signed, err = f.keys.SignV1a(d, 0)
				}
				if _, code := f.answer(t, test.path, signed, err); code != want {
					t.Errorf("the error is %q, want %q", code, want)
				}
			}
			wantCode("topic_unavailable")
			if err := test.revoke(f, file); err != nil {
				t.Fatal(err)
			}
			f.clock.Advance(test.after)
			wantCode(test.want)
		})
	}
}

// The memory limit has room for as many bodies as requests come at once, each of the size that the
// environment allows.
func TestMemoryFollowsBodySizeAndConcurrency(t *testing.T) {
	for name, value := range map[string]string{
		"GOOGLE_CLOUD_PROJECT": "p", "GEMHOOK_TOPIC": "events", "GEMHOOK_DEAD_LETTER_TOPIC": "dead-letters", "GEMHOOK_MAX_BODY": "900000",
		"GEMHOOK_SIGNING_SECRETS": "", "GEMHOOK_DYNAMIC_KEYS": "", "GEMHOOK_GOOGLE_CREDENTIALS": `{"type":"external_account"}`,
		"FIRESTORE_EMULATOR_HOST": "", "PUBSUB_EMULATOR_HOST": "", "GOGC": "", "GOMEMLIMIT": "",
	} {
		t.Setenv(name, value)
	}
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	for _, concurrency := range []int{80, 200} {
		if err := receive.FromEnvironment(concurrency).Close(); err != nil {
			t.Error(err)
		}
		bodies := int64(2 * concurrency * 900_000)
		if got := debug.SetMemoryLimit(-1); got < bodies || got > bodies+64<<20 {
			t.Errorf("with %d requests at once the limit is %d bytes, want room for %d and little more", concurrency, got, bodies)
		}
	}
}
