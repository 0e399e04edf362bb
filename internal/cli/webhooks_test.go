package cli_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/standin"
)

func TestCreateStoresTheSecretAndDeliveriesAreAccepted(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	r := w.run("webhooks", "create", "--name", "test").want(0, "registered ", "7 types of event", w.signing)
	if strings.Contains(r.stdout, "whsec_") {
		t.Error("the secret is on the screen")
	}
	stored, versions := w.secrets.Latest(w.signing)
	if versions != 1 {
		t.Fatalf("%d versions are stored, want 1", versions)
	}
	var webhooks []struct{ ID string }
	w.run("webhooks", "list", "-o", "json").want(0).json(&webhooks)
	if len(webhooks) != 1 || strings.Join(w.gemini.Secrets(webhooks[0].ID), " ") != stored {
		t.Errorf("what is stored is not the secret of the one webhook in %v", webhooks)
	}
	results, err := w.gemini.Emit(t.Context(), standin.Event("batch.succeeded"))
	if err != nil || len(results) != 1 || results[0].Err != nil {
		t.Fatalf("emit: %+v, %v", results, err)
	}
	if got := w.pull(subscription); len(got) != 1 || got[0].Attributes["ce-type"] != "batch.succeeded" {
		t.Errorf("the topic has %v", got)
	}
}

func TestARefusedTypeOfEventIsNamedWithWhatToLeaveOut(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	for _, test := range []struct {
		events string
		said   []string
	}{
		{"batch.failed,batch.cancelled", []string{`"batch.cancelled"`, "leave out batch.cancelled: --event batch.failed\n"}},
		{"video.generated,batch.invented,batch.failed", []string{`"batch.invented"`, "leave out batch.invented: --event video.generated,batch.failed\n"}},
		{"interaction.cancelled", []string{"choose among the types that Gemini takes: --event batch.succeeded,"}},
	} {
		w.run("webhooks", "create", "--event", test.events).want(1, test.said...)
		w.wantWebhooks(0)
		if _, versions := w.secrets.Latest(w.signing); versions != 0 {
			t.Errorf("a secret is stored though %s was refused", test.events)
		}
	}
	w.run("webhooks", "create", "--event", "batch.failed").want(0, "1 types of event")
	w.run("webhooks", "update", "--event", "batch.failed,batch.cancelled").want(1, "leave out batch.cancelled: --event batch.failed\n")
}

func TestCreateShowsTheSecretOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	var created struct {
		SigningSecret string `json:"signing_secret"`
	}
	w.run("webhooks", "create", "--show-secret", "-o", "json").want(0).json(&created)
	if stored, _ := w.secrets.Latest(w.signing); created.SigningSecret != stored || stored == "" {
		t.Error("the secret printed is not the one stored")
	}
}

