package cli_test

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/listingtest"
	"github.com/gemhook/gemhook/internal/standin"
)

// withoutListing takes the indexes from the ledger of a fixture in which nothing has been done yet:
// the receiver and the commands open Firestore when they need it. The fixture's own client still
// goes to the emulator.
func (f *fixture) withoutListing() *listingtest.Firestore {
	f.t.Helper()
	backend := listingtest.New(f.t, os.Getenv("FIRESTORE_EMULATOR_HOST"))
	f.t.Setenv("FIRESTORE_EMULATOR_HOST", backend.Host)
	backend.RefuseQueries(listingtest.Missing)
	return backend
}

// Where the ledger has no index, single deliveries are found, and a list says what to do.
func TestWithoutListing(t *testing.T) {
	f := newFixture(t)
	backend := f.withoutListing()
	f.register()
	f.run("send", "--id", "msg_1").want(0, "published")
	f.run("send", "--id", "msg_1").want(0, "duplicate")
	for _, said := range []string{listingtest.Missing, listingtest.Building} {
		backend.RefuseQueries(said)
		for _, args := range [][]string{{"deliveries", "list"}, {"replay", "--type", "batch.succeeded", "--apply"}} {
			f.run(args...).want(78, "the ledger cannot be listed", said, "listing = true", "make no index by Firestore's link",
				"gemhook deliveries get ID", "gemhook replay ID", "webhook_id")
		}
	}
	f.run("deliveries", "get", "msg_1").want(0, "static!msg_1", "published")
	f.run("replay", "msg_1", "--apply").want(0, "1 published")
	if n := len(f.pull(subscription)); n != 2 {
		t.Errorf("%d messages, want the delivery's and its replay's", n)
	}
	// Advice that names the list says where else to look.
	f.run("deliveries", "get", "msg_2").want(66, "gemhook deliveries list", "webhook_id")
	f.run("replay", "msg_2").want(66, "gemhook deliveries list", "webhook_id")
}

// Doctor skips what needs a list, and does not call the rest broken.
func TestDoctorWithoutListing(t *testing.T) {
	f := newFixture(t)
	backend := f.withoutListing()
	f.register()
	var found diagnosis
	f.run("doctor", "-o", "json").want(0).json(&found)
	if !found.Healthy || len(found.Checks) != 22 {
		t.Errorf("diagnosis %+v", found)
	}
	for _, check := range found.Checks {
		outcome, advice := "passed", ""
		switch check.Name {
		case "ledger":
			if !strings.Contains(check.Detail, "listing is off") {
				t.Errorf("the ledger is said to be %q", check.Detail)
			}
		case "test delivery":
			outcome, advice = "skipped", "gemhook tail"
			if !strings.Contains(check.Detail, "cannot be listed") {
				t.Errorf("the test delivery is left out because %q", check.Detail)
			}
		case "left to finish":
			outcome, advice = "skipped", "reconcile = {}"
		case "message", "subscriptions":
			outcome = "skipped"
		}
		if check.Outcome != outcome || !strings.Contains(check.Advice, advice) || advice == "" && check.Advice != "" {
			t.Errorf("%+v, want it %s with advice %q", check, outcome, advice)
		}
	}
	r := f.run("doctor").want(0, "✓ ledger", "✓ receiver's secrets", "– test delivery", "no check failed, but not all could be made")
	if strings.Contains(r.stdout, "everything is in order") {
		t.Error("checks that were not made are called in order")
	}
	if n := f.ledgerSize(); n != 2 {
		t.Errorf("%d documents are in the ledger, want the two dead letters, and no test delivery that nobody looks for", n)
	}

	backend.RefuseAll(listingtest.DatastoreMode)
	f.run("doctor").want(1, "✗ ledger", "Datastore Mode")
}

// A rotation begins, and its end drops nothing, since no delivery proves the new secret.
func TestRotateWithoutListing(t *testing.T) {
	at := &clock{}
	var attempts atomic.Int64
	f := newTimedFixture(t, at.now, func(standin.Attempt) { attempts.Add(1) })
	f.withoutListing()
	id := f.register()
	f.run("webhooks", "rotate", "--finish").want(0, "nothing to finish")
	f.run("webhooks", "rotate").want(0, "accepts the new secret and the previous one")
	both, _ := f.secrets.Latest(f.signing)
	for _, step := range []struct {
		ahead time.Duration
		args  []string
	}{
		{0, []string{"--early"}},
		{25 * time.Hour, nil},
	} {
		at.ahead.Store(int64(step.ahead))
		signing := strings.Join(f.gemini.Secrets(id), " ")
		f.run(append([]string{"webhooks", "rotate", "--finish"}, step.args...)...).want(78, "the ledger cannot be listed",
			"nothing has been dropped", "listing = true", "make no index by Firestore's link", "by hand", "24 hours")
		if stored, _ := f.secrets.Latest(f.signing); stored != both {
			t.Error("what is stored has changed")
		}
		if strings.Join(f.gemini.Secrets(id), " ") != signing {
			t.Error("what Gemini signs with has changed")
		}
	}
	if n := attempts.Load(); n != 0 {
		t.Errorf("Gemini sent %d test deliveries that nobody could find", n)
	}
	if n := f.ledgerSize(); n != 0 {
		t.Errorf("%d documents are left in the ledger", n)
	}
	// By hand, as the advice says.
	newest := strings.Fields(both)[0]
	f.secrets.Create(f.signing, newest)
	if signing := f.gemini.Secrets(id); len(signing) != 1 || signing[0] != newest {
		t.Error("the first of the secrets stored is not what Gemini signs with")
	}
	f.run("webhooks", "rotate", "--finish").want(0, "nothing to finish")
	f.run("webhooks", "rotate").want(0, "accepts the new secret and the previous one")
}
