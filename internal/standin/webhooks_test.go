package standin_test

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// A webhook is created, changed and deleted as the API documents.
func TestWebhookLifecycle(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{})
	created := f.must("POST", "/v1beta/webhooks",
		`{"name":"n","uri":"https://example.com/hook","subscribed_events":["batch.succeeded","video.generated"],"state":"disabled","id":"mine"}`)
	secret, _ := created["new_signing_secret"].(string)
	if !strings.HasPrefix(secret, "whsec_") || !regexp.MustCompile(`^[0-9a-z]{36}$`).MatchString(created["id"].(string)) {
		t.Fatal("the new webhook has no secret, or no id of its own")
	}
	if !slices.Equal(f.Secrets(created["id"].(string)), []string{secret}) {
		t.Error("Secrets has not the secret that was shown")
	}
	delete(created, "new_signing_secret")
	want := object{
		"id": created["id"], "name": "n", "uri": "https://example.com/hook",
		"subscribed_events": []any{"batch.succeeded", "video.generated"}, "state": "enabled",
		"signing_secrets": []any{object{"truncated_secret": "whsec_..." + secret[len(secret)-4:]}},
		"create_time":     "2026-01-22T12:00:00Z", "update_time": "2026-01-22T12:00:00Z",
	}
	wantEqual(t, "created webhook", created, want)
	path := "/v1/webhooks/" + created["id"].(string)
	wantEqual(t, "webhook", f.must("GET", path, ""), want)

	f.clock.now = f.clock.now.Add(time.Hour)
	want["update_time"] = "2026-01-22T13:00:00Z"
	for _, change := range []struct {
		query, body string
		want        object
	}{
		{"", `{"name":"m","subscribed_events":["batch.failed"]}`, object{"name": "m", "subscribed_events": []any{"batch.failed"}}},
		{"?update_mask=uri", `{"name":"x","uri":"http://127.0.0.1:1/"}`, object{"uri": "http://127.0.0.1:1/"}},
		{"?update_mask=state,name", `{"state":"DISABLED"}`, object{"state": "disabled", "name": nil}},
		{"?update_mask=state", `{"state":"enabled"}`, object{"state": "enabled"}},
	} {
		for field, value := range change.want {
			if want[field] = value; value == nil {
				delete(want, field)
			}
		}
		got := f.must("PATCH", path+change.query, change.body)
		wantEqual(t, "webhook after "+change.query+" "+change.body, got, want)
	}
	if got := f.must("DELETE", path, ""); len(got) != 0 {
		t.Errorf("deletion answers %v, want {}", got)
	}
	if status, got := f.call("GET", path, ""); status != 404 {
		t.Errorf("deleted webhook: %d %v", status, got)
	}
	if f.Secrets(id(path)) != nil {
		t.Error("a deleted webhook has secrets")
	}
	if got := f.must("GET", "/v1beta/webhooks", ""); len(got) != 0 {
		t.Errorf("empty list = %v, want {}", got)
	}
}

// A list has pages of the size asked for, and each begins where the one before ended.
func TestWebhookPages(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{})
	var paths []string
	for i := range 52 {
		paths = append(paths, f.register(fmt.Sprintf("https://example.com/%d", i)))
	}
	read := func(query string) (uris []string, token string) {
		page := f.must("GET", "/v1beta/webhooks"+query, "")
		for _, w := range page["webhooks"].([]any) {
			uris = append(uris, strings.TrimPrefix(w.(object)["uri"].(string), "https://example.com/"))
			if _, ok := w.(object)["new_signing_secret"]; ok {
				t.Error("a list shows secrets")
			}
		}
		token, _ = page["next_page_token"].(string)
		return uris, token
	}
	for query, want := range map[string]int{"": 50, "?page_size=0": 50, "?page_size=51": 51, "?page_size=2000": 52} {
		t.Run(query, func(t *testing.T) {
			if uris, token := read(query); len(uris) != want || (token == "") != (want == 52) {
				t.Errorf("%d webhooks with token %q, want %d", len(uris), token, want)
			}
		})
	}
	first, token := read("?page_size=26")
	if second, end := read("?page_size=26&page_token=" + token); end != "" || len(second) != 26 || second[0] != "26" {
		t.Errorf("the second page begins with %s of %d, token %q", second[0], len(second), end)
	}
	// A page begins where the one before ended, even if the webhook there has been deleted.
	f.must("DELETE", paths[25], "")
	f.must("DELETE", paths[26], "")
	second, token := read("?page_size=26&page_token=" + token)
	if token != "" || first[25] != "25" || len(second) != 25 || second[0] != "27" {
		t.Errorf("pages end with %s and begin with %s of %d, token %q", first[25], second[0], len(second), token)
	}
	for range 1000 - 49 {
		body := strings.NewReader(`{"uri":"https://example.com/x","subscribed_events":["batch.failed"]}`)
		f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/v1beta/webhooks", body))
	}
	if uris, token := read("?page_size=2000"); len(uris) != 1000 || token == "" {
		t.Errorf("the largest page has %d webhooks, token %q", len(uris), token)
	}
}

