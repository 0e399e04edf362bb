package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/listingtest"
	"github.com/gemhook/gemhook/internal/standin"
)

// newTenantFixture returns a fixture whose dynamic keys are in a secret, without a version yet, by
// a clock that can be put forward.
func newTenantFixture(t *testing.T) (w *fixture, at *clock, dynamic string) {
	t.Helper()
	w, at = newFixtureWithoutReceiver(t), &clock{}
	w.now = at.now
	dynamic = "projects/" + w.project + "/secrets/dynamic"
	w.secrets.Create(dynamic)
	w.env["GEMHOOK_DYNAMIC_KEYS"] = dynamic
	w.env["GEMHOOK_URL"] = w.startReceiver(nil)
	return w, at, dynamic
}

// urlOf returns the URL that a tenant has now.
func (w *fixture) urlOf(name string) string {
	w.t.Helper()
	return strings.TrimSpace(w.run("tenants", "url", name).want(0).stdout)
}

// wantAnswer posts a genuine delivery to a dynamic URL, and wants that answer: an error's code, or
// empty for a 200.
func (w *fixture) wantAnswer(url, want string) {
	w.t.Helper()
	now := w.now()
	delivery, err := keys().SignV1a(standin.Delivery{ID: "msg_" + random(w.t), Time: now, Body: standin.EventAt("batch.succeeded", "b", now)}, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := standin.Send(w.t.Context(), nil, url, delivery)
	if err != nil || answer.Error != want {
		w.t.Errorf("a delivery is answered %+v, %v; want the code %q", answer, err, want)
	}
}

// stands is a line of "tenants list -o json".
type stands struct {
	Tenant, State string
	Keys          int
	Deliveries    *int
	Latest        *time.Time
}

func (w *fixture) wantTenants(want ...stands) {
	w.t.Helper()
	var got []stands
	w.run("tenants", "list", "-o", "json").want(0).json(&got)
	for i := range got {
		if (got[i].Latest != nil) != (got[i].Deliveries != nil && *got[i].Deliveries > 0) {
			w.t.Errorf("%s has %v deliveries, the latest %v", got[i].Tenant, got[i].Deliveries, got[i].Latest)
		}
		got[i].Latest = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("tenants (-want +got):\n%s", diff)
	}
}

func count(n int) *int { return &n }

func TestTenantsFromTheFirstKeyOn(t *testing.T) {
	t.Parallel()
	w, at, dynamic := newTenantFixture(t)
	// Between two steps the ten seconds are over in which the receiver looks for newer keys once.
	step := func(args ...string) *ran {
		t.Helper()
		at.ahead.Add(int64(10 * time.Second))
		return w.run(append([]string{"tenants"}, args...)...)
	}
	w.run("tenants", "url", "acme").want(66)
	step("rotate", "--common").want(0, "the first common key is in "+dynamic, "gemhook tenants url TENANT")
	first, beta := w.urlOf("acme"), w.urlOf("beta")
	w.wantAnswer(first, "")
	w.wantAnswer(beta, "")
	if w.run("url", "acme").stdout != first+"\n" {
		t.Error("the short form prints another URL")
	}

	// Both of its URLs are valid until --finish, and the other tenant's all the time.
	step("rotate", "acme").want(0, "both are valid", "gemhook tenants url acme", "gemhook tenants rotate acme --finish")
	second := w.urlOf("acme")
	w.wantAnswer(first, "")
	w.wantAnswer(second, "")
	step("rotate", "acme").want(0, "under way", "--finish")
	if w.urlOf("acme") != second || second == first {
		t.Error("a rotation that is under way has made another URL, or the first none")
	}
	// A result that was collected is no delivery.
	if _, err := w.documents.Doc("deliveries/result!00ff").Create(t.Context(), map[string]any{
		"tenant": "acme", "type": "gemhook.result.collected", "received_at": time.Now().Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	w.wantTenants(stands{State: "open", Keys: 1}, stands{Tenant: "acme", State: "rotating", Keys: 2, Deliveries: count(3)},
		stands{Tenant: "beta", State: "open", Deliveries: count(1)})
	step("rotate", "acme", "--finish").want(0, "the old URL")
	at.ahead.Add(int64(5 * time.Minute))
	w.wantAnswer(first, "unknown_token")
	w.wantAnswer(second, "")
	step("rotate", "acme", "--finish").want(0, "nothing to finish")

	step("revoke", "acme").want(0, "within five minutes")
	at.ahead.Add(int64(5 * time.Minute))
	w.wantAnswer(second, "unknown_token")
	step("revoke", "acme").want(0, "closed already")
	step("rotate", "acme").want(1, "the tenant is closed", "gemhook tenants restore acme")
	w.run("tenants", "url", "acme").want(78, "the tenant is closed", "gemhook tenants restore acme")
	step("restore", "acme").want(0, "with a new key of its own")
	step("restore", "acme").want(0, "open already")
	third := w.urlOf("acme")
	w.wantAnswer(third, "")
	w.wantAnswer(second, "unknown_token")

	step("rotate", "acme", "--now").want(0, "a new key alone")
	fourth := w.urlOf("acme")
	w.wantAnswer(fourth, "")
	w.wantAnswer(third, "unknown_token")
	step("revoke", "acme").want(0)
	step("restore", "acme", "--common").want(0, "with the common key")
	if w.urlOf("acme") != first {
		t.Error("with the common key acme has another URL than at first")
	}
	w.wantAnswer(first, "")
	w.wantAnswer(beta, "")

	step("rotate", "--common").want(0, "both are valid", "rotate --common --finish")
	step("rotate", "--common").want(0, "under way")
	w.wantAnswer(beta, "")
	w.wantAnswer(w.urlOf("beta"), "")
	step("rotate", "--common", "--finish").want(0, "the new common key alone")
	step("rotate", "--common", "--finish").want(0, "nothing to finish")
	step("rotate", "--common", "--now").want(0, "a new common key alone")
	at.ahead.Add(int64(5 * time.Minute))
	w.wantAnswer(beta, "unknown_token")
	w.run("tenants", "list").want(0, "(all others)", "1 common", "SINCE 24H")
}

func TestTenantsInAFile(t *testing.T) {
	t.Parallel()
	w, _, _ := newTenantFixture(t)
	path := filepath.Join(t.TempDir(), "keys")
	w.env["GEMHOOK_DYNAMIC_KEYS"] = "file:" + path
	delete(w.env, "GEMHOOK_URL")
	w.run("tenants", "rotate", "--common").want(0, "the first common key is in "+path, "receiver's URL is not known")
	w.run("tenants", "rotate", "acme").want(0)
	w.run("tenants", "revoke", "beta").want(0)
	text, err := os.ReadFile(path)
	words := strings.Fields(string(text))
	if err != nil || len(words) != 4 || words[2] != "acme:"+words[0] || words[3] != "beta:" || !strings.HasPrefix(words[1], "acme:dynkey_") {
		t.Errorf("the file has %d entries, or others than it should: %v", len(words), err)
	}
}

func TestTenantsWithMalformedEntries(t *testing.T) {
	t.Parallel()
	w, _, dynamic := newTenantFixture(t)
	w.secrets.Create(dynamic, dynamicKey+" hunter2 acme:hunter2 beta:")
	w.run("tenants", "list").want(0, "entry 2: a dynamic key begins with dynkey_; entry 3: ", "malformed", "closed")
	w.run("tenants", "rotate", "acme").want(1, "the tenant is closed")
	w.run("tenants", "restore", "acme").want(0)
	text, _ := w.secrets.Latest(dynamic)
	words := strings.Fields(text)
	if len(words) != 4 || words[0] != dynamicKey || words[1] != "hunter2" || !strings.HasPrefix(words[2], "acme:dynkey_") || words[3] != "beta:" {
		t.Error("the entries of others have changed, or acme's has not")
	}
	var full strings.Builder
	for range 1284 {
		full.WriteString(dynamicKey + "\n")
	}
	w.secrets.Create(dynamic, full.String())
	w.run("tenants", "rotate", "acme").want(1, "Secret Manager holds 65536: about 1,000 tenants", "nothing has been changed")
	if _, versions := w.secrets.Latest(dynamic); versions != 1 {
		t.Error("something is stored")
	}
}

func TestTenantFailures(t *testing.T) {
	t.Parallel()
	w, at, dynamic := newTenantFixture(t)
	w.secrets.Create(dynamic, dynamicKey)
	for _, line := range []string{"rotate", "rotate acme --common", "rotate acme --now --finish", "rotate Acme", "revoke", "revoke Acme", "restore a_b", "list --since soon", "url"} {
		w.run(append([]string{"tenants"}, strings.Fields(line)...)...).want(64)
	}
	w.run("tenants", "rotate", "acme", "--finish").want(1, "nothing to finish", "gemhook tenants list")
	w.secrets.Deny("AddSecretVersion")
	w.run("tenants", "revoke", "acme").want(77, "secretmanager.versions.add")
	w.secrets.Deny()
	interrupted, stop := context.WithCancelCause(t.Context())
	stop(failure.Interruption{Signal: syscall.SIGTERM})
	w.runWith(interrupted, "", "tenants", "revoke", "acme").want(143)
	w.secrets.Fail(func(method string) error {
		if method == "AddSecretVersion" {
			return status.Error(codes.Unavailable, "out of order")
		}
		return nil
	})
	w.run("tenants", "revoke", "acme").want(69, "out of order")
	w.secrets.Fail(nil)
	if text, versions := w.secrets.Latest(dynamic); text != dynamicKey || versions != 1 {
		t.Error("a change that failed has changed something")
	}
	w.env["GEMHOOK_DYNAMIC_KEYS"] = dynamicKey
	w.run("tenants", "revoke", "acme").want(78, "it is the text itself", "name there a secret")
	w.env["GEMHOOK_DYNAMIC_KEYS"] = dynamic
	w.env["GEMHOOK_URL"] = "hooks.example.com"
	w.run("tenants", "revoke", "acme").want(78)

	// A clock on which a receiver's minutes are over soon; the receivers have another.
	var calls atomic.Int64
	for keys, said := range map[string][]string{
		"":                  {"not_found", "GEMHOOK_DYNAMIC_KEYS with " + dynamic},
		dynamicKey:          {"GEMHOOK_DYNAMIC_KEYS with " + dynamic},
		dynamic + "-absent": {"keys_unavailable", "gemhook doctor"},
	} {
		w.now = at.now
		w.env["GEMHOOK_URL"] = w.startReceiver(map[string]string{"GEMHOOK_DYNAMIC_KEYS": keys})
		if answer, err := standin.Send(t.Context(), nil, w.env["GEMHOOK_URL"], standin.Delivery{}); err != nil {
			t.Fatal(answer, err)
		}
		w.now = func() time.Time { return at.now().Add(time.Duration(calls.Add(1)) * time.Minute) }
		w.run("tenants", "rotate", "acme").want(1, append(said, "the key is stored, and the receiver does not accept it")...)
	}
}

// Each command is interrupted at the write, which is made all the same or not at all. The next run
// sees which.
func TestTenantCommandsThatAreInterrupted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ stored, command, again string }{
		{dynamicKey, "rotate acme", "under way"},
		{dynamicKey, "rotate acme --now", "a new key alone"},
		{dynamicKey, "rotate --common", "under way"},
		{dynamicKey, "revoke acme", "closed already"},
		{"acme: " + dynamicKey, "restore acme", "open already"},
		{"acme: " + dynamicKey, "restore acme --common", "open already"},
	} {
		t.Run(test.command, func(t *testing.T) {
			t.Parallel()
			w, _, dynamic := newTenantFixture(t)
			w.secrets.Create(dynamic, test.stored)
			args := append([]string{"tenants"}, strings.Fields(test.command)...)
			ctx, stop := context.WithCancelCause(t.Context())
			w.secrets.Fail(func(method string) error {
				if method == "AddSecretVersion" {
					stop(failure.Interruption{Signal: syscall.SIGTERM})
				}
				return nil
			})
			if r := w.runWith(ctx, "", args...); !strings.HasPrefix(test.command, "revoke") {
				r.want(143, "the key is stored", "gemhook tenants list")
			}
			if _, versions := w.secrets.Latest(dynamic); versions != 2 {
				t.Errorf("%d versions are stored, want the one before and the one written", versions)
			}
			w.secrets.Fail(nil)
			w.run(args...).want(0, test.again)
		})
	}
}

// Two operators change tenants at the same moment, again and again: both changes are made.
func TestTwoOperatorsOfTenants(t *testing.T) {
	t.Parallel()
	w, _, dynamic := newTenantFixture(t)
	w.secrets.Create(dynamic, dynamicKey)
	meddled := false
	w.secrets.Fail(func(method string) error {
		if text, _ := w.secrets.Latest(dynamic); method == "AddSecretVersion" && !meddled {
			meddled = true
			w.secrets.Add(dynamic, text+" beta:")
		}
		return nil
	})
	w.run("tenants", "rotate", "acme").want(0)
	w.wantTenants(stands{State: "open", Keys: 1}, stands{Tenant: "acme", State: "rotating", Keys: 2, Deliveries: count(0)},
		stands{Tenant: "beta", State: "closed", Deliveries: count(0)})

	// The other one begins a rotation between this one's look and its write: nobody has seen the
	// key that would be dropped.
	w.secrets.Fail(nil)
	w.run("tenants", "rotate", "acme", "--finish").want(0)
	meddled = false
	w.secrets.Fail(func(method string) error {
		if text, _ := w.secrets.Latest(dynamic); method == "GetSecretVersion" && !meddled {
			meddled = true
			w.secrets.Add(dynamic, text+" acme:"+dynamicKey)
		}
		return nil
	})
	w.run("tenants", "rotate", "acme", "--now").want(1, "somebody else has changed the same keys", "gemhook tenants list")
	w.secrets.Fail(nil)
	w.wantTenants(stands{State: "open", Keys: 1}, stands{Tenant: "acme", State: "rotating", Keys: 2, Deliveries: count(0)},
		stands{Tenant: "beta", State: "closed", Deliveries: count(0)})
}

func TestTenantsWithoutListing(t *testing.T) {
	w := newFixture(t)
	w.withoutListing().RefuseQueries(listingtest.Missing)
	r := w.run("tenants", "list").want(0, "what came in is not known", "(all others)")
	if strings.Contains(r.stdout, "LATEST") {
		t.Errorf("a column of nothing:\n%s", r.stdout)
	}
	delete(w.env, "GOOGLE_CLOUD_PROJECT")
	w.run("tenants", "list").want(0, "what came in is not known", "GOOGLE_CLOUD_PROJECT")
}
