package receive_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/tenant"
)

// A fixture is an app whose ledger is in memory and whose publisher cannot be opened, as there are
// no valid credentials.
type fixture struct {
	*app.App
	keys  *standin.Keys
	store *memoryledger.Store
}

func newFixture(t *testing.T, changes map[string]string) *fixture {
	t.Helper()
	keys, err := standin.NewKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(keys.JWKS())
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
	f := &fixture{keys: keys, store: memoryledger.New()}
	f.App = receive.New(configuration, slog.New(slog.DiscardHandler), &backend.Options{Store: f.store})
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// post posts an event that was signed at a time, and returns the answer's status.
func (f *fixture) post(t *testing.T, id string, at time.Time) int {
	t.Helper()
	signed, err := f.keys.SignV1(standin.Delivery{ID: id, Time: at, Body: standin.Event("batch.succeeded")})
	return f.answer(t, "/", signed, err)
}

// answer posts a delivery that was signed without an error.
func (f *fixture) answer(t *testing.T, path string, signed standin.Delivery, err error) int {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(signed.Body))
	request.Header = signed.Header
	answer := httptest.NewRecorder()
	f.ServeHTTP(answer, request)
	return answer.Code
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
			if got := f.answer(t, path, signed, err); got != test.want {
				t.Errorf("answered %d, want %d", got, test.want)
			}
		})
	}
}
