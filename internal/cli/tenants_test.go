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
func newTenantFixture(t *testing.T) (f *fixture, at *clock, dynamic string) {
	t.Helper()
	f, at = newFixtureWithoutReceiver(t), &clock{}
	f.now = at.now
	dynamic = "projects/" + f.project + "/secrets/dynamic"
	f.secrets.Create(dynamic)
	f.env["GEMHOOK_DYNAMIC_KEYS"] = dynamic
	f.env["GEMHOOK_URL"] = f.startReceiver(nil)
	return f, at, dynamic
}

// urlOf returns the URL that a tenant has now.
func (f *fixture) urlOf(name string) string {
	f.t.Helper()
	return strings.TrimSpace(f.run("tenants", "url", name).want(0).stdout)
}

// wantAnswer posts a genuine delivery to a dynamic URL, and wants that answer: an error's code, or
// empty for a 200.
func (f *fixture) wantAnswer(url, want string) {
	f.t.Helper()
	now := f.now()
	delivery, err := keys().SignV1a(standin.Delivery{ID: "msg_" + random(f.t), Time: now, Body: standin.EventAt("batch.succeeded", "b", now)}, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	answer, err := standin.Send(f.t.Context(), nil, url, delivery)
	if err != nil || answer.Error != want {
		f.t.Errorf("a delivery is answered %+v, %v; want the code %q", answer, err, want)
	}
}

// stands is a line of "tenants list -o json".
type stands struct {
	Tenant, State string
	Keys          int
	Deliveries    *int
	Latest        *time.Time
}

func (f *fixture) wantTenants(want ...stands) {
	f.t.Helper()
	var got []stands
	f.run("tenants", "list", "-o", "json").want(0).json(&got)
	for i := range got {
		if (got[i].Latest != nil) != (got[i].Deliveries != nil && *got[i].Deliveries > 0) {
			f.t.Errorf("%s has %v deliveries, the latest %v", got[i].Tenant, got[i].Deliveries, got[i].Latest)
		}
		got[i].Latest = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("tenants (-want +got):\n%s", diff)
	}
}

func count(n int) *int { return &n }

// A tenant's URL is made, rotated, closed and opened again, and no other tenant's changes.
func TestTenantsFromTheFirstKeyOn(t *testing.T) {
	t.Parallel()
	f, at, dynamic := newTenantFixture(t)
	// The receiver looks for newer keys once in ten seconds, so each step comes ten seconds after
	// the last.
	step := func(args ...string) *ran {
		t.Helper()
		at.ahead.Add(int64(10 * time.Second))
		return f.run(append([]string{"tenants"}, args...)...)
	}
	f.run("tenants", "url", "acme").want(66)
	step("rotate", "--common").want(0, "the first common key is in "+dynamic, "gemhook tenants url TENANT")
	first, beta := f.urlOf("acme"), f.urlOf("beta")
	f.wantAnswer(first, "")
	f.wantAnswer(beta, "")
	if f.run("url", "acme").stdout != first+"\n" {
		t.Error("the short form prints another URL")
	}

	// Both of its URLs are valid until --finish, and the other tenant's all the time.
	step("rotate", "acme").want(0, "both are valid", "gemhook tenants url acme", "gemhook tenants rotate acme --finish")
	second := f.urlOf("acme")
	f.wantAnswer(first, "")
	f.wantAnswer(second, "")
	step("rotate", "acme").want(0, "under way", "--finish")
	if f.urlOf("acme") != second || second == first {
		t.Error("a rotation that is under way has made another URL, or the first none")
	}
	// A result that was collected is not a delivery.
	if _, err := f.documents.Doc("deliveries/result!00ff").Create(t.Context(), map[string]any{
		"tenant": "acme", "type": "gemhook.result.collected", "received_at": time.Now().Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	f.wantTenants(stands{State: "open", Keys: 1}, stands{Tenant: "acme", State: "rotating", Keys: 2, Deliveries: count(3)},
		stands{Tenant: "beta", State: "open", Deliveries: count(1)})
	step("rotate", "acme", "--finish").want(0, "the old URL")
	at.ahead.Add(int64(5 * time.Minute))
	f.wantAnswer(first, "unknown_token")
	f.wantAnswer(second, "")
	step("rotate", "acme", "--finish").want(0, "nothing to finish")

	step("revoke", "acme").want(0, "within five minutes")
	at.ahead.Add(int64(5 * time.Minute))
	f.wantAnswer(second, "unknown_token")
	step("revoke", "acme").want(0, "closed already")
	step("rotate", "acme").want(1, "the tenant is closed", "gemhook tenants restore acme")
	f.run("tenants", "url", "acme").want(78, "the tenant is closed", "gemhook tenants restore acme")
	step("restore", "acme").want(0, "with a new key of its own")
	step("restore", "acme").want(0, "open already")
	third := f.urlOf("acme")
	f.wantAnswer(third, "")
	f.wantAnswer(second, "unknown_token")

	step("rotate", "acme", "--now").want(0, "a new key alone")
	fourth := f.urlOf("acme")
	f.wantAnswer(fourth, "")
	f.wantAnswer(third, "unknown_token")
	step("revoke", "acme").want(0)
	step("restore", "acme", "--common").want(0, "with the common key")
	if f.urlOf("acme") != first {
		t.Error("with the common key acme has another URL than at first")
	}
	f.wantAnswer(first, "")
	f.wantAnswer(beta, "")

	step("rotate", "--common").want(0, "both are valid", "rotate --common --finish")
	step("rotate", "--common").want(0, "under way")
	f.wantAnswer(beta, "")
	f.wantAnswer(f.urlOf("beta"), "")
	step("rotate", "--common", "--finish").want(0, "the new common key alone")
	step("rotate", "--common", "--finish").want(0, "nothing to finish")
	step("rotate", "--common", "--now").want(0, "a new common key alone")
	at.ahead.Add(int64(5 * time.Minute))
	f.wantAnswer(beta, "unknown_token")
	f.run("tenants", "list").want(0, "(all others)", "1 common", "SINCE 24H")
}

// The keys can be in a file.
func TestTenantsInAFile(t *testing.T) {
	t.Parallel()
	f, _, _ := newTenantFixture(t)
	path := filepath.Join(t.TempDir(), "keys")
	f.env["GEMHOOK_DYNAMIC_KEYS"] = "file:" + path
	delete(f.env, "GEMHOOK_URL")
	f.run("tenants", "rotate", "--common").want(0, "the first common key is in "+path, "receiver's URL is not known")
	f.run("tenants", "rotate", "acme").want(0)
	f.run("tenants", "revoke", "beta").want(0)
	text, err := os.ReadFile(path)
	words := strings.Fields(string(text))
	if err != nil || len(words) != 4 || words[2] != "acme:"+words[0] || words[3] != "beta:" || !strings.HasPrefix(words[1], "acme:dynkey_") {
		t.Errorf("the file has %d entries, or others than it should: %v", len(words), err)
	}
}

// Malformed entries are named and kept, and a text that would be too long is not stored.
func TestTenantsWithMalformedEntries(t *testing.T) {
	t.Parallel()
	f, _, dynamic := newTenantFixture(t)
	f.secrets.Create(dynamic, dynamicKey+" hunter2 acme:hunter2 beta:")
	f.run("tenants", "list").want(0, "entry 2: a dynamic key begins with dynkey_; entry 3: ", "malformed", "closed")
	f.run("tenants", "rotate", "acme").want(1, "the tenant is closed")
	f.run("tenants", "restore", "acme").want(0)
	text, _ := f.secrets.Latest(dynamic)
	words := strings.Fields(text)
	if len(words) != 4 || words[0] != dynamicKey || words[1] != "hunter2" || !strings.HasPrefix(words[2], "acme:dynkey_") || words[3] != "beta:" {
		t.Error("the entries of others have changed, or acme's has not")
	}
	var full strings.Builder
	for range 1284 {
		full.WriteString(dynamicKey + "\n")
	}
	f.secrets.Create(dynamic, full.String())
	f.run("tenants", "rotate", "acme").want(1, "Secret Manager holds 65536: about 1,000 tenants", "nothing has been changed")
	if _, versions := f.secrets.Latest(dynamic); versions != 1 {
		t.Error("something is stored")
	}
}

// A change that fails has changed nothing, and says why.
func TestTenantFailures(t *testing.T) {
	t.Parallel()
	f, _, dynamic := newTenantFixture(t)
	f.secrets.Create(dynamic, dynamicKey)
	for _, line := range []string{"rotate", "rotate acme --common", "rotate acme --now --finish", "rotate Acme", "revoke", "revoke Acme", "restore a_b", "list --since soon", "url"} {
		f.run(append([]string{"tenants"}, strings.Fields(line)...)...).want(64)
	}
	f.run("tenants", "rotate", "acme", "--finish").want(1, "nothing to finish", "gemhook tenants list")
	f.secrets.Deny("AddSecretVersion")
	f.run("tenants", "revoke", "acme").want(77, "secretmanager.versions.add")
	f.secrets.Deny()
	interrupted, stop := context.WithCancelCause(t.Context())
	stop(failure.Interruption{Signal: syscall.SIGTERM})
	f.runWith(interrupted, "", "tenants", "revoke", "acme").want(143)
	f.secrets.Fail(func(method string) error {
		if method == "AddSecretVersion" {
			return status.Error(codes.Unavailable, "out of order")
		}
		return nil
	})
	f.run("tenants", "revoke", "acme").want(69, "out of order")
	f.secrets.Fail(nil)
	if text, versions := f.secrets.Latest(dynamic); text != dynamicKey || versions != 1 {
		t.Error("a change that failed has changed something")
	}
	f.env["GEMHOOK_DYNAMIC_KEYS"] = dynamicKey
	f.run("tenants", "revoke", "acme").want(78, "it is the text itself", "name there a secret")
	f.env["GEMHOOK_DYNAMIC_KEYS"] = dynamic
	f.env["GEMHOOK_URL"] = "hooks.example.com"
	f.run("tenants", "revoke", "acme").want(78)
}

// A key that is stored, and that the receiver does not use, is an error that says what to look at.
func TestTenantsRotateWhereTheReceiverDoesNotReadTheKeys(t *testing.T) {
	t.Parallel()
	f, at, dynamic := newTenantFixture(t)
	f.secrets.Create(dynamic, dynamicKey)
	// A clock on which a receiver's minutes are over soon; the receivers have another.
	var calls atomic.Int64
	for name, test := range map[string]struct {
		keys string // of the receiver
		said []string
	}{
		"no keys":          {"", []string{"not_found", "GEMHOOK_DYNAMIC_KEYS with " + dynamic}},
		"another key":      {dynamicKey, []string{"GEMHOOK_DYNAMIC_KEYS with " + dynamic}},
		"an absent secret": {dynamic + "-absent", []string{"keys_unavailable", "gemhook doctor"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			f.now = at.now
			f.env["GEMHOOK_URL"] = f.startReceiver(map[string]string{"GEMHOOK_DYNAMIC_KEYS": test.keys})
			if answer, err := standin.Send(t.Context(), nil, f.env["GEMHOOK_URL"], standin.Delivery{}); err != nil {
				t.Fatal(answer, err)
			}
			f.now = func() time.Time { return at.now().Add(time.Duration(calls.Add(1)) * time.Minute) }
			f.run("tenants", "rotate", "acme").want(1, append(test.said, "the key is stored, and the receiver does not accept it")...)
		})
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
			f, _, dynamic := newTenantFixture(t)
			f.secrets.Create(dynamic, test.stored)
			args := append([]string{"tenants"}, strings.Fields(test.command)...)
			ctx, stop := context.WithCancelCause(t.Context())
			f.secrets.Fail(func(method string) error {
				if method == "AddSecretVersion" {
					stop(failure.Interruption{Signal: syscall.SIGTERM})
				}
				return nil
			})
			if r := f.runWith(ctx, "", args...); !strings.HasPrefix(test.command, "revoke") {
				r.want(143, "the key is stored", "gemhook tenants list")
			}
			if _, versions := f.secrets.Latest(dynamic); versions != 2 {
				t.Errorf("%d versions are stored, want the one before and the one written", versions)
			}
			f.secrets.Fail(nil)
			f.run(args...).want(0, test.again)
		})
	}
}

// Two operators change tenants at the same moment, again and again: both changes are made.
func TestTwoOperatorsOfTenants(t *testing.T) {
	t.Parallel()
	f, _, dynamic := newTenantFixture(t)
	f.secrets.Create(dynamic, dynamicKey)
	meddled := false
	f.secrets.Fail(func(method string) error {
		if text, _ := f.secrets.Latest(dynamic); method == "AddSecretVersion" && !meddled {
			meddled = true
			f.secrets.Add(dynamic, text+" beta:")
		}
		return nil
	})
	f.run("tenants", "rotate", "acme").want(0)
	f.wantTenants(stands{State: "open", Keys: 1}, stands{Tenant: "acme", State: "rotating", Keys: 2, Deliveries: count(0)},
		stands{Tenant: "beta", State: "closed", Deliveries: count(0)})

	// The other one begins a rotation between this one's look and its write: nobody has seen the
	// key that would be dropped.
	f.secrets.Fail(nil)
	f.run("tenants", "rotate", "acme", "--finish").want(0)
	meddled = false
	f.secrets.Fail(func(method string) error {
		if text, _ := f.secrets.Latest(dynamic); method == "GetSecretVersion" && !meddled {
			meddled = true
			f.secrets.Add(dynamic, text+" acme:"+dynamicKey)
		}
		return nil
	})
	f.run("tenants", "rotate", "acme", "--now").want(1, "somebody else has changed the same keys", "gemhook tenants list")
	f.secrets.Fail(nil)
	f.wantTenants(stands{State: "open", Keys: 1}, stands{Tenant: "acme", State: "rotating", Keys: 2, Deliveries: count(0)},
		stands{Tenant: "beta", State: "closed", Deliveries: count(0)})
}

// Where the ledger has no index, tenants are listed without their deliveries.
func TestTenantsWithoutListing(t *testing.T) {
	f := newFixture(t)
	f.withoutListing().RefuseQueries(listingtest.Missing)
	r := f.run("tenants", "list").want(0, "what came in is not known", "(all others)")
	if strings.Contains(r.stdout, "LATEST") {
		t.Errorf("a column of nothing:\n%s", r.stdout)
	}
	delete(f.env, "GOOGLE_CLOUD_PROJECT")
	f.run("tenants", "list").want(0, "what came in is not known", "GOOGLE_CLOUD_PROJECT")
}