func TestCreateKeepsSecretsUnlessTold(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	other, err := standin.NewSecret(strings.NewReader(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	w.secrets.Create(w.signing, other)
	w.run("webhooks", "create").want(0, "beside 1 from before")
	if stored, _ := w.secrets.Latest(w.signing); !strings.HasSuffix(stored, " "+other) {
		t.Error("the secret from before is gone")
	}
	w.run("webhooks", "create").want(1, "already", "--another")
	w.run("webhooks", "create", "--another", "--replace").want(0)
	if stored, _ := w.secrets.Latest(w.signing); strings.Contains(stored, " ") {
		t.Error("--replace keeps a secret")
	}
}

// A webhook at the same address is found whatever its spelling, and registered in one.
func TestCreateKnowsItsURLInAnySpelling(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	host := strings.TrimPrefix(w.receiver, "http://")
	w.env["GEMHOOK_URL"] = "HTTP://" + host + "/?"
	w.run("webhooks", "create").want(0, "to http://"+host+"/\n")
	for _, spelling := range []string{"http://" + host, "http://" + host + "/", "hTTp://" + host + "?"} {
		w.env["GEMHOOK_URL"] = spelling
		w.run("webhooks", "create").want(1, "already")
		w.run("webhooks", "get").want(0, "http://"+host+"/")
	}
	for _, refused := range []string{"http://me@" + host, "http://" + host + "/#a", "http://" + host + "/a b", "http://" + host + "/dynamic/acme/x", "http://" + host + "/?a=b"} {
		w.env["GEMHOOK_URL"] = refused
		w.run("webhooks", "create").want(78, "correct GEMHOOK_URL")
	}
	w.wantWebhooks(1)
}

func TestCreateIntoAFile(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	file := filepath.Join(t.TempDir(), "secrets")
	w.env["GEMHOOK_SIGNING_SECRETS"] = "file:" + file
	w.run("webhooks", "create").want(0, file)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %o, want 600", info.Mode().Perm())
	}
	w.env["GEMHOOK_SIGNING_SECRETS"] = "whsec_AAAA"
	w.run("webhooks", "create", "--another").want(78, "cannot be stored there")
	w.env["GEMHOOK_SIGNING_SECRETS"] = w.signing + "/versions/3"
	w.run("webhooks", "create", "--another").want(78, "pinned to version 3")
}

func TestCreateUndoesARegistrationWhoseSecretIsLost(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.secrets.Fail(func(method string) error {
		if method == "AddSecretVersion" {
			return status.Error(codes.Internal, "out of order")
		}
		return nil
	})
	w.run("webhooks", "create").want(1, "out of order", "the registration has been undone")
	w.wantWebhooks(0)

	w.secrets.Deny("AddSecretVersion")
	w.run("webhooks", "create").want(77, "secretmanager.versions.add")
	w.wantWebhooks(0)
}

func TestCreateUndoesARegistrationWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	lose := true
	proxy := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodPost || !lose {
			w.gemini.ServeHTTP(out, request)
			return
		}
		lose = false
		w.gemini.ServeHTTP(httptest.NewRecorder(), request)
		panic(http.ErrAbortHandler)
	}))
	defer proxy.Close()
	w.env["GOOGLE_GEMINI_BASE_URL"] = proxy.URL
	w.run("webhooks", "create").want(69, "the registration has been undone")
	w.wantWebhooks(0)
	w.run("webhooks", "create").want(0)
	w.wantWebhooks(1)
}

func TestCreateSaysWhatIsLeftWhenUndoingFails(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.secrets.Fail(func(method string) error {
		if method == "AddSecretVersion" {
			w.gemini.FailAPI(http.StatusForbidden)
			return status.Error(codes.Internal, "out of order")
		}
		return nil
	})
	r := w.run("webhooks", "create").want(77, "is registered, and its secret is lost", "gemhook webhooks rotate ")
	w.gemini.FailAPI(0)
	w.secrets.Fail(nil)
	var webhooks []struct{ ID string }
	w.run("webhooks", "list", "-o", "json").want(0).json(&webhooks)
	if len(webhooks) != 1 || !strings.Contains(r.stderr, webhooks[0].ID) {
		t.Errorf("the message does not name the webhook that is left: %s", r.stderr)
	}
	w.run("webhooks", "rotate").want(0)
	w.run("send").want(0, "published")
}

// An interrupt while Gemini registers does not lose the secret.
func TestCreateInterrupted(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	ctx, stop := context.WithCancelCause(t.Context())
	interrupting := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPost {
			stop(failure.Interruption{Signal: syscall.SIGINT})
		}
		w.gemini.ServeHTTP(out, request)
	}))
	defer interrupting.Close()
	w.env["GOOGLE_GEMINI_BASE_URL"] = interrupting.URL
	w.runWith(ctx, "", "webhooks", "create").want(0, "registered")
	w.wantWebhooks(1)
	if _, versions := w.secrets.Latest(w.signing); versions != 1 {
		t.Errorf("%d versions are stored, want 1", versions)
	}
	w.runWith(ctx, "", "webhooks", "create", "--another").want(130)
	w.wantWebhooks(1)
}

