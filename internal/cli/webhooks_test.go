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
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// After create a delivery of Gemini's is accepted, and the secret is on no screen.
func TestCreateStoresTheSecretAndDeliveriesAreAccepted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.run("webhooks", "create", "--name", "test").want(0, "registered ", "7 types of event", f.signing)
	if strings.Contains(r.stdout, "whsec_") {
		t.Error("the secret is on the screen")
	}
	stored, versions := f.secrets.Latest(f.signing)
	if versions != 1 {
		t.Fatalf("%d versions are stored, want 1", versions)
	}
	var webhooks []struct{ ID string }
	f.run("webhooks", "list", "-o", "json").want(0).json(&webhooks)
	if len(webhooks) != 1 || strings.Join(f.gemini.Secrets(webhooks[0].ID), " ") != stored {
		t.Errorf("what is stored is not the secret of the one webhook in %v", webhooks)
	}
	results, err := f.gemini.Emit(t.Context(), standin.Event("batch.succeeded"))
	if err != nil || len(results) != 1 || results[0].Err != nil {
		t.Fatalf("emit: %+v, %v", results, err)
	}
	if got := f.pull(subscription); len(got) != 1 || got[0].Attributes["ce-type"] != "batch.succeeded" {
		t.Errorf("the topic has %v", got)
	}
}

// A type of event that Gemini refuses is named, with the flag that leaves it out.
func TestARefusedTypeOfEventIsNamedWithWhatToLeaveOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, test := range []struct {
		events string
		said   []string
	}{
		{"batch.failed,batch.cancelled", []string{`"batch.cancelled"`, "leave out batch.cancelled: --event batch.failed\n"}},
		{"video.generated,batch.invented,batch.failed", []string{`"batch.invented"`, "leave out batch.invented: --event video.generated,batch.failed\n"}},
		{"interaction.cancelled", []string{"choose among the types that Gemini takes: --event batch.succeeded,"}},
	} {
		t.Run(test.events, func(t *testing.T) {
			f := f.in(t)
			f.run("webhooks", "create", "--event", test.events).want(1, test.said...)
			f.wantWebhooks(0)
			if _, versions := f.secrets.Latest(f.signing); versions != 0 {
				t.Errorf("a secret is stored though %s was refused", test.events)
			}
		})
	}
	f.run("webhooks", "create", "--event", "batch.failed").want(0, "1 type of event to ")
	f.run("webhooks", "update", "--event", "batch.failed,batch.cancelled").want(1, "leave out batch.cancelled: --event batch.failed\n")
}

// With --show-secret the secret printed is the one stored.
func TestCreateShowsTheSecretOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var created struct {
		SigningSecret string `json:"signing_secret"`
	}
	f.run("webhooks", "create", "--show-secret", "-o", "json").want(0).json(&created)
	if stored, _ := f.secrets.Latest(f.signing); created.SigningSecret != stored || stored == "" {
		t.Error("the secret printed is not the one stored")
	}
}

// The new secret is stored beside those from before, or with --replace alone.
func TestCreateKeepsSecretsUnlessTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other, err := standin.NewSecret(strings.NewReader(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	f.secrets.Create(f.signing, other)
	f.run("webhooks", "create").want(0, "beside 1 from before")
	if stored, _ := f.secrets.Latest(f.signing); !strings.HasSuffix(stored, " "+other) {
		t.Error("the secret from before is gone")
	}
	f.run("webhooks", "create").want(1, "already", "--another")
	f.run("webhooks", "create", "--another", "--replace").want(0)
	if stored, _ := f.secrets.Latest(f.signing); strings.Contains(stored, " ") {
		t.Error("--replace keeps a secret")
	}
}

// A webhook at the same address is found whatever its spelling, and registered in one.
func TestCreateKnowsItsURLInAnySpelling(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	host := strings.TrimPrefix(f.receiver, "http://")
	f.env["GEMHOOK_URL"] = "HTTP://" + host + "/?"
	f.run("webhooks", "create").want(0, "to http://"+host+"/\n")
	for _, spelling := range []string{"http://" + host, "http://" + host + "/", "hTTp://" + host + "?"} {
		f.env["GEMHOOK_URL"] = spelling
		f.run("webhooks", "create").want(1, "already")
		f.run("webhooks", "get").want(0, "http://"+host+"/")
		if uri := f.run("webhooks", "update", "--uri", spelling).want(0).stdout; !strings.Contains(uri, "http://"+host+"/\n") {
			t.Errorf("%s is registered as it is:\n%s", spelling, uri)
		}
	}
	for _, refused := range []string{"http://me@" + host, "http://" + host + "/#a", "http://" + host + "/a b", "http://" + host + "/dynamic/acme/x", "http://" + host + "/?a=b"} {
		f.env["GEMHOOK_URL"] = refused
		f.run("webhooks", "create").want(78, "correct GEMHOOK_URL")
	}
	f.wantWebhooks(1)
}

// Others may have registered the receiver's address, in a spelling of theirs.
func TestAWebhookOfAnotherSpellingIsFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.register()
	gemini := geminiapi.New(apiKey, &geminiapi.Options{BaseURL: f.env["GOOGLE_GEMINI_BASE_URL"]})
	spelling := "HTTP://" + strings.TrimPrefix(f.receiver, "http://") + "?"
	if _, err := gemini.Update(t.Context(), id, geminiapi.Webhook{URI: spelling}, "uri"); err != nil {
		t.Fatal(err)
	}
	f.run("webhooks", "get").want(0, id, spelling)
	f.run("webhooks", "create").want(1, "already")
	f.run("doctor").want(0, "everything is in order", id+" delivers to "+spelling)
}

