package collect_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/app/collect"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
)

const (
	audience = "https://collect.example.com/"
	account  = "push@my-project.iam.gserviceaccount.com"
	apiKey   = "AIza-test-key"
)

// A fixture is a collector with stand-ins for all that it talks to.
type fixture struct {
	*app.App
	token     string
	keyFile   string
	published *pstest.Server
	clock     testkit.Clock
	log       testkit.Buffer
}

// newFixture returns a fixture in which these API keys are stored.
func newFixture(t *testing.T, keys string) *fixture {
	t.Helper()
	f := &fixture{keyFile: filepath.Join(t.TempDir(), "keys"), published: pstest.NewServer()}
	t.Cleanup(func() { _ = f.published.Close() })
	if _, err := f.published.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/my-project/topics/gemini-results"}); err != nil {
		t.Fatal(err)
	}
	results, err := bucket.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(results.Close)
	gemini := standin.NewServerWithOptions(&standin.Keys{}, &standin.ServerOptions{APIKeys: []string{apiKey}})
	gemini.AddBatch(standin.Batch{ID: "b", File: "files/batch-b"})
	gemini.AddFile("files/batch-b", standin.ResultLines{Count: 10, Text: 40}.File())
	api := httptest.NewServer(gemini)
	t.Cleanup(api.Close)
	issuer, err := push.NewIssuer("key-1")
	if err != nil {
		t.Fatal(err)
	}
	certs := httptest.NewServer(issuer)
	t.Cleanup(certs.Close)
	if f.token, err = issuer.Token(audience, account, time.Now()); err != nil {
		t.Fatal(err)
	}
	f.store(t, keys)
	t.Setenv("PUBSUB_EMULATOR_HOST", f.published.Addr)
	t.Setenv("STORAGE_EMULATOR_HOST", results.Host())
	configuration, err := config.Load(config.Collect, config.Map(map[string]string{
		"GOOGLE_CLOUD_PROJECT":   "my-project",
		"GEMHOOK_API_KEYS":       "file:" + f.keyFile,
		"GEMHOOK_RESULTS_BUCKET": bucket.Name,
		"GEMHOOK_RESULTS_TOPIC":  "gemini-results",
		"GEMHOOK_PUSH_AUDIENCE":  audience,
		"GEMHOOK_PUSH_ACCOUNT":   account,
		"GEMHOOK_PUSH_CERTS_URL": certs.URL,
		"GOOGLE_GEMINI_BASE_URL": api.URL,
	}))
	if err != nil {
		t.Fatal(err)
	}
	f.App = collect.New(configuration, slog.New(slog.NewTextHandler(&f.log, nil)), &collect.Options{
		Options: backend.Options{Store: memoryledger.New(), Now: f.clock.Now},
	})
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// store stores the API keys.
func (f *fixture) store(t *testing.T, keys string) {
	t.Helper()
	if err := os.WriteFile(f.keyFile, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
}

// push pushes the event of a batch and returns the status of the answer.
func (f *fixture) push(t *testing.T, id, tenant string) int {
	t.Helper()
	attributes := map[string]string{
		"ce-specversion": "1.0", "ce-id": "msg_" + id + tenant, "ce-type": "batch.succeeded", "ce-subject": "b",
		"ce-source": "//generativelanguage.googleapis.com/webhooks/static", "ce-time": "2026-01-22T12:00:00Z",
	}
	if tenant != "" {
		attributes["ce-tenant"] = tenant
	}
	body, err := push.Body("1", standin.EventAt("batch.succeeded", "b", time.Now()), attributes)
	if err != nil {
		t.Fatal(err)
	}
	request, err := push.NewRequest(t.Context(), "/", f.token, body)
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	f.ServeHTTP(answer, request)
	return answer.Code
}

// TestCollects wants the result of an event in the bucket, and a message about it on the topic.
func TestCollects(t *testing.T) {
	f := newFixture(t, apiKey)
	if status := f.push(t, "1", ""); status != http.StatusNoContent {
		t.Fatalf("answered %d; log:\n%s", status, f.log.String())
	}
	messages := f.published.Messages()
	if len(messages) != 1 || messages[0].Attributes["ce-type"] != "gemhook.result.collected" ||
		!strings.Contains(string(messages[0].Data), "gs://"+bucket.Name+"/static/batches/b/batch.succeeded/responses.jsonl") {
		t.Errorf("messages %v, want one about the responses", messages)
	}
}

// TestAPIKeyOfATenant wants each tenant's jobs to be read with its own key.
func TestAPIKeyOfATenant(t *testing.T) {
	f := newFixture(t, "AIza-common globex:"+apiKey)
	for tenant, want := range map[string]int{"": http.StatusServiceUnavailable, "globex": http.StatusNoContent} {
		t.Run(tenant, func(t *testing.T) {
			if status := f.push(t, "1", tenant); status != want {
				t.Errorf("tenant %q: answered %d, want %d", tenant, status, want)
			}
		})
	}
}

// TestNoAPIKey wants an event of a tenant without a key to be tried again.
func TestNoAPIKey(t *testing.T) {
	f := newFixture(t, "globex:"+apiKey)
	if status := f.push(t, "1", "acme"); status != http.StatusServiceUnavailable {
		t.Errorf("answered %d, want 503", status)
	}
}

// TestStoredKeyTakesEffect wants a key that is stored to be used by the event whose own key is
// refused.
func TestStoredKeyTakesEffect(t *testing.T) {
	f := newFixture(t, "AIza-old")
	if status := f.push(t, "1", ""); status != http.StatusServiceUnavailable {
		t.Errorf("with a key that is refused: %d, want 503", status)
	}
	f.store(t, apiKey)
	f.clock.Advance(11 * time.Second) // keys are read again once in ten seconds
	if status := f.push(t, "2", ""); status != http.StatusNoContent {
		t.Errorf("after a new key was stored: %d, want 204; log:\n%s", status, f.log.String())
	}
	if strings.Contains(f.log.String(), "AIza") {
		t.Error("the log has an API key in it")
	}
}
