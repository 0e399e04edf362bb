package handler_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/inspect"
)

const localSecret = "whsec_bG9jYWwgc2VjcmV0IG9mIHRoZXNlIHRlc3RzIQ=="

// event is one whose attributes try to get at HTTP's own headers.
var event = handler.Event{
	ID: "17", PublishTime: time.Date(2026, 1, 22, 12, 0, 0, 500, time.UTC), Data: []byte(`{"type": "batch.succeeded"}`),
	Attributes: map[string]string{
		"ce-specversion": "1.0", "ce-id": "msg_1", "ce-type": "batch.succeeded", "ce-source": "//g/webhooks", "ce-subject": `a "b" ü%`,
		"ce-datacontenttype": "application/json", "content-type": "application/json", "webhook-signature": "v1,abc= v1,def=", "user_metadata.job": "Zoë",
		"host": "elsewhere", "transfer-encoding": "gzip", "user_metadata.a b": "no header", "webhook-broken": "a\nb",
	},
	Subscription: "projects/p/subscriptions/s", Attempt: 3,
}

// deliver delivers the event once and returns the request that arrives, with its body.
func deliver(t *testing.T, form handler.Form) (*http.Request, []byte, inspect.Attempt) {
	t.Helper()
	type received struct {
		request *http.Request
		body    []byte
	}
	arrived := make(chan received, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- received{r, body}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "thanks")
	}))
	defer server.Close()
	local, err := handler.New(handler.Options{URL: server.URL + "/hook?a=b", Form: form, Secret: localSecret, Host: "app.example"})
	if err != nil {
		t.Fatal(err)
	}
	attempt := local.Deliver(t.Context(), event)
	if !handler.Accepted(&attempt) || handler.Outcome(&attempt) != "202 Accepted" || string(attempt.Answer.Body) != "thanks" {
		t.Fatalf("the attempt came to %q with %q, want it accepted with thanks", handler.Outcome(&attempt), attempt.Answer.Body)
	}
	got := <-arrived
	if got.request.Method != http.MethodPost || got.request.URL.String() != "/hook?a=b" || got.request.Host != "app.example" {
		t.Errorf("arrived as %s %s of %s", got.request.Method, got.request.URL, got.request.Host)
	}
	if diff := cmp.Diff(got.body, attempt.Request.Body); diff != "" || attempt.Request.Path != "/hook?a=b" {
		t.Errorf("what is recorded of %s is not what arrived:\n%s", attempt.Request.Path, diff)
	}
	return got.request, got.body, attempt
}

func TestACloudEventIsInBinaryMode(t *testing.T) {
	t.Parallel()
	request, body, _ := deliver(t, handler.CloudEvent)
	got := request.Header.Clone()
	for _, ofHTTP := range []string{"User-Agent", "Content-Length"} {
		got.Del(ofHTTP)
	}
	want := http.Header{
		"Ce-Specversion": {"1.0"}, "Ce-Id": {"msg_1"}, "Ce-Type": {"batch.succeeded"}, "Ce-Source": {"//g/webhooks"},
		"Ce-Subject": {"a%20%22b%22%20%C3%BC%25"}, "Content-Type": {"application/json"},
		"Webhook-Signature": {"v1,abc= v1,def="}, "User_metadata.job": {"Zoë"},
	}
	got.Del("Connection")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if string(body) != string(event.Data) {
		t.Errorf("body %q, want the event's bytes", body)
	}
}