// Only its owner can read a secret in a file, and a place that cannot be written is refused.
func TestCreateIntoAFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	file := filepath.Join(t.TempDir(), "secrets")
	f.env["GEMHOOK_SIGNING_SECRETS"] = "file:" + file
	f.run("webhooks", "create").want(0, file)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %o, want 600", info.Mode().Perm())
	}
	f.env["GEMHOOK_SIGNING_SECRETS"] = "whsec_AAAA"
	f.run("webhooks", "create", "--another").want(78, "cannot be stored there")
	f.env["GEMHOOK_SIGNING_SECRETS"] = f.signing + "/versions/3"
	f.run("webhooks", "create", "--another").want(78, "pinned to version 3")
}

// A webhook whose secret could not be stored is deleted again.
func TestCreateUndoesARegistrationWhoseSecretIsLost(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.secrets.Fail(func(method string) error {
		if method == "AddSecretVersion" {
			return status.Error(codes.Internal, "out of order")
		}
		return nil
	})
	f.run("webhooks", "create").want(1, "out of order", "the registration has been undone")
	f.wantWebhooks(0)

	f.secrets.Deny("AddSecretVersion")
	f.run("webhooks", "create").want(77, "secretmanager.versions.add")
	f.wantWebhooks(0)
}

// A webhook whose secret never arrived is deleted again.
func TestCreateUndoesARegistrationWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	lose := true
	proxy := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodPost || !lose {
			f.gemini.ServeHTTP(out, request)
			return
		}
		lose = false
		f.gemini.ServeHTTP(httptest.NewRecorder(), request)
		panic(http.ErrAbortHandler)
	}))
	defer proxy.Close()
	f.env["GOOGLE_GEMINI_BASE_URL"] = proxy.URL
	f.run("webhooks", "create").want(69, "the registration has been undone")
	f.wantWebhooks(0)
	f.run("webhooks", "create").want(0)
	f.wantWebhooks(1)
}

// A webhook that could not be deleted again is named, with the command that mends it.
func TestCreateSaysWhatIsLeftWhenUndoingFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.secrets.Fail(func(method string) error {
		if method == "AddSecretVersion" {
			f.gemini.FailAPI(http.StatusForbidden)
			return status.Error(codes.Internal, "out of order")
		}
		return nil
	})
	r := f.run("webhooks", "create").want(77, "is registered, and its secret is lost", "gemhook webhooks rotate ")
	f.gemini.FailAPI(0)
	f.secrets.Fail(nil)
	var webhooks []struct{ ID string }
	f.run("webhooks", "list", "-o", "json").want(0).json(&webhooks)
	if len(webhooks) != 1 || !strings.Contains(r.stderr, webhooks[0].ID) {
		t.Errorf("the message does not name the webhook that is left: %s", r.stderr)
	}
	f.run("webhooks", "rotate").want(0)
	f.run("send").want(0, "published")
}

