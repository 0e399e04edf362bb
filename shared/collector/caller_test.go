package collector_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/push"
)

// TestWhoIsNotServed wants nobody but the configured account to be served, and nothing but a push.
func TestWhoIsNotServed(t *testing.T) {
	f := newFixture(t)
	f.addBatch("b")
	data, attributes := event("batch.succeeded", "b", "")
	body, err := push.Body("1", data, attributes)
	if err != nil {
		t.Fatal(err)
	}
	token := func(audience, account string, issued time.Time) string {
		signed, err := f.issuer.Token(audience, account, issued)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	for name, test := range map[string]struct {
		token, body string
		want        int
	}{
		"no token":         {"", string(body), http.StatusUnauthorized},
		"a bad token":      {"a.b.c", string(body), http.StatusUnauthorized},
		"another account":  {token(audience, "other@project.iam.gserviceaccount.com", time.Now()), string(body), http.StatusForbidden},
		"another audience": {token(audience+"other", account, time.Now()), string(body), http.StatusUnauthorized},
		"an old token":     {token(audience, account, time.Now().Add(-24*time.Hour)), string(body), http.StatusUnauthorized},
		"no push":          {f.token, "{}", http.StatusBadRequest},
		"no JSON":          {f.token, "<html>", http.StatusBadRequest},
		"no subscription":  {f.token, `{"message":{"data":""}}`, http.StatusBadRequest},
		"too much":         {f.token, strings.Repeat(" ", 15<<20), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			if got := f.post(t, test.token, []byte(test.body)).Code; got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
			if strings.Contains(f.log.String(), f.token) {
				t.Error("the log has the token")
			}
		})
	}
	if n := f.gemini.Downloads("files/batch-b"); n != 0 || len(f.published) != 0 {
		t.Errorf("%d downloads and %d messages, want none", n, len(f.published))
	}
}

func TestOtherRequests(t *testing.T) {
	f := newFixture(t)
	for name, test := range map[string]struct {
		method, path string
		want         int
	}{
		"the service's name": {http.MethodGet, "/", http.StatusOK},
		"another method":     {http.MethodDelete, "/", http.StatusMethodNotAllowed},
		"another path":       {http.MethodPost, "/push", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			f.handler.ServeHTTP(answer, httptest.NewRequest(test.method, test.path, nil))
			if answer.Code != test.want {
				t.Errorf("status %d, want %d", answer.Code, test.want)
			}
		})
	}
}

// TestRefusedAPIKey wants the keys to be read again when Gemini refuses one, and the result to be
// collected with the new key at once.
func TestRefusedAPIKey(t *testing.T) {
	for name, test := range map[string]struct {
		keys []string
		want int
	}{
		"a new key is stored":    {[]string{"AIza-old", apiKey}, http.StatusNoContent},
		"another that is no use": {[]string{"AIza-old", "AIza-older"}, http.StatusServiceUnavailable},
		"there is no other":      {[]string{"AIza-old"}, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.addBatch("b")
			f.keys = test.keys
			f.wantPush(t, "batch.succeeded", "b", test.want)
			if strings.Contains(f.log.String(), "AIza") {
				t.Error("the log has an API key in it")
			}
		})
	}
}
