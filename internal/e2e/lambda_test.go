package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/testkit/lambdaruntime"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// lambdaEntrance starts the receiver's bootstrap and sends it events of payload format 2.0 as that
// stage of an HTTP API does ($default: as a function URL does).
func lambdaEntrance(t *testing.T, env map[string]string, stage string) entrance {
	invoke := startBootstrap(t, "receive", env)
	return func(t *testing.T, path string, header [][2]string, body []byte) reply {
		t.Helper()
		status, answer := invoke(t, lambdaEvent(t, stage, path, header, body))
		return readReply(t, status, answer)
	}
}

// startBootstrap starts a function's built bootstrap, and returns how to invoke it with a request.
func startBootstrap(t *testing.T, function string, env map[string]string) func(t *testing.T, event []byte) (status int, body []byte) {
	t.Helper()
	runtime := startBootstrapProcess(t, function, env)
	return func(t *testing.T, event []byte) (int, []byte) {
		t.Helper()
		response, err := runtime.Invoke(t.Context(), event)
		if err != nil {
			t.Fatalf("invoke: %v", err)
		}
		var answer struct {
			StatusCode      int
			Body            string
			IsBase64Encoded bool
		}
		if err := json.Unmarshal(response, &answer); err != nil || answer.IsBase64Encoded {
			t.Fatalf("response %s: %v", response, err)
		}
		return answer.StatusCode, []byte(answer.Body)
	}
}

// startBootstrapProcess starts a function's built bootstrap against a Runtime API of the test's
// own.
func startBootstrapProcess(t *testing.T, function string, env map[string]string) *lambdaruntime.Server {
	t.Helper()
	runtime, err := lambdaruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = runtime.Close() })
	log := &logBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of %s:\n%s", function, log)
		}
	})
	command := exec.Command(binary(t, function+bootstrap))
	command.Env = process.Environ(env, "AWS_LAMBDA_RUNTIME_API="+runtime.Host())
	command.Stdout, command.Stderr = log, log
	started, err := process.Start(context.WithoutCancel(t.Context()), command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Stop() })
	return runtime
}

func lambdaEvent(t *testing.T, stage, path string, header [][2]string, body []byte) []byte {
	t.Helper()
	headers := map[string]string{"content-type": "application/json", "host": "abc.example.com"}
	for _, line := range header {
		name := strings.ToLower(line[0])
		if before, repeated := headers[name]; repeated {
			headers[name] = before + "," + line[1]
			continue
		}
		headers[name] = line[1]
	}
	if stage != "$default" {
		path = "/" + stage + path
	}
	event, err := json.Marshal(map[string]any{
		"version":         "2.0",
		"routeKey":        "$default",
		"rawPath":         path,
		"rawQueryString":  "",
		"headers":         headers,
		"body":            base64.StdEncoding.EncodeToString(body),
		"isBase64Encoded": true,
		"requestContext": map[string]any{
			"stage":      stage,
			"requestId":  "id",
			"domainName": "abc.example.com",
			"http":       map[string]any{"method": http.MethodPost, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}