// An interrupt while Gemini registers does not lose the secret.
func TestCreateInterrupted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, stop := context.WithCancelCause(t.Context())
	interrupting := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPost {
			stop(failure.Interruption{Signal: syscall.SIGINT})
		}
		f.gemini.ServeHTTP(out, request)
	}))
	defer interrupting.Close()
	f.env["GOOGLE_GEMINI_BASE_URL"] = interrupting.URL
	f.runWith(ctx, "", "webhooks", "create").want(0, "registered")
	f.wantWebhooks(1)
	if _, versions := f.secrets.Latest(f.signing); versions != 1 {
		t.Errorf("%d versions are stored, want 1", versions)
	}
	f.runWith(ctx, "", "webhooks", "create", "--another").want(130)
	f.wantWebhooks(1)
}

func (f *fixture) wantWebhooks(n int) {
	f.t.Helper()
	var webhooks []any
	f.run("webhooks", "list", "-o", "json").want(0).json(&webhooks)
	if len(webhooks) != n {
		f.t.Errorf("there are %d webhooks, want %d", len(webhooks), n)
	}
}

// Each command does to the webhook what its name says.
func TestWebhooksGetUpdateEnablePingDelete(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.run("webhooks", "get").want(66, "no webhook delivers to the receiver", "gemhook webhooks create")
	f.run("webhooks", "list").want(0, "no webhooks")
	id := f.register()
	f.run("webhooks", "list").want(0, id, "enabled", f.receiver)
	f.run("webhooks", "get").want(0, id, "batch.succeeded video.generated"[:15], "whsec_...")
	f.run("webhooks", "get", "unknown").want(66, "unknown")
	f.run("webhooks", "update").want(64, "nothing to change")
	f.run("webhooks", "update", id, "--event", "batch.failed", "--name", "renamed").want(0, "renamed")
	var got struct {
		State            string
		SubscribedEvents []string `json:"subscribed_events"`
	}
	f.run("webhooks", "get", id, "-o", "json").want(0).json(&got)
	if len(got.SubscribedEvents) != 1 || got.SubscribedEvents[0] != "batch.failed" {
		t.Errorf("after the update the events are %v", got.SubscribedEvents)
	}
	f.disable(id)
	f.run("webhooks", "enable").want(0)
	f.run("webhooks", "get", id, "-o", "json").want(0).json(&got)
	if got.State != "enabled" {
		t.Errorf("after enable the state is %s", got.State)
	}
	f.run("webhooks", "ping").want(0, "test delivery")
	f.gemini.WaitForPings()
	if n := len(f.pull(subscription)); n != 1 {
		t.Errorf("%d messages after a ping, want 1", n)
	}
	f.run("webhooks", "delete", id).want(64, "--yes")
	f.wantWebhooks(1)
	f.run("webhooks", "delete", id, "--yes").want(0, "deleted")
	f.run("webhooks", "delete", id, "--yes").want(66)
	f.wantWebhooks(0)
}

// webhookID returns the id of the one webhook that is registered.
func (f *fixture) webhookID() string {
	f.t.Helper()
	var webhooks []struct{ ID string }
	if f.run("webhooks", "list", "-o", "json").want(0).json(&webhooks); len(webhooks) != 1 {
		f.t.Fatalf("%d webhooks are registered, want one", len(webhooks))
	}
	return webhooks[0].ID
}

// disable disables a webhook as its owner can, by the API.
func (f *fixture) disable(id string) {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodPatch,
		f.env["GOOGLE_GEMINI_BASE_URL"]+"/v1beta/webhooks/"+id+"?update_mask=state", strings.NewReader(`{"state":"disabled"}`))
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header.Set("x-goog-api-key", apiKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		f.t.Fatalf("disable: %s", response.Status)
	}
}

// The API key comes from the environment, a file or standard input, and nothing works without.
func TestAPIKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	delete(f.env, "GEMINI_API_KEY")
	f.run("webhooks", "list").want(78, "there is no Gemini API key", "--api-key-file")
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(apiKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run("webhooks", "list", "--api-key-file", file).want(0)
	f.runWith(t.Context(), apiKey+"\n", "webhooks", "list", "--api-key-file", "-").want(0)
	f.run("webhooks", "list", "--api-key-file", file+"-absent").want(78)
	f.env["GEMINI_API_KEY"] = "a-wrong-key"
	f.run("webhooks", "list").want(77, "check the API key")
}

// A Gemini that is away or fails ends a command with the code for that.
func TestGeminiAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.gemini.FailAPI(http.StatusServiceUnavailable)
	f.run("webhooks", "list").want(69)
	f.env["GOOGLE_GEMINI_BASE_URL"] = "http://127.0.0.1:1"
	f.run("webhooks", "list").want(69)
}
