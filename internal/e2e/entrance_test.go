package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"
)

// reply is a receiver's answer, by whichever entrance.
type reply struct {
	StatusCode int
	Body       []byte
	Status     string
	Error      string
	WebhookID  string `json:"webhook_id"`
	MessageID  string `json:"message_id"`
}

// An entrance is a way into a receiver: the headers in the given order, repeated ones included, and
// the raw body.
type entrance func(t *testing.T, path string, header [][2]string, body []byte) reply

// entrances are the platforms' ways in, each to a process of its own with that environment.
var entrances = map[string]func(*testing.T, map[string]string) entrance{
	"cloud function":      cloudFunctionEntrance,
	"lambda function URL": func(t *testing.T, env map[string]string) entrance { return lambdaEntrance(t, env, "$default") },
	"lambda HTTP API":     func(t *testing.T, env map[string]string) entrance { return lambdaEntrance(t, env, "live") },
}

func cloudFunctionEntrance(t *testing.T, env map[string]string) entrance {
	p := startProcess(t, env)
	return func(t *testing.T, path string, header [][2]string, body []byte) reply {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range header {
			request.Header.Add(line[0], line[1])
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return readReply(t, response.StatusCode, answer)
	}
}

func readReply(t *testing.T, status int, body []byte) reply {
	t.Helper()
	r := reply{StatusCode: status, Body: body}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("answer %d is not JSON: %s", status, body)
	}
	return r
}

// vectorFile reads a file of the published signature vectors, which the tests of package webhook
// keep.
func vectorFile(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile("../../shared/webhook/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}
