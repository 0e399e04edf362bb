package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gemhook/gemhook/internal/cli/listingtest"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// A localHandler is a handler on this machine.
type localHandler struct {
	url    string
	answer func(out http.ResponseWriter, id string, number int) // nil accepts

	mu       sync.Mutex
	requests map[string]int // by webhook-id
	last     *http.Request
	body     []byte
}

func newLocalHandler(t *testing.T) *localHandler {
	t.Helper()
	h := &localHandler{requests: map[string]int{}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *localHandler) ServeHTTP(out http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	id := request.Header.Get("ce-id") + request.Header.Get("webhook-id")
	h.mu.Lock()
	h.requests[id]++
	number := h.requests[id]
	h.last, h.body = request, body
	h.mu.Unlock()
	if h.answer != nil {
		h.answer(out, id, number)
	}
}

// got returns how many requests there were with an event.
func (h *localHandler) got(id string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests[id]
}

func TestListenBringsEventsToAHandler(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	h := newLocalHandler(t)
	h.answer = func(out http.ResponseWriter, id string, number int) {
		if id == "msg_2" && number == 1 {
			out.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	f.run("send", "--id", "msg_1").want(0) // before anybody listens
	listen := f.startFollowing("listen", h.url, "--since", "5m", "--count", "3")
	f.run("send", "--id", "msg_2", "--type", "batch.failed").want(0)
	f.run("send", "--id", "msg_3", "--tenant", "acme", "--keys", keysFile).want(0)
	r := listen.end().want(0, "topic events → "+h.url+"/", "msg_1  200 OK", "batch.failed", "503 Service Unavailable", "again in 1s",
		"attempt 2, after 503 Service Unavailable", "acme")
	for id, want := range map[string]int{"msg_1": 1, "msg_2": 2, "msg_3": 1} {
		if got := h.got(id); got != want || strings.Count(r.stdout, id+" ") != want {
			t.Errorf("%s was handed over %d times, want %d, and a line for each:\n%s", id, got, want, r.stdout)
		}
	}
	f.wantNothingBehind()
}

// Results come from the ledger and from their own topic, by the type of the event that they are of.
func TestListenBringsResults(t *testing.T) {
	t.Parallel()
	f := newFixtureWithoutReceiver(t)
	f.createTopic("results", "results-all")
	result := func(id, eventType string) map[string]string {
		return map[string]string{"ce-id": id, "ce-type": "gemhook.result.collected", "ce-eventtype": eventType, "ce-source": "//gemhook/results"}
	}
	at := time.Now()
	if _, err := firestoreledger.New(f.documents, "deliveries").Create(t.Context(), "result!00ff", &ledger.Document{
		State: ledger.Published, WebhookID: "msg_1", Type: "gemhook.result.collected", Topic: "results", MessageID: "1",
		Payload: []byte(`{"objects":[]}`), Attributes: result("msg_1", "batch.succeeded"),
		ReceivedAt: at, SettledAt: &at, ExpiresAt: at.Add(time.Hour), LeaseExpiresAt: at,
	}); err != nil {
		t.Fatal(err)
	}
	h := newLocalHandler(t)
	listen := f.startFollowing("listen", h.url, "--results", "--results-topic", "results", "--type", "batch.succeeded", "--since", "1h", "--count", "2")
	f.publish(events, result("msg_2", "batch.succeeded"))
	f.publish("results", result("msg_3", "batch.failed"))
	f.publish("results", result("msg_4", "batch.succeeded"))
	listen.end().want(0, "topic results → "+h.url, "gemhook.result.collected")
	for id, want := range map[string]int{"msg_1": 1, "msg_2": 0, "msg_3": 0, "msg_4": 1} {
		if got := h.got(id); got != want {
			t.Errorf("the result %s was handed over %d times, want %d", id, got, want)
		}
	}
}

func TestListenAsGemini(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	folder := filepath.Join(t.TempDir(), "own")
	secret := ""
	for _, id := range []string{"msg_1", "msg_2"} {
		h := newLocalHandler(t)
		listen := f.startFollowing("listen", h.url, "--as", "gemini", "--dir", folder, "--count", "1", "-o", "json")
		f.run("send", "--id", id).want(0)
		var line struct {
			WebhookID string `json:"webhook_id"`
			Handled   bool
			Status    int
		}
		listen.end().want(0).json(&line)
		if line.WebhookID != id || !line.Handled || line.Status != http.StatusOK {
			t.Errorf("the line is %+v", line)
		}
		text, err := os.ReadFile(filepath.Join(folder, "local-secret"))
		if err != nil || secret != "" && secret != string(text) {
			t.Fatalf("the local secret did not stay the same, or: %v", err)
		}
		secret = string(text)
		verifier, err := standardwebhooks.NewWebhook(strings.TrimSpace(secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(h.body, h.last.Header); err != nil {
			t.Errorf("verify: %v", err)
		}
	}
}

func TestListenServesTheInspector(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	h := newLocalHandler(t)
	listen := f.startFollowing("listen", h.url, "--inspect", "--count", "1")
	page := ""
	f.eventually("the page is up", func() bool {
		_, after, found := strings.Cut(listen.stderr.String(), "inspector: ")
		page, _, _ = strings.Cut(after, "/#")
		return found && page != ""
	})
	response, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the page answers %s", response.Status)
	}
	f.run("send").want(0)
	listen.end().want(0)
}

// What others write into a message does not command the terminal.
func TestListenShowsHostileTextAsText(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	h := newLocalHandler(t)
	h.answer = func(out http.ResponseWriter, _ string, number int) {
		if number == 1 {
			out.Header().Set("Location", "/\u202egnp.exe")
			out.WriteHeader(http.StatusFound)
		}
	}
	listen := f.startFollowing("listen", h.url, "--count", "1")
	f.publish(events, map[string]string{"ce-id": "msg_\x1b[2J", "ce-type": "a\nb", "ce-subject": "\u009b2J"})
	r := listen.end().want(0, "302 Found")
	if strings.ContainsAny(r.stdout+r.stderr, "\x1b\u009b\u202e") || strings.Count(r.stdout, "\n") != 2 {
		t.Errorf("the text is not harmless: %q", r.stdout)
	}
}

func TestListenSaysWhatWasNotHandled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	h := newLocalHandler(t)
	h.answer = func(out http.ResponseWriter, _ string, _ int) { out.WriteHeader(http.StatusInternalServerError) }
	listen := f.startFollowing("listen", h.url, "-o", "json")
	f.publish(events, map[string]string{"ce-id": "msg_1"})
	f.eventually("it is tried", func() bool { return h.got("msg_1") > 0 && listen.stdout.String() != "" })
	listen.stop(nil)
	r := listen.end()
	var line struct {
		RetryIn int `json:"retry_in_ms"`
	}
	first, _, _ := strings.Cut(r.stdout, "\n")
	if err := json.Unmarshal([]byte(first), &line); err != nil || line.RetryIn != 1000 {
		t.Errorf("the line %s: %v", first, err)
	}
	r.want(0, "not handled: 1 (msg_1)", "--since 20")
}

func TestListenMistakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for line, want := range map[string]struct {
		code int
		said string
	}{
		"ftp://localhost/":                      {64, "http:// or https://"},
		"3000 --as soap":                        {64, "cloudevent, pubsub, gemini"},
		"3000 --insecure":                       {64, "not https"},
		"https://192.0.2.1/ --insecure":         {64, "only on this machine"},
		"3000 --parallel 0":                     {64, "--parallel"},
		"3000 --since yesterday":                {64, "--since"},
		"3000 --results --as gemini":            {64, "delivers no results"},
		"3000 --results":                        {78, "GEMHOOK_RESULTS_TOPIC"},
		"3000 --topic no-such-topic":            {66, "subscribe to topic no-such-topic"},
		"3000 --results --results-topic absent": {66, "subscribe to topic absent"},
	} {
		t.Run(line, func(t *testing.T) {
			f.run(append([]string{"listen"}, strings.Fields(line)...)...).want(want.code, want.said)
		})
	}
}

func TestListenSinceWithoutListing(t *testing.T) {
	f := newFixture(t)
	f.withoutListing().RefuseQueries(listingtest.Missing)
	f.run("listen", "3000", "--since", "1h").want(78, "the ledger cannot be listed", "listing = true", "without --since")
	f.wantNothingBehind()
}
