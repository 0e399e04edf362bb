package geminiapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/geminiapi"
)

var discardLog = log.New(io.Discard, "", 0)

var sentinels = map[string]error{
	"invalid": geminiapi.ErrInvalid, "permission": geminiapi.ErrPermission, "not found": geminiapi.ErrNotFound,
	"conflict": geminiapi.ErrConflict, "rate": geminiapi.ErrRateLimited, "unavailable": geminiapi.ErrUnavailable,
	"unknown": geminiapi.ErrOutcomeUnknown,
}

func TestErrors(t *testing.T) {
	const keyInvalid = `{"error":{"code":400,"message":"No.","status":"INVALID_ARGUMENT","details":[{"@type":"x","locale":"en"},{"reason":"API_KEY_INVALID"}]}}`
	tests := []struct {
		name   string
		status int
		body   string
		want   geminiapi.Error
		is     string // of sentinels; empty: none
		text   string
	}{
		{"Google's", 404, `{"error":{"code":404,"message":"No webhook w.","status":"NOT_FOUND"}}`,
			geminiapi.Error{HTTPStatus: 404, Code: 404, Message: "No webhook w.", Status: "NOT_FOUND"}, "not found", `get webhook "w": status 404 NOT_FOUND: No webhook w.`},
		{"code as text", 400, `{"error":{"code":"invalid_request","message":"Unknown field."}}`,
			geminiapi.Error{HTTPStatus: 400, Message: "Unknown field.", Status: "invalid_request"}, "invalid", `get webhook "w": status 400 invalid_request: Unknown field.`},
		{"unknown key", 400, keyInvalid,
			geminiapi.Error{HTTPStatus: 400, Code: 400, Message: "No.", Status: "INVALID_ARGUMENT", Reason: "API_KEY_INVALID"}, "permission", `get webhook "w": status 400 INVALID_ARGUMENT: No.`},
		{"a proxy's page", 403, "<html>", geminiapi.Error{HTTPStatus: 403, Message: "Forbidden"}, "permission", `get webhook "w": status 403: Forbidden`},
		{"empty object", 409, "{}", geminiapi.Error{HTTPStatus: 409}, "conflict", `get webhook "w": status 409`},
		{"another form", 401, `{"error":"no"}`, geminiapi.Error{HTTPStatus: 401, Message: "Unauthorized"}, "permission", `get webhook "w": status 401: Unauthorized`},
		{"teapot", 418, `{"error":{"code":418}}`, geminiapi.Error{HTTPStatus: 418, Code: 418}, "", `get webhook "w": status 418`},
		{"long", 400, `{"error":{"message":"` + strings.Repeat("é", 5000) + `"}}`, geminiapi.Error{HTTPStatus: 400, Message: strings.Repeat("é", 1024)}, "invalid", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, client, _ := serve(t, reply(test.status, test.body))
			_, err := client.Get(t.Context(), "w")
			var got *geminiapi.Error
			if !errors.As(err, &got) || *got != test.want {
				t.Fatalf("error = %+v, want %+v", got, test.want)
			}
			for name, sentinel := range sentinels {
				if errors.Is(err, sentinel) != (name == test.is) {
					t.Errorf("it is %s: %v", name, errors.Is(err, sentinel))
				}
			}
			if test.text != "" && err.Error() != test.text {
				t.Errorf("text = %s, want %s", err, test.text)
			}
		})
	}
}

func TestTheKeyAppearsNowhere(t *testing.T) {
	// Google names the project by its key in such messages.
	quoting := `{"error":{"code":403,"message":"Consumer 'api_key:` + apiKey + `' has been suspended.","status":"` + apiKey + `"}}`
	_, client, _ := serve(t, reply(403, quoting))
	_, err := client.Get(t.Context(), "w")
	if text := fmt.Sprintf("%v %+v %#v %q", err, errors.Unwrap(err), errors.Unwrap(err), err); strings.Contains(text, apiKey) || !strings.Contains(text, "'api_key:[API key]'") {
		t.Errorf("error = %s", text)
	}

	var logged strings.Builder
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	log.Info("client", "client", client)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		logged.WriteString(fmt.Sprintf(verb, client) + fmt.Sprintf(verb, *client) + fmt.Sprintf(verb, struct{ c *geminiapi.Client }{client}))
	}
	for _, form := range []string{apiKey, fmt.Sprintf("%x", apiKey), strings.Trim(fmt.Sprint([]byte(apiKey)), "[]")} {
		if strings.Contains(logged.String(), form) {
			t.Errorf("%s shows the key", logged.String())
		}
	}

	// A key that is no header value fails, and is not quoted.
	hostile := geminiapi.New("secret\nkey", &geminiapi.Options{BaseURL: "http://127.0.0.1:1", MaxAttempts: 1})
	if err := hostile.Ping(t.Context(), "w"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error = %v", err)
	}
}

func TestSecretsShowThemselvesToNobody(t *testing.T) {
	const text = "whsec_bm90LXNlY3JldA=="
	_, client, _ := serve(t, reply(200, `{"id":"w","new_signing_secret":"`+text+`"}`), reply(200, `{"secret":"`+text+`"}`))
	created, err := client.Create(t.Context(), geminiapi.Webhook{})
	if err != nil || created.NewSigningSecret.Reveal() != text {
		t.Fatalf("the secret is not revealed, %v", err)
	}
	rotated, err := client.Rotate(t.Context(), "w", "")
	if err != nil || rotated.Reveal() != text || rotated.IsZero() || !(geminiapi.Secret{}).IsZero() {
		t.Fatalf("the secret is not revealed, %v", err)
	}
	var shown strings.Builder
	log := slog.New(slog.NewTextHandler(&shown, nil))
	log.Info("secrets", "webhook", created, "secret", rotated)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown.WriteString(fmt.Sprintf(verb, created) + fmt.Sprintf(verb, rotated) + fmt.Sprintf(verb, struct{ w geminiapi.Webhook }{*created}))
	}
	encoded, err := json.Marshal(created)
	if err != nil || string(encoded) != `{"id":"w","new_signing_secret":"[signing secret]"}` {
		t.Errorf("encoded as %s, %v", encoded, err)
	}
	for _, form := range []string{text, fmt.Sprintf("%x", text), strings.Trim(fmt.Sprint([]byte(text)), "[]")} {
		if strings.Contains(shown.String(), form) {
			t.Error("a secret is shown")
		}
	}

	// An answer that cannot be read may hold a secret all the same.
	for _, body := range []string{`{"secret":"` + text + `"`, `{"secret":{"` + text + `":1}}`, `{"new_signing_secret":"` + text + `"}`, `{"secret":""}`} {
		_, client, _ = serve(t, reply(http.StatusOK, body))
		if secret, err := client.Rotate(t.Context(), "w", ""); err == nil || strings.Contains(err.Error(), text) || !secret.IsZero() {
			t.Errorf("%d bytes of answer: %v", len(body), err)
		}
	}
	_, client, _ = serve(t, reply(http.StatusOK, `{"create_time":"`+text+`"}`))
	if w, err := client.Create(t.Context(), geminiapi.Webhook{}); err == nil || strings.Contains(err.Error(), text) || w != nil {
		t.Error("an answer that cannot be read is quoted, or taken")
	}
}
