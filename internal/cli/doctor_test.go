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

func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.register()
	r := w.run("doctor").want(0, "everything is in order", "✓ test delivery", "✓ message")
	if strings.Contains(r.stdout, "✗") {
		t.Errorf("a healthy deployment has failures:\n%s", r.stdout)
	}
	var found diagnosis
	w.run("doctor", "-o", "json").want(0).json(&found)
	if !found.Healthy || len(found.Checks) != 19 {
		t.Errorf("diagnosis %+v", found)
	}
	wantDocumented(t, found)
	if got := w.subscriptions(); len(got) != 2 {
		t.Errorf("subscriptions are left: %v", got)
	}
	if n := w.ledgerSize(); n != 3 {
		t.Errorf("the ledger has %d documents, want the two test deliveries and a dead letter", n)
	}
	if n := len(w.pull(letters)); n != 0 {
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
	shown, _, _ = strings.Cut(shown, "```")
	var documented, made []string
	for _, line := range regexp.MustCompile(`(?m)^[✓✗–] (\S.{17})`).FindAllStringSubmatch(shown, -1) {
		documented = append(documented, strings.TrimSpace(line[1]))
	}
	for _, check := range found.Checks {
		made = append(made, check.Name)
	}
	if diff := cmp.Diff(made, documented); diff != "" {
		t.Errorf("docs/cli.md has other checks than doctor (-made, +documented):\n%s", diff)
	}
}

func TestDoctorNamesEachBreakage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		spoil  func(w *fixture, id string)
		failed string // the checks
		advice string // some of what is said
	}{
		{"a setting is missing", func(w *fixture, _ string) { delete(w.env, "GEMHOOK_TOPIC") }, "settings", "GEMHOOK_TOPIC"},
		{"the API key is wrong", func(w *fixture, _ string) { w.env["GEMINI_API_KEY"] = "wrong" }, "API key", "check the API key"},
		{"there is no API key", func(w *fixture, _ string) { delete(w.env, "GEMINI_API_KEY") }, "API key", "--api-key-file"},
		{"the URL is none", func(w *fixture, _ string) { w.env["GEMHOOK_URL"] = "hooks.example.com" }, "settings", "correct GEMHOOK_URL"},
		{"the secret file is none", func(w *fixture, _ string) { w.env["GEMHOOK_SIGNING_SECRETS"] = "file:" + w.t.TempDir() },
			"signing secrets", "GEMHOOK_SIGNING_SECRETS names what it should"},
		{"no secret is stored", func(w *fixture, _ string) { w.secrets.Create(w.signing) }, "signing secrets", "gemhook webhooks rotate"},
		{"the secret may not be read", func(w *fixture, _ string) { w.secrets.Deny("AccessSecretVersion") }, "signing secrets", "secretAccessor"},
		{"what is stored is no secret", func(w *fixture, _ string) { w.secrets.Create(w.signing, "hunter2") }, "signing secrets", "no signing secret"},
		{"one of the secrets is malformed", func(w *fixture, _ string) {
			stored, _ := w.secrets.Latest(w.signing)
			w.secrets.Create(w.signing, stored+" hunter2")
		}, "signing secrets", "gemhook webhooks rotate"},
		{"the dynamic keys are gone", func(w *fixture, _ string) { w.env["GEMHOOK_DYNAMIC_KEYS"] = w.signing + "-dynamic" }, "dynamic keys", "gemhook tenants rotate --common"},
		{"the topic is gone", func(w *fixture, _ string) {
			if err := w.messages.TopicAdminClient.DeleteTopic(w.t.Context(), &pubsubpb.DeleteTopicRequest{
				Topic: "projects/" + w.project + "/topics/" + events,
			}); err != nil {
				w.t.Fatal(err)
			}
		}, "topic", "there is no topic events"},
		{"the dead-letter topic is another", func(w *fixture, _ string) { w.env["GEMHOOK_DEAD_LETTER_TOPIC"] = "absent" }, "dead-letter topic", "there is no topic absent"},
		{"nothing answers at the URL", func(w *fixture, _ string) { w.env["GEMHOOK_URL"] = "http://127.0.0.1:1" }, "receiver, webhook", "cannot be reached"},
		{"something else answers at the URL", func(w *fixture, _ string) { w.env["GEMHOOK_URL"] = w.serve(http.StatusOK) }, "receiver, webhook", "not as gemhook does"},
		{"the receiver is not public", func(w *fixture, _ string) { w.env["GEMHOOK_URL"] = w.serve(http.StatusForbidden) }, "receiver, webhook", "roles/run.invoker"},
		{"the receiver reads another secret", func(w *fixture, id string) {
			w.secrets.Create(w.signing+"-2", newSecret(w.t, "2"))
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_SIGNING_SECRETS": w.signing + "-2"}))
		}, "receiver's secrets", "GEMHOOK_SIGNING_SECRETS"},
		{"the receiver cannot read its secret", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_SIGNING_SECRETS": w.signing + "-absent"}))
		}, "receiver's secrets", "keys_unavailable"},
		{"the receiver has another ledger", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_COLLECTION": "elsewhere"}))
		}, "receiver's secrets", "its ledger is another one"},
		{"the receiver takes no ordinary event", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_MAX_BODY": "1000"}))
		}, "receiver's secrets", "raise the receiver's GEMHOOK_MAX_BODY"},
		{"the receiver has other dynamic keys", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_DYNAMIC_KEYS": dynamicKey + "H"}))
		}, "dynamic URLs", "compare its GEMHOOK_DYNAMIC_KEYS"},
		{"the receiver has no dynamic keys", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_DYNAMIC_KEYS": ""}))
		}, "dynamic URLs", "set the receiver's GEMHOOK_DYNAMIC_KEYS"},
		{"the receiver cannot read its dynamic keys", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_DYNAMIC_KEYS": w.signing + "-absent"}))
		}, "dynamic URLs", "secretAccessor on the dynamic keys"},
		{"the receiver cannot get the key set", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_JWKS_URL": "http://127.0.0.1:1/"}))
		}, "dynamic URLs", "reaches the key set"},
		{"something else answers at the dynamic URLs", func(w *fixture, id string) { w.moveTo(id, w.fence(tenant.PathPrefix)) },
			"dynamic URLs", "nothing stands in front of it"},
		{"the receiver's dead letters go elsewhere", func(w *fixture, id string) {
			w.createTopic("elsewhere", "elsewhere-all")
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_DEAD_LETTER_TOPIC": "elsewhere"}))
		}, "dead letters", "GEMHOOK_DEAD_LETTER_TOPIC of the receiver"},
		{"the receiver's dead letters go nowhere", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_DEAD_LETTER_TOPIC": "gone"}))
		}, "dead letters", "there is no topic gone"},
		{"no webhook is registered", func(w *fixture, id string) { w.run("webhooks", "delete", id, "--yes").want(0) }, "webhook", "gemhook webhooks create"},
		{"the webhook delivers elsewhere", func(w *fixture, id string) {
			w.run("webhooks", "update", id, "--uri", "https://elsewhere.example.com/").want(0)
		}, "webhook", "https://elsewhere.example.com/"},
		{"two webhooks deliver", func(w *fixture, _ string) { w.run("webhooks", "create", "--another").want(0) }, "webhook", "delete all but one"},
		{"the webhook is disabled", func(w *fixture, id string) { w.disable(id) }, "webhook's state", "gemhook webhooks enable"},
		{"an event is not subscribed to", func(w *fixture, id string) {
			w.run("webhooks", "update", id, "--event", strings.Join(standin.SubscribableTypes()[1:], ",")).want(0)
		}, "webhook's events", "not subscribed to batch.succeeded"},
		{"Gemini signs with another secret", func(w *fixture, _ string) { w.secrets.Create(w.signing, newSecret(w.t, "3")) },
			"webhook's secret", "gemhook webhooks rotate"},
		{"the receiver publishes elsewhere", func(w *fixture, id string) {
			w.createTopic("elsewhere", "elsewhere-all")
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_TOPIC": "elsewhere"}))
		}, "message", "the receiver publishes to elsewhere"},
		{"the receiver may not publish", func(w *fixture, id string) {
			w.moveTo(id, w.startReceiver(map[string]string{"GEMHOOK_TOPIC": "forbidden"}))
			w.pingFor = time.Second
		}, "test delivery", "the ledger has it as released"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newFixture(t)
			id := w.register()
			test.spoil(w, id)
			// A clock on which a receiver's ten seconds are over soon.
			var calls atomic.Int64
			w.now = func() time.Time { return time.Now().Add(time.Duration(calls.Add(1)) * 100 * time.Millisecond) }
			var found diagnosis
			r := w.run("doctor", "-o", "json").want(1, test.advice)
			if r.json(&found); found.failed() != test.failed || found.Healthy {
				t.Errorf("it names %q, want %q: %s", found.failed(), test.failed, r.stdout)
			}
			for _, check := range found.Checks {
				if check.Outcome == "failed" && check.Advice == "" {
					t.Errorf("there is no advice on %s: %s", check.Name, check.Detail)
				}
			}
			if got := w.subscriptions(); len(got) > 3 {
				t.Errorf("subscriptions are left: %v", got)
			}
		})
	}
}

