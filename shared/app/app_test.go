package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
)

// startsAlone is set for a process of the test binary that only starts a function.
const startsAlone = "APP_TEST_STARTS_ALONE"

func TestMain(m *testing.M) {
	if os.Getenv(startsAlone) != "" {
		app.Start(config.Receive, func(config.Config) app.Pace { return app.Pace{} })
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Start reads the environment, and sets the log's level and the memory's limit.
func TestStart(t *testing.T) {
	t.Setenv("GOOGLE_CLOUD_PROJECT", "p")
	t.Setenv("GEMHOOK_TOPIC", "events")
	t.Setenv("GEMHOOK_DEAD_LETTER_TOPIC", "dead-letters")
	t.Setenv("GEMHOOK_MAX_BODY", "1024")
	t.Setenv("LOG_LEVEL", "warn")
	limit := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetGCPercent(100); debug.SetMemoryLimit(limit) })

	configuration, log := app.Start(config.Receive, func(c config.Config) app.Pace { return app.Pace{Bodies: c.MaxBody << 20} })
	if configuration.Topic != "events" || configuration.MaxBody != 1024 {
		t.Errorf("configuration %+v, want that of the environment", configuration)
	}
	if log.Enabled(t.Context(), slog.LevelInfo) || !log.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("the log's level is not that of the environment")
	}
	if got := debug.SetMemoryLimit(-1); got <= 1024<<20 {
		t.Errorf("the memory limit is %d bytes, with no room for 1 GiB", got)
	}
}

// TestBadConfiguration wants the process to end with one log line that names every bad variable.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = []string{startsAlone + "=1", "GEMHOOK_TOPIC=projects/p/topics/t"}
	output, err := command.Output()
	if command.ProcessState.ExitCode() != 1 {
		t.Errorf("the process ended with %v, want exit code 1", err)
	}
	var line struct{ Severity, Message string }
	if err := json.Unmarshal(output, &line); err != nil {
		t.Fatalf("the log is not one line of JSON: %s", output)
	}
	for _, want := range []string{"GOOGLE_CLOUD_PROJECT is required", "GEMHOOK_TOPIC is ", "GEMHOOK_DEAD_LETTER_TOPIC is required"} {
		if line.Severity != "ERROR" || !strings.Contains(line.Message, want) {
			t.Errorf("%s %q, want an ERROR with %q", line.Severity, line.Message, want)
		}
	}
}

// TestNew wants the app to serve the handler, and to close the backend.
func TestNew(t *testing.T) {
	t.Parallel()
	b := backend.Open(config.Config{}, slog.New(slog.DiscardHandler), nil)
	closed := false
	b.OnClose(closer(func() error { closed = true; return context.Canceled }))
	a := app.New(http.NotFoundHandler(), b)
	answer := httptest.NewRecorder()
	a.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	if answer.Code != http.StatusNotFound {
		t.Errorf("answered %d, want that of the handler", answer.Code)
	}
	if err := a.Close(); err == nil || !closed {
		t.Errorf("Close: %v, closed %t; want the backend closed and its error", err, closed)
	}
}

type closer func() error

func (c closer) Close() error { return c() }
