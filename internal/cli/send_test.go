package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/tenant"
)

// answered is what "send -o json" prints.
type answered []struct {
	WebhookID  string `json:"webhook_id"`
	StatusCode int    `json:"status_code"`
	Status     string
	Error      string
	MessageID  string `json:"message_id"`
}

// pathOf returns the path of a tenant's endpoint in the fixture.
func pathOf(t *testing.T, name string) string {
	t.Helper()
	key, err := tenant.ParseKey(dynamicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key.Path(name)
}

// The printed URL is the one that the stored keys make, and mistakes have their codes.
func TestURL(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := f.receiver + pathOf(t, "acme")
	if r := f.run("url", "acme").want(0); r.stdout != want+"\n" {
		t.Errorf("the URL is not %s/dynamic/acme/{token}", f.receiver)
	}
	var printed struct{ Tenant, URL string }
	f.run("url", "acme", "-o", "json").want(0).json(&printed)
	if printed.Tenant != "acme" || printed.URL != want {
		t.Error("the JSON has another URL than the text")
	}
	f.run("url", "Not-A-Tenant").want(64, "no tenant")
	f.run("url").want(64)
	dynamic := "projects/" + f.project + "/secrets/dynamic"
	f.env["GEMHOOK_DYNAMIC_KEYS"] = dynamic
	f.run("url", "acme").want(66)
	f.secrets.Create(dynamic, "  ")
	f.run("url", "acme").want(78, "no dynamic key")
	f.secrets.Create(dynamic, dynamicKey)
	f.run("url", "acme").want(0, want)
	f.secrets.Deny("AccessSecretVersion")
	f.run("url", "acme").want(77)
	f.env["GEMHOOK_URL"] = "hooks.example.com"
	f.run("url", "acme").want(78, "from GEMHOOK_URL")
	delete(f.env, "GEMHOOK_URL")
	f.run("url", "acme").want(78, "GEMHOOK_URL", "--terraform-dir")
}

// Each scheme and each forgery gets the receiver's answer, and the exit code says if it was the
// right one.
func TestSend(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		answer int
		said   string
	}{
		{"v1", nil, 0, 200, "published"},
		{"a type", []string{"--type", "video.generated"}, 0, 200, "published"},
		{"v1a", []string{"--tenant", "acme", "--keys", keysFile}, 0, 200, "published"},
		{"jwt", []string{"--tenant", "acme", "--keys", keysFile, "--scheme", "jwt"}, 0, 200, "published"},
		{"old", []string{"--clock-offset", "-6m"}, 1, 401, "stale_timestamp"},
		{"ahead", []string{"--clock-offset", "6m"}, 1, 401, "stale_timestamp"},
		{"within the tolerance", []string{"--clock-offset", "-4m"}, 0, 200, "published"},
		{"forged secret", []string{"--forge"}, 0, 401, "bad_signature"},
		{"forged body", []string{"--forge=body"}, 0, 401, "bad_signature"},
		{"forged timestamp", []string{"--forge=timestamp"}, 0, 401, "bad_signature"},
		{"forged token in the URL", []string{"--forge=token", "--tenant", "acme", "--keys", keysFile}, 0, 401, "unknown_token"},
		{"forged v1a", []string{"--forge", "--tenant", "acme", "--keys", keysFile}, 0, 401, "bad_signature"},
		{"dynamic to the static URL", []string{"--scheme", "v1a", "--keys", keysFile}, 1, 401, "dynamic_url_required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := f.in(t)
			var got answered
			f.run(append([]string{"send", "-o", "json"}, test.args...)...).want(test.code, test.said).json(&got)
			if len(got) != 1 || got[0].StatusCode != test.answer {
				t.Errorf("answers %+v, want one %d", got, test.answer)
			}
		})
	}
	if n := len(f.pull(subscription)); n != 5 {
		t.Errorf("%d messages, want the 5 accepted", n)
	}
}

// Repeats have the same webhook-id, and the receiver calls them duplicates.
func TestSendRepeatsTheSameDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	body := filepath.Join(t.TempDir(), "body.json")
	if err := os.WriteFile(body, []byte(`{"type":"photo.developed"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var got answered
	f.run("send", "--repeat", "3", "--body", body, "--id", "msg_mine", "-o", "json").want(0).json(&got)
	if len(got) != 3 || got[0].Status != "published" || got[1].Status != "duplicate" || got[2].MessageID != got[0].MessageID {
		t.Errorf("answers %+v, want published and two duplicates", got)
	}
	if m := f.pull(subscription); len(m) != 1 || m[0].Attributes["ce-id"] != "msg_mine" || string(m[0].Data) != `{"type":"photo.developed"}` {
		t.Errorf("messages %v", m)
	}
	f.runWith(t.Context(), "no event", "send", "--body", "-").want(0, "dead_lettered")
}

// A receiver that takes a forgery is reported.
func TestSendTellsOfAForgeryThatIsAcknowledged(t *testing.T) {
	t.Parallel()
	f := newFixtureWithoutReceiver(t)
	gullible := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer gullible.Close()
	f.run("send", "--forge", "--url", gullible.URL).want(1, "acknowledged a forged delivery")
}

// Flags and settings that are wrong end it with their codes.
func TestSendMistakes(t *testing.T) {
	t.Parallel()
	f := newFixtureWithoutReceiver(t)
	f.env["GEMHOOK_URL"] = "http://127.0.0.1:1"
	for want, all := range map[int][]string{
		64: {"--scheme v2", "--forge=everything", "--forge=token", "--repeat 0", "--scheme v1a --tenant acme",
			"--scheme jwt --forge=body --keys " + keysFile, "extra"},
		66: {""}, // the secret has no version yet
		69: {"--forge"},
		78: {"--keys absent.json", "--keys send_test.go"},
	} {
		for _, args := range all {
			f.run(append([]string{"send"}, strings.Fields(args)...)...).want(want)
		}
	}
}