// fence puts a proxy before the receiver that lets no path with a prefix through.
func (w *fixture) fence(prefix string) string {
	w.t.Helper()
	to, err := url.Parse(w.receiver)
	if err != nil {
		w.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.URL.Path, prefix) {
			out.WriteHeader(http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(out, request)
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

// serve starts something that is not gemhook.
func (w *fixture) serve(status int) string {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(status) }))
	w.t.Cleanup(server.Close)
	return server.URL
}

// moveTo has a webhook deliver to another receiver of this fixture.
func (w *fixture) moveTo(id, url string) {
	w.t.Helper()
	w.env["GEMHOOK_URL"], w.receiver = url, url
	w.run("webhooks", "update", id, "--uri", url+"/").want(0)
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
	w := newFixture(t)
	w.register()
	w.run("send").want(0)
	w.callFor = time.Hour
	t.Setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
	w.run("doctor").want(1, "✗ ledger", "start the emulators", "– test delivery       needs the receiver's secrets")
	w.run("deliveries", "list").want(69)
	w.run("replay", "--since", "1h").want(69)
	w.run("webhooks", "rotate").want(69)
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	w.run("doctor").want(1, "✗ topic", "✗ ledger", "– message")
	w.run("tail").want(69)
	w.run("tail", "--subscription", subscription).want(69)
	w.run("replay", "--dead-letters").want(69)
}

func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	ctx, stop := context.WithCancelCause(t.Context())
	stop(failure.Interruption{Signal: syscall.SIGINT})
	w.runWith(ctx, "", "doctor").want(130)
}