// Each wrong call is refused with an error as Google's APIs have it, and changes nothing.
func TestWebhookErrors(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{APIKeys: []string{"right", "other"}})
	const collection, valid = "/v1beta/webhooks", `{"uri":"https://example.com/","subscribed_events":["batch.failed"]}`
	_, w := f.call("POST", collection, valid, "x-goog-api-key", "other")
	one := collection + "/" + w["id"].(string)
	before := f.Secrets(w["id"].(string))
	tests := []struct {
		method, path, body, key string
		code                    int
		status, message         string
	}{
		{"GET", collection, "", "", 403, "PERMISSION_DENIED", "x-goog-api-key"},
		{"GET", collection + "?key=right", "", "", 403, "PERMISSION_DENIED", "x-goog-api-key"},
		{"GET", collection, "", "wrong", 400, "INVALID_ARGUMENT", "API key"},
		{"GET", one + "x", "", "right", 404, "NOT_FOUND", one[len(collection)+1:] + "x"},
		{"PATCH", one + "x", "{}", "right", 404, "NOT_FOUND", ""},
		{"DELETE", one + "x", "", "right", 404, "NOT_FOUND", ""},
		{"POST", one + "x:ping", "", "right", 404, "NOT_FOUND", ""},
		{"POST", one + "x:rotateSigningSecret", "", "right", 404, "NOT_FOUND", ""},
		{"POST", one + ":pong", "", "right", 404, "NOT_FOUND", ""},
		{"POST", one, "", "right", 404, "NOT_FOUND", ""},
		{"PUT", one, valid, "right", 404, "NOT_FOUND", ""},
		{"GET", "/v2/webhooks", "", "right", 404, "NOT_FOUND", ""},
		{"GET", collection + "?page_size=-1", "", "right", 400, "INVALID_ARGUMENT", "page_size"},
		{"GET", collection + "?page_size=x", "", "right", 400, "INVALID_ARGUMENT", "page_size"},
		{"GET", collection + "?page_token=x", "", "right", 400, "INVALID_ARGUMENT", "page_token"},
		{"POST", collection, "", "right", 400, "INVALID_ARGUMENT", "uri"},
		{"POST", collection, `{"subscribed_events":["batch.failed"]}`, "right", 400, "INVALID_ARGUMENT", "uri"},
		{"POST", collection, `{"uri":"https://example.com/"}`, "right", 400, "INVALID_ARGUMENT", "subscribed_events"},
		{"POST", collection, `{"uri":"https://example.com/","subscribed_events":[]}`, "right", 400, "INVALID_ARGUMENT", "subscribed_events"},
		{"POST", collection, strings.Replace(valid, "failed", "fail", 1), "right", 400, "INVALID_ARGUMENT", "batch.succeeded, batch.expired"},
		{"POST", collection, strings.Replace(valid, "failed", "cancelled", 1), "right", 400, "INVALID_ARGUMENT", "batch.cancelled"},
		{"POST", collection, strings.Replace(valid, "https", "http", 1), "right", 400, "INVALID_ARGUMENT", "uri"},
		{"POST", collection, strings.Replace(valid, "https://", "https:/", 1), "right", 400, "INVALID_ARGUMENT", "uri"},
		{"POST", collection, strings.Replace(valid, "subscribed_e", "subscribedE", 1), "right", 400, "INVALID_ARGUMENT", "subscribedEvents"},
		{"POST", collection, valid + valid, "right", 400, "INVALID_ARGUMENT", "JSON"},
		{"POST", collection, `[]`, "right", 400, "INVALID_ARGUMENT", "JSON"},
		{"POST", collection, `{"name":"` + strings.Repeat("x", 1<<20), "right", 400, "INVALID_ARGUMENT", "JSON"},
		{"PATCH", one, `{"state":"paused"}`, "right", 400, "INVALID_ARGUMENT", "disabled_due_to_failed_deliveries"},
		{"PATCH", one + "?update_mask=uri", `{"name":"x"}`, "right", 400, "INVALID_ARGUMENT", "uri"},
		{"PATCH", one + "?update_mask=id", `{}`, "right", 400, "INVALID_ARGUMENT", "update_mask"},
		{"PATCH", one, `{"name":"changed","uri":"x"}`, "right", 400, "INVALID_ARGUMENT", "uri"},
		{"POST", one + ":ping", "{", "right", 400, "INVALID_ARGUMENT", "JSON"},
		{"POST", one + "/rotate_secret", `{"revocation_behavior":"later"}`, "right", 400, "INVALID_ARGUMENT", "revoke_previous_secrets_immediately"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %s %.40s", test.method, test.path, test.body), func(t *testing.T) {
			status, got := f.call(test.method, test.path, test.body, "x-goog-api-key", test.key)
			e, _ := got["error"].(object)
			if status != test.code || e["code"] != float64(test.code) || e["status"] != test.status {
				t.Errorf("%s %s %.80s: %d %v, want %d %s", test.method, test.path, test.body, status, got, test.code, test.status)
			} else if message := e["message"].(string); message == "" || !strings.Contains(message, test.message) {
				t.Errorf("%s %s %.80s: message %q, want one with %q", test.method, test.path, test.body, message, test.message)
			}
			if reason := fmt.Sprint(e["details"]); strings.Contains(reason, "API_KEY_INVALID") != (test.key == "wrong") {
				t.Errorf("key %q: details %s", test.key, reason)
			}
		})
	}
	_, after := f.call("GET", one, "", "x-goog-api-key", "right")
	delete(w, "new_signing_secret")
	wantEqual(t, "webhook after refused calls", after, w)
	if !slices.Equal(f.Secrets(id(one)), before) {
		t.Error("refused calls changed the secrets")
	}

	f.FailAPI(503)
	if status, got := f.call("DELETE", one, "", "x-goog-api-key", "right"); status != 503 || got["error"].(object)["status"] != "UNAVAILABLE" {
		t.Errorf("failing service: %d %v", status, got)
	}
	f.FailAPI(0)
	if status, _ := f.call("GET", one, "", "x-goog-api-key", "right"); status != 200 {
		t.Errorf("healed service: %d", status)
	}
}

