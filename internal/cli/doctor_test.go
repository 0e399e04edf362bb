package cli_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/tenant"
)

// diagnosis is what "doctor -o json" prints.
type diagnosis struct {
	Healthy bool
	Checks  []struct{ Name, Outcome, Detail, Advice string }
}

// failed returns the names of the checks that failed.
func (d *diagnosis) failed() string {
	var names []string
	for _, check := range d.Checks {
		if check.Outcome == "failed" {
			names = append(names, check.Name)
		}
	}
	return strings.Join(names, ", ")
}

// A deployment in order passes every check, and nothing of the checks stays behind.
func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	r := f.run("doctor").want(0, "everything is in order", "✓ test delivery", "✓ message")
	if strings.Contains(r.stdout, "✗") {
		t.Errorf("a healthy deployment has failures:\n%s", r.stdout)
	}
	var found diagnosis
	f.run("doctor", "-o", "json").want(0).json(&found)
	if !found.Healthy || len(found.Checks) != 22 {
		t.Errorf("diagnosis %+v", found)
	}
	wantDocumented(t, found)
	if got := f.subscriptions(); len(got) != 2 {
		t.Errorf("subscriptions are left: %v", got)
	}
	if n := f.ledgerSize(); n != 3 {
		t.Errorf("the ledger has %d documents, want the two test deliveries and a dead letter", n)
	}
	if n := len(f.pull(letters)); n != 0 {
		t.Errorf("%d dead letters are left", n)
	}
}

// wantDocumented wants docs/cli.md to show a diagnosis with the same checks in the same order.
func wantDocumented(t *testing.T, found diagnosis) {
	t.Helper()
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "$ gemhook doctor\n")
	shown, _, _ = strings.Cut(shown, "\n$ ") // the next command
	var documented, made []string
	for _, line := range regexp.MustCompile(`(?m)^[✓✗–!] (\S.{17})`).FindAllStringSubmatch(shown, -1) {
		documented = append(documented, strings.TrimSpace(line[1]))
	}
	for _, check := range found.Checks {
		made = append(made, check.Name)
	}
	if diff := cmp.Diff(made, documented); diff != "" {
		t.Errorf("docs/cli.md has other checks than doctor (-made, +documented):\n%s", diff)
	}
}

