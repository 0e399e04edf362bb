package terraformtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	baseURL = "https://receiver.example.com"
	key     = "first-key-of-two"
	secret  = "whsec_c2VjcmV0"
)

type registration struct {
	DynamicURLs map[string]string `json:"dynamic_urls"`
	NextSteps   string            `json:"next_steps"`
}

func register(t *testing.T) registration {
	t.Helper()
	var outputs registration
	evaluate(t, repository(t), "registration", map[string]any{
		"project_id": "my-project", "name": "gemhook", "base_url": baseURL, "tenants": []string{"acme", "0-b"},
		"signing_secrets": "gemhook-signing-secrets", "dynamic_keys": "gemhook-dynamic-keys", "subscription": "gemhook-all",
	}, &outputs)
	return outputs
}

// shell runs a script with stand-ins for gcloud and curl, which write down how
// they were called, and returns its output and their notes.
func shell(t *testing.T, script string) (output, notes string) {
	t.Helper()
	for _, tool := range []string{"bash", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, which the printed commands need", tool)
		}
	}
	bin, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	stand := map[string]string{
		"gcloud": `echo "gcloud $*" >>"$LOG"
case "$1 $2 $3" in
  "secrets versions access") printf '%s\nsecond-key\n' ` + key + ` ;;
  "secrets versions add") echo "stored $(cat)" >>"$LOG" ;;
esac`,
		"curl": `printf 'curl' >>"$LOG"
printf ' %s' "$@" >>"$LOG"
echo >>"$LOG"
case "$*" in
  *:ping*) echo '{}' ;;
  *) echo '{"id": "webhook-7", "new_signing_secret": "` + secret + `"}' ;;
esac`,
	}
	for name, body := range stand {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "LOG="+log)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	written, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), string(written)
}

// dynamicURL is the URL by the contract's definition of the token.
func dynamicURL(tenant string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("gemhook/dynamic/v1:" + tenant))
	return baseURL + "/dynamic/" + tenant + "/" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestDynamicURLCommands(t *testing.T) {
	urls := register(t).DynamicURLs
	for _, tenant := range []string{"acme", "0-b"} {
		output, notes := shell(t, urls[tenant])
		if got, want := strings.TrimSpace(output), dynamicURL(tenant); got != want {
			t.Errorf("URL of %s:\n got %s\nwant %s", tenant, got, want)
		}
		if want := "gcloud secrets versions access latest --project=my-project --secret=gemhook-dynamic-keys\n"; notes != want {
			t.Errorf("calls %q, want %q", notes, want)
		}
	}
}

// The commands of next_steps are its indented lines; run together they register
// the webhook, store its secret, ping it and print a dynamic URL.
func TestNextStepsRun(t *testing.T) {
	var script strings.Builder
	for line := range strings.Lines(register(t).NextSteps) {
		if strings.HasPrefix(line, "   ") {
			script.WriteString(line)
		}
	}
	output, notes := shell(t, script.String())

	for _, want := range []string{
		"stored " + secret + "\n",
		"gcloud secrets versions add gemhook-signing-secrets --project=my-project --data-file=-\n",
		"gcloud pubsub subscriptions pull gemhook-all --project=my-project --limit=5 --auto-ack\n",
		"curl -fsS -X POST https://generativelanguage.googleapis.com/v1beta/webhooks/webhook-7:ping ",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in the calls:\n%s", want, notes)
		}
	}
	if strings.Contains(output, secret) {
		t.Error("the signing secret is on the screen")
	}
	if !strings.Contains(output, dynamicURL("TENANT")) {
		t.Errorf("no dynamic URL in the output:\n%s", output)
	}

	body := regexp.MustCompile(`-d (\{"name".*\})\n`).FindStringSubmatch(notes)
	if body == nil {
		t.Fatalf("no webhook in the calls:\n%s", notes)
	}
	var webhook struct {
		URI    string   `json:"uri"`
		Events []string `json:"subscribed_events"`
	}
	if err := json.Unmarshal([]byte(body[1]), &webhook); err != nil {
		t.Fatal(err)
	}
	if webhook.URI != baseURL+"/" || len(webhook.Events) != 9 {
		t.Errorf("webhook %+v, want the static URL and Gemini's nine event types", webhook)
	}
}