// After a rotation the previous secrets are valid for 24 hours or, if it says so, no longer.
func TestRotation(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{})
	path := f.register("https://example.com/")
	original := f.Secrets(id(path))[0]
	rotate := func(suffix, body string) string {
		t.Helper()
		secret, _ := f.must("POST", path+suffix, body)["secret"].(string)
		return secret
	}
	valid := func(when string, want ...string) {
		t.Helper()
		if got := f.Secrets(id(path)); !slices.Equal(got, want) {
			t.Fatalf("%s: %d secrets are valid, want these %d", when, len(got), len(want))
		}
	}
	second := rotate(":rotateSigningSecret", "")
	valid("after the first rotation", second, original)
	shown := f.must("GET", path, "")["signing_secrets"]
	wantEqual[any](t, "signing_secrets", shown, []any{
		object{"truncated_secret": "whsec_..." + second[len(second)-4:]},
		object{"truncated_secret": "whsec_..." + original[len(original)-4:], "expire_time": "2026-01-23T12:00:00Z"},
	})

	f.clock.now = f.clock.now.Add(time.Hour)
	third := rotate("/rotate_secret", `{"revocation_behavior":"REVOKE_PREVIOUS_SECRETS_AFTER_H24"}`)
	valid("after the second rotation", third, second, original)
	f.clock.now = f.clock.now.Add(23*time.Hour - 1)
	valid("just before 24 hours", third, second, original)
	f.clock.now = f.clock.now.Add(1)
	valid("24 hours after the first rotation", third, second)

	fourth := rotate(":rotateSigningSecret", `{"revocation_behavior":"revoke_previous_secrets_immediately"}`)
	valid("after an immediate revocation", fourth)
	if shown := f.must("GET", path, "")["signing_secrets"].([]any); len(shown) != 1 {
		t.Errorf("%d signing_secrets, want 1", len(shown))
	}
}