// Each thing that can be wrong fails its own check, with advice.
func TestDoctorNamesEachBreakage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		spoil  func(f *fixture, id string)
		failed string // the checks
		advice string // some of what is said
	}{
		{"a setting is missing", func(f *fixture, _ string) { delete(f.env, "GEMHOOK_TOPIC") }, "settings", "GEMHOOK_TOPIC"},
		{"the API key is wrong", func(f *fixture, _ string) { f.env["GEMINI_API_KEY"] = "wrong" }, "API key", "check the API key"},
		{"there is no API key", func(f *fixture, _ string) { delete(f.env, "GEMINI_API_KEY") }, "API key", "--api-key-file"},
		{"the URL is none", func(f *fixture, _ string) { f.env["GEMHOOK_URL"] = "hooks.example.com" }, "settings", "correct GEMHOOK_URL"},
		{"the secret file is none", func(f *fixture, _ string) { f.env["GEMHOOK_SIGNING_SECRETS"] = "file:" + f.t.TempDir() },
			"signing secrets", "GEMHOOK_SIGNING_SECRETS names what it should"},
		{"no secret is stored", func(f *fixture, _ string) { f.secrets.Create(f.signing) }, "signing secrets", "gemhook webhooks rotate"},
		{"the secret may not be read", func(f *fixture, _ string) { f.secrets.Deny("AccessSecretVersion") }, "signing secrets", "secretAccessor"},
		{"what is stored is no secret", func(f *fixture, _ string) { f.secrets.Create(f.signing, "hunter2") }, "signing secrets", "is not a signing secret"},
		{"one of the secrets is malformed", func(f *fixture, _ string) {
			stored, _ := f.secrets.Latest(f.signing)
			f.secrets.Create(f.signing, stored+" hunter2")
		}, "signing secrets", "gemhook webhooks rotate"},
		{"the dynamic keys are gone", func(f *fixture, _ string) { f.env["GEMHOOK_DYNAMIC_KEYS"] = f.signing + "-dynamic" }, "dynamic keys", "gemhook tenants rotate --common"},
		{"the topic is gone", func(f *fixture, _ string) {
			if err := f.messages.TopicAdminClient.DeleteTopic(f.t.Context(), &pubsubpb.DeleteTopicRequest{
				Topic: "projects/" + f.project + "/topics/" + events,
			}); err != nil {
				f.t.Fatal(err)
			}
		}, "topic", "there is no topic events"},
		{"the dead-letter topic is another", func(f *fixture, _ string) { f.env["GEMHOOK_DEAD_LETTER_TOPIC"] = "absent" }, "dead-letter topic", "there is no topic absent"},
		{"nothing answers at the URL", func(f *fixture, _ string) { f.env["GEMHOOK_URL"] = "http://127.0.0.1:1" }, "receiver, webhook", "cannot be reached"},
		{"something else answers at the URL", func(f *fixture, _ string) { f.env["GEMHOOK_URL"] = f.serve(http.StatusOK) }, "receiver, webhook", "not as gemhook does"},
		{"the receiver is not public", func(f *fixture, _ string) { f.env["GEMHOOK_URL"] = f.serve(http.StatusForbidden) }, "receiver, webhook", "roles/run.invoker"},
		{"the receiver reads another secret", func(f *fixture, id string) {
			f.secrets.Create(f.signing+"-2", newSecret(f.t, "2"))
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_SIGNING_SECRETS": f.signing + "-2"}))
		}, "receiver's secrets", "GEMHOOK_SIGNING_SECRETS"},
		{"the receiver cannot read its secret", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_SIGNING_SECRETS": f.signing + "-absent"}))
		}, "receiver's secrets", "keys_unavailable"},
		{"the receiver has another ledger", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_COLLECTION": "elsewhere"}))
		}, "receiver's secrets", "its ledger is another one"},
		{"the receiver takes no ordinary event", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_MAX_BODY": "1000"}))
		}, "receiver's secrets", "raise the receiver's GEMHOOK_MAX_BODY"},
		{"the receiver has other dynamic keys", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_DYNAMIC_KEYS": dynamicKey + "H"}))
		}, "dynamic URLs", "compare its GEMHOOK_DYNAMIC_KEYS"},
		{"the receiver has no dynamic keys", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_DYNAMIC_KEYS": ""}))
		}, "dynamic URLs", "set the receiver's GEMHOOK_DYNAMIC_KEYS"},
		{"the receiver cannot read its dynamic keys", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_DYNAMIC_KEYS": f.signing + "-absent"}))
		}, "dynamic URLs", "secretAccessor on the dynamic keys"},
		{"the receiver cannot get the key set", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_JWKS_URL": "http://127.0.0.1:1/"}))
		}, "dynamic URLs", "reaches the key set"},
		{"something else answers at the dynamic URLs", func(f *fixture, id string) { f.moveTo(id, f.fence(tenant.PathPrefix)) },
			"dynamic URLs", "nothing in front of it answers in its place"},
		{"the receiver's dead letters go elsewhere", func(f *fixture, id string) {
			f.createTopic("elsewhere", "elsewhere-all")
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_DEAD_LETTER_TOPIC": "elsewhere"}))
		}, "dead letters", "GEMHOOK_DEAD_LETTER_TOPIC of the receiver"},
		{"the receiver's dead letters go nowhere", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_DEAD_LETTER_TOPIC": "gone"}))
		}, "dead letters", "there is no topic gone"},
		{"no webhook is registered", func(f *fixture, id string) { f.run("webhooks", "delete", id, "--yes").want(0) }, "webhook", "gemhook webhooks create"},
		{"the webhook delivers elsewhere", func(f *fixture, id string) {
			f.run("webhooks", "update", id, "--uri", "https://elsewhere.example.com/").want(0)
		}, "webhook", "https://elsewhere.example.com/"},
		{"two webhooks deliver", func(f *fixture, _ string) { f.run("webhooks", "create", "--another").want(0) }, "webhook", "delete all but one"},
		{"the webhook is disabled", func(f *fixture, id string) { f.disable(id) }, "webhook's state", "gemhook webhooks enable"},
		{"an event is not subscribed to", func(f *fixture, id string) {
			f.run("webhooks", "update", id, "--event", strings.Join(standin.SubscribableTypes()[1:], ",")).want(0)
		}, "webhook's events", "not subscribed to batch.succeeded"},
		{"Gemini signs with another secret", func(f *fixture, _ string) { f.secrets.Create(f.signing, newSecret(f.t, "3")) },
			"webhook's secret", "gemhook webhooks rotate"},
		{"the receiver publishes elsewhere", func(f *fixture, id string) {
			f.createTopic("elsewhere", "elsewhere-all")
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_TOPIC": "elsewhere"}))
		}, "message", "the receiver publishes to elsewhere"},
		{"the receiver may not publish", func(f *fixture, id string) {
			f.moveTo(id, f.startReceiver(map[string]string{"GEMHOOK_TOPIC": "forbidden"}))
			f.pingFor = time.Second
		}, "test delivery", "the ledger has it as released"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			id := f.register()
			test.spoil(f, id)
			// A clock on which a receiver's ten seconds are over soon.
			var calls atomic.Int64
			f.now = func() time.Time { return time.Now().Add(time.Duration(calls.Add(1)) * 100 * time.Millisecond) }
			var found diagnosis
			r := f.run("doctor", "-o", "json").want(1, test.advice)
			if r.json(&found); found.failed() != test.failed || found.Healthy {
				t.Errorf("it names %q, want %q: %s", found.failed(), test.failed, r.stdout)
			}
			for _, check := range found.Checks {
				if check.Outcome == "failed" && check.Advice == "" {
					t.Errorf("there is no advice on %s: %s", check.Name, check.Detail)
				}
			}
			if got := f.subscriptions(); len(got) > 3 {
				t.Errorf("subscriptions are left: %v", got)
			}
		})
	}
}

