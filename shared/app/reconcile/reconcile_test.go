package reconcile_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/app/reconcile"
	"github.com/gemhook/gemhook/shared/config"
)

// TestRunWithARefusedKey has one of two API keys refused. The jobs that call Gemini fail with that
// reason, for the tenant of that key only, and the other jobs run as usual.
func TestRunWithARefusedKey(t *testing.T) {
	testkit.FirestoreHost(t)
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	api := httptest.NewServer(standin.NewServerWithOptions(&standin.Keys{}, &standin.ServerOptions{APIKeys: []string{"AIza-new"}}))
	t.Cleanup(api.Close)
	configuration, err := config.Load(config.ReconcileDirect, config.Map(map[string]string{
		"GOOGLE_CLOUD_PROJECT": "reconcile-test", "GEMHOOK_TOPIC": "events", "GEMHOOK_DEAD_LETTER_TOPIC": "dead-letters",
		"GEMHOOK_API_KEYS": "AIza-old acme:AIza-new", "GOOGLE_GEMINI_BASE_URL": api.URL, "GEMHOOK_URL": "https://hooks.example.com/",
	}))
	if err != nil {
		t.Fatal(err)
	}
	var log testkit.Buffer
	reconciler, b := reconcile.New(configuration, slog.New(slog.NewTextHandler(&log, nil)), nil)
	t.Cleanup(func() { _ = b.Close() })
	report, err := reconciler.Invoke(t.Context(), nil)
	if err == nil {
		t.Error("the run succeeded with an API key that is refused")
	}
	errors := map[string]string{}
	for _, job := range report.Jobs {
		errors[job.Job] = job.Error
	}
	if errors["finish"] != "" || !strings.Contains(errors["re-enable"], "status 4") || !strings.Contains(errors["find"], "status 4") {
		t.Errorf("errors %v, want those of the API key alone", errors)
	}
	if strings.Contains(errors["find"], "tenant acme") {
		t.Errorf("the key of acme is refused: %s", errors["find"])
	}
	if text := log.String(); strings.Contains(text, "AIza") || !strings.Contains(text, "reconciliation") {
		t.Errorf("the log is %s", text)
	}
	answer := httptest.NewRecorder()
	reconciler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	if answer.Code != http.StatusOK {
		t.Errorf("GET / is answered %d", answer.Code)
	}
}
