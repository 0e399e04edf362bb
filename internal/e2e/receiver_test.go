package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/gemhook/gemhook/internal/lockedbuffer"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/tenant"
)

const (
	dynamicKey = "a-dynamic-key-of-the-tests"
	tenantName = "acme"
	audience   = "gemhook-tests"
)

var dynamicPath = tenant.ParseKeys(dynamicKey)[0].Path(tenantName)

// testKeys are the published private halves of the vectors' keys: making RSA keys afresh for every test takes seconds.
var testKeys = sync.OnceValue(func() *standin.Keys {
	raw, err := os.ReadFile("../../shared/webhook/testdata/signing-keys.json")
	if err != nil {
		panic(err)
	}
	keys, err := standin.ParseKeys(raw)
	if err != nil {
		panic(err)
	}
	return keys
})

// gemini is the stand-in for Gemini, serving its key set.
type gemini struct {
	*standin.Server
	keys    *standin.Keys
	jwksURL string
}

func newGemini(t *testing.T) *gemini {
	t.Helper()
	keys := testKeys()
	server := standin.NewServer(keys)
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	return &gemini{Server: server, keys: keys, jwksURL: listening.URL + standin.JWKSPath}
}

// environment is the environment of a receiver for that backend and sender, with what the test sets otherwise.
func environment(b *backend, g *gemini, set map[string]string) map[string]string {
	env := map[string]string{
		"GOOGLE_CLOUD_PROJECT":      b.project,
		"GEMHOOK_TOPIC":             topicID,
		"GEMHOOK_DEAD_LETTER_TOPIC": deadLetterTopicID,
		"GEMHOOK_SIGNING_SECRETS":   strings.Join(g.keys.Secrets, " "),
		"GEMHOOK_DYNAMIC_KEYS":      dynamicKey,
		"GEMHOOK_JWKS_URL":          g.jwksURL,
		"GEMHOOK_JWT_AUDIENCE":      audience,
		"LOG_LEVEL":                 "debug",
	}
	for name, value := range set {
		env[name] = value
	}
	return env
}

// receiver is a receiver in this process, behind a real HTTP server.
type receiver struct {
	url string
	log *logBuffer
}

func newReceiver(t *testing.T, env map[string]string, options *app.Options) *receiver {
	t.Helper()
	configuration, err := config.Load(t.Context(), envconfig.MapLookuper(env))
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	handler := app.New(configuration, slog.New(cloudlog.NewHandler(log, &cloudlog.Options{
		Level: configuration.LogLevel, Project: configuration.Project,
	})), options)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		_ = handler.Close()
	})
	return &receiver{url: server.URL, log: log}
}

// logBuffer collects log lines.
type logBuffer struct{ lockedbuffer.Buffer }

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

// newDelivery is a delivery of an event, not signed yet, with an id of its own.
func newDelivery(t *testing.T, body []byte) standin.Delivery {
	t.Helper()
	id, err := standin.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return standin.Delivery{ID: id, Time: time.Now(), Body: body}
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

// must is for the signing methods, which fail only for what no test gives them.
func must(d standin.Delivery, err error) standin.Delivery {
	if err != nil {
		panic(err)
	}
	return d
}

// soon waits a little, however long it is told to: receivers ask for more patience than tests have.
func soon(ctx context.Context, _ time.Duration) error {
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
