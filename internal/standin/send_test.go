package standin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// Send posts the delivery as it is, and reads the members of gemhook's answer.
func TestSend(t *testing.T) {
	d, err := vectorKeys(t).SignV1(delivery())
	if err != nil {
		t.Fatal(err)
	}
	type request struct {
		method, path, contentType, id, timestamp, signature, body string
	}
	var got request
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		got = request{r.Method, r.URL.Path, h.Get("Content-Type"), h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature"), string(body)}
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(409)
		io.WriteString(w, `{"error":"in_flight","message":"Wait.","status":"published","webhook_id":"msg_1","message_id":"42"}`)
	}))
	defer ts.Close()
	answer, err := standin.Send(t.Context(), ts.Client(), ts.URL+"/dynamic/acme/x", d)
	if err != nil {
		t.Fatal(err)
	}
	want := request{"POST", "/dynamic/acme/x", "application/json", "msg_1", "1769083200", signature(d), string(d.Body)}
	if got != want {
		t.Errorf("the request is not the delivery: %s %s %s %s %s", got.method, got.path, got.contentType, got.id, got.timestamp)
	}
	if answer.StatusCode != 409 || answer.Acknowledged() || answer.Header.Get("Retry-After") != "3" || !strings.HasPrefix(string(answer.Body), `{"error"`) {
		t.Errorf("answer = %d %v %s", answer.StatusCode, answer.Header, answer.Body)
	}
	members := []string{answer.Error, answer.Message, answer.Status, answer.WebhookID, answer.MessageID}
	wantEqual(t, "members", members, []string{"in_flight", "Wait.", "published", "msg_1", "42"})
	if d.Header.Get("Content-Type") != "" {
		t.Error("Send changed the delivery's header")
	}
}

// An answer that is not gemhook's has no members; a redirect is not followed.
func TestSendTakesAnyAnswer(t *testing.T) {
	var hits int
	mux := http.NewServeMux()
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusTemporaryRedirect) })
	mux.HandleFunc("/text", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) { hits++ })
	ts := httptest.NewServer(mux)
	defer ts.Close()
	for path, status := range map[string]int{"/moved": 307, "/text": 200} {
		t.Run(path, func(t *testing.T) {
			answer, err := standin.Send(t.Context(), nil, ts.URL+path, delivery())
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != status || answer.Acknowledged() != (status == 200) || answer.Error+answer.Status != "" {
				t.Errorf("answer = %+v, want status %d and no members", answer, status)
			}
		})
	}
	if hits != 0 {
		t.Error("a redirect was followed")
	}
}

// An error shows no part of a dynamic URL.
func TestSendErrorsHideTheURL(t *testing.T) {
	ts := httptest.NewServer(http.NotFoundHandler())
	ts.Close()
	for _, endpoint := range []string{ts.URL + "/dynamic/acme/capability", "http://host/capability\x7f", "capability://x"} {
		t.Run(endpoint, func(t *testing.T) {
			answer, err := standin.Send(t.Context(), nil, endpoint, delivery())
			if err == nil || answer != nil {
				t.Fatalf("answer %v, want an error", answer)
			}
			if strings.Contains(err.Error(), "acme") || strings.Contains(err.Error(), "/capability") {
				t.Errorf("error %q holds the URL", err)
			}
		})
	}
}

func ExampleSend() {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"status":"published","webhook_id":"msg_1","message_id":"7"}`)
	}))
	defer endpoint.Close()

	keys := &standin.Keys{Secrets: []string{"whsec_bm90IHZlcnkgc2VjcmV0LCBvbmx5IGZvciB0ZXN0cyE="}}
	d, err := keys.SignV1(standin.Delivery{ID: "msg_1", Time: time.Now(), Body: standin.Event("batch.succeeded")})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := standin.Send(context.Background(), nil, endpoint.URL, d)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.StatusCode, answer.Status, answer.MessageID)
	// Output: 200 published 7
}
