package probe_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/cli/probe"
)

// The answer to a delivery without headers says whether the receiver accepts a token.
func TestKnowsToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status  int
		body    string
		known   bool
		strange string // the code of an UnexpectedError; "-" for none in the answer
	}{
		"known":             {400, `{"error":"missing_header"}`, true, ""},
		"unknown":           {401, `{"error":"unknown_token"}`, false, ""},
		"no keys":           {503, `{"error":"keys_unavailable"}`, false, "keys_unavailable"},
		"off":               {404, `{"error":"not_found"}`, false, "not_found"},
		"not gemhook":       {400, "Bad Request", false, "-"},
		"another's refusal": {401, `{"error":"missing_header"}`, false, "missing_header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				if body, _ := io.ReadAll(request.Body); request.Method != http.MethodPost || len(body) > 0 || request.Header.Get("webhook-id") != "" {
					t.Errorf("the probe is %s with %d bytes", request.Method, len(body))
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			url := server.URL + "/dynamic/acme/hunter2"
			known, err := probe.KnowsToken(t.Context(), server.Client(), url)
			var unexpected *probe.UnexpectedError
			if errors.As(err, &unexpected) != (test.strange != "") || unexpected != nil && unexpected.Code != strings.Trim(test.strange, "-") || known != test.known {
				t.Errorf("known: %t, %v", known, err)
			}
			server.Close()
			if _, err := probe.KnowsToken(t.Context(), server.Client(), url); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("without an answer: %v", err)
			}
		})
	}
}