func TestAPushIsWrapped(t *testing.T) {
	t.Parallel()
	_, body, _ := deliver(t, handler.PubSub)
	var got struct {
		Message struct {
			Data        []byte
			Attributes  map[string]string
			MessageID   string    `json:"messageId"`
			PublishTime time.Time `json:"publishTime"`
		}
		Subscription    string
		DeliveryAttempt int
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	m := got.Message
	back := handler.Event{
		ID: m.MessageID, PublishTime: m.PublishTime, Data: m.Data, Attributes: m.Attributes,
		Subscription: got.Subscription, Attempt: got.DeliveryAttempt,
	}
	if diff := cmp.Diff(event, back); diff != "" {
		t.Errorf("unwrapped (-want +got):\n%s", diff)
	}
}

// What people verify with in their handlers takes it.
func TestGeminisFormIsSignedAnew(t *testing.T) {
	t.Parallel()
	request, body, _ := deliver(t, handler.Gemini)
	verifier, err := standardwebhooks.NewWebhook(localSecret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(body, request.Header); err != nil {
		t.Errorf("verify: %v", err)
	}
	if id := request.Header.Get("webhook-id"); id != "msg_1" || request.Header.Get("Content-Type") != "application/json" {
		t.Errorf("webhook-id %q and headers %v", id, request.Header)
	}
}

func TestAnAttemptIsNotAcceptedAndSaysWhy(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(nil)
	away.Close()
	begun, over := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(over) })
	hang := func(w http.ResponseWriter, _ *http.Request) { <-over }
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		tls     bool
		options handler.Options
		want    string
	}{
		"an error":       {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, want: "500 Internal Server Error"},
		"a redirect":     {answer: http.RedirectHandler("/there/", http.StatusPermanentRedirect).ServeHTTP, want: "308 Permanent Redirect, to /there/: name that URL"},
		"nobody":         {options: handler.Options{URL: away.URL}, want: "nothing listens at 127.0.0.1:"},
		"no such host":   {options: handler.Options{URL: "http://gemhook.invalid:1/"}, want: "no host gemhook.invalid|lookup"},
		"no answer":      {answer: hang, options: handler.Options{Timeout: 50 * time.Millisecond}, want: "no answer within 50ms"},
		"closed":         {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: "closed the connection"},
		"unknown issuer": {tls: true, answer: hang, want: "with --insecure"},
		"no HTTPS":       {answer: hang, options: handler.Options{URL: "https://"}, want: "write http://"},
		"half an answer": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, want: "its answer broke off"},
		"an endless answer": {answer: func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-over
		}, options: handler.Options{Timeout: 50 * time.Millisecond}, want: "did not end within 50ms"},
		"interrupted": {answer: func(http.ResponseWriter, *http.Request) { close(begun); <-over }, want: "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := httptest.NewServer
			if test.tls {
				start = httptest.NewTLSServer
			}
			server := start(test.answer)
			server.Config.ErrorLog = nil
			t.Cleanup(server.CloseClientConnections)
			switch test.options.URL {
			case "":
				test.options.URL = server.URL
			case "https://":
				test.options.URL = strings.Replace(server.URL, "http:", "https:", 1)
			}
			local, err := handler.New(test.options)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == "interrupted" {
				go func() { <-begun; cancel() }()
			}
			attempt := local.Deliver(ctx, event)
			outcome := handler.Outcome(&attempt)
			said := false
			for _, want := range strings.Split(test.want, "|") {
				said = said || strings.Contains(outcome, want)
			}
			if handler.Accepted(&attempt) || !said {
				t.Errorf("accepted: %v, outcome %q, want %q", handler.Accepted(&attempt), outcome, test.want)
			}
		})
	}
}

func TestACertificateOfItsOwnMaking(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	local, err := handler.New(handler.Options{URL: server.URL, Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	if attempt := local.Deliver(t.Context(), event); !handler.Accepted(&attempt) {
		t.Errorf("with Insecure on this machine: %s", handler.Outcome(&attempt))
	}
}

func TestAnAnswerIsKeptUpToALimit(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1<<20))
	}))
	defer server.Close()
	local, err := handler.New(handler.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	attempt := local.Deliver(t.Context(), event)
	if !handler.Accepted(&attempt) || len(attempt.Answer.Body) != 64<<10 {
		t.Errorf("%s, %d bytes kept of the answer, want 64 KiB", handler.Outcome(&attempt), len(attempt.Answer.Body))
	}
}
