package e2e

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/internal/testkit/proxy"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
)

var testKeys = sync.OnceValue(func() *standin.Keys {
	keys, err := gemini.PublishedKeys()
	if err != nil {
		panic(err)
	}
	return keys
})

func newGemini(t *testing.T) *gemini.Gemini {
	t.Helper()
	g := gemini.Start(testKeys(), nil)
	t.Cleanup(g.Close)
	return g
}

// environment is the environment of a receiver for that project and sender, with what the test sets
// otherwise.
func environment(b *project, g *gemini.Gemini, set map[string]string) map[string]string {
	env := g.Environment(b.ID)
	env["LOG_LEVEL"] = "debug"
	env["FIRESTORE_EMULATOR_HOST"], env["PUBSUB_EMULATOR_HOST"] = b.FirestoreHost, b.PubSubHost
	maps.Copy(env, set)
	return env
}

// receiver is a receiver in this process, behind a real HTTP server.
type receiver struct {
	url string
	log *logBuffer
}

func newReceiver(t *testing.T, env map[string]string, options *backend.Options) *receiver {
	t.Helper()
	configuration, err := config.Load(config.Receive, config.Map(env))
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	handler := receive.New(configuration, slog.New(cloudlog.NewHandler(log, &cloudlog.Options{
		Level: configuration.LogLevel, Project: configuration.Project,
	})), options)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		_ = handler.Close()
	})
	return &receiver{url: server.URL, log: log}
}

// newProxy stands between a receiver and a backend, and leads to target at first.
func newProxy(t *testing.T, target string) *proxy.Proxy {
	t.Helper()
	p, err := proxy.New(target, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// logBuffer collects log lines.
type logBuffer struct{ testkit.Buffer }

// deliveries returns the lines about deliveries.
func (l *logBuffer) deliveries(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(l.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log line is not JSON: %s", text)
		}
		if line["message"] == "delivery" {
			lines = append(lines, line)
		}
	}
	return lines
}

// post sends a delivery once and wants an answer.
func post(t *testing.T, url string, d standin.Delivery) *standin.Answer {
	t.Helper()
	answer, err := standin.Send(t.Context(), nil, url, d)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// must is for calls that cannot fail with the arguments of these tests.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
