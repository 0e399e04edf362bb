package answer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/answer"
)

// An answer is JSON with a code and a sentence.
func TestError(t *testing.T) {
	w := httptest.NewRecorder()
	answer.Error(w, http.StatusNotFound, "not_found", "There is nothing here.")
	want := http.Header{"Content-Type": {"application/json"}, "Content-Length": {"56"}}
	if diff := cmp.Diff(want, w.Header()); diff != "" || w.Code != http.StatusNotFound {
		t.Errorf("status %d, header (-want +got):\n%s", w.Code, diff)
	}
	if got, want := w.Body.String(), `{"error":"not_found","message":"There is nothing here."}`; got != want {
		t.Errorf("body %s, want %s", got, want)
	}
}