// fence puts a proxy before the receiver that lets no path with a prefix through.
func (f *fixture) fence(prefix string) string {
	f.t.Helper()
	to, err := url.Parse(f.receiver)
	if err != nil {
		f.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.URL.Path, prefix) {
			out.WriteHeader(http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(out, request)
	}))
	f.t.Cleanup(server.Close)
	return server.URL
}

// serve starts something that is not gemhook.
func (f *fixture) serve(status int) string {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(status) }))
	f.t.Cleanup(server.Close)
	return server.URL
}

// moveTo has a webhook deliver to another receiver of this fixture.
func (f *fixture) moveTo(id, url string) {
	f.t.Helper()
	f.env["GEMHOOK_URL"], f.receiver = url, url
	f.run("webhooks", "update", id, "--uri", url+"/").want(0)
}

func newSecret(t *testing.T, seed string) string {
	t.Helper()
	secret, err := standin.NewSecret(strings.NewReader(strings.Repeat(seed, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// Backends that are away are named at once, however long a call may take.
func TestBackendsAway(t *testing.T) {
	f := newFixture(t)
	f.register()
	f.run("send").want(0)
	f.callFor = time.Hour
	t.Setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
	f.run("doctor").want(1, "✗ ledger", "start the emulators", "– test delivery       needs the receiver's secrets")
	f.run("deliveries", "list").want(69)
	f.run("replay", "--since", "1h").want(69)
	f.run("webhooks", "rotate").want(69)
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	f.run("doctor").want(1, "✗ topic", "✗ ledger", "– message")
	f.run("tail").want(69)
	f.run("tail", "--subscription", subscription).want(69)
	f.run("replay", "--dead-letters").want(69)
}

// An interrupt ends it with the signal's code.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, stop := context.WithCancelCause(t.Context())
	stop(failure.Interruption{Signal: syscall.SIGINT})
	f.runWith(ctx, "", "doctor").want(130)
}