func (w *fixture) wantWebhooks(n int) {
	w.t.Helper()
	var webhooks []any
	w.run("webhooks", "list", "-o", "json").want(0).json(&webhooks)
	if len(webhooks) != n {
		w.t.Errorf("there are %d webhooks, want %d", len(webhooks), n)
	}
}

func TestWebhooksGetUpdateEnablePingDelete(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.run("webhooks", "get").want(66, "no webhook delivers to the receiver", "gemhook webhooks create")
	w.run("webhooks", "list").want(0, "no webhooks")
	id := w.register()
	w.run("webhooks", "list").want(0, id, "enabled", w.receiver)
	w.run("webhooks", "get").want(0, id, "batch.succeeded video.generated"[:15], "whsec_...")
	w.run("webhooks", "get", "unknown").want(66, "unknown")
	w.run("webhooks", "update").want(64, "nothing to change")
	w.run("webhooks", "update", id, "--event", "batch.failed", "--name", "renamed").want(0, "renamed")
	var got struct {
		State            string
		SubscribedEvents []string `json:"subscribed_events"`
	}
	w.run("webhooks", "get", id, "-o", "json").want(0).json(&got)
	if len(got.SubscribedEvents) != 1 || got.SubscribedEvents[0] != "batch.failed" {
		t.Errorf("after the update the events are %v", got.SubscribedEvents)
	}
	w.disable(id)
	w.run("webhooks", "enable").want(0)
	w.run("webhooks", "get", id, "-o", "json").want(0).json(&got)
	if got.State != "enabled" {
		t.Errorf("after enable the state is %s", got.State)
	}
	w.run("webhooks", "ping").want(0, "test delivery")
	w.gemini.WaitForPings()
	if n := len(w.pull(subscription)); n != 1 {
		t.Errorf("%d messages after a ping, want 1", n)
	}
	w.run("webhooks", "delete", id).want(64, "--yes")
	w.wantWebhooks(1)
	w.run("webhooks", "delete", id, "--yes").want(0, "deleted")
	w.run("webhooks", "delete", id, "--yes").want(66)
	w.wantWebhooks(0)
}

// webhookID returns the id of the one webhook that is registered.
func (w *fixture) webhookID() string {
	w.t.Helper()
	var webhooks []struct{ ID string }
	if w.run("webhooks", "list", "-o", "json").want(0).json(&webhooks); len(webhooks) != 1 {
		w.t.Fatalf("%d webhooks are registered, want one", len(webhooks))
	}
	return webhooks[0].ID
}

// disable disables a webhook as its owner can, by the API.
func (w *fixture) disable(id string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPatch,
		w.env["GOOGLE_GEMINI_BASE_URL"]+"/v1beta/webhooks/"+id+"?update_mask=state", strings.NewReader(`{"state":"disabled"}`))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("x-goog-api-key", apiKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("disable: %s", response.Status)
	}
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	delete(w.env, "GEMINI_API_KEY")
	w.run("webhooks", "list").want(78, "there is no Gemini API key", "--api-key-file")
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(apiKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run("webhooks", "list", "--api-key-file", file).want(0)
	w.runWith(t.Context(), apiKey+"\n", "webhooks", "list", "--api-key-file", "-").want(0)
	w.run("webhooks", "list", "--api-key-file", file+"-absent").want(78)
	w.env["GEMINI_API_KEY"] = "a-wrong-key"
	w.run("webhooks", "list").want(77, "check the API key")
}

func TestGeminiAway(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.env["GOOGLE_GEMINI_BASE_URL"] = "http://127.0.0.1:1"
	w.run("webhooks", "list").want(69)
	w.gemini.FailAPI(http.StatusServiceUnavailable)
}
