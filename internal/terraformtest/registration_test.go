package terraformtest

import (
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/cli"
)

// printed is what the registration module prints for people.
type printed struct {
	DynamicURLs map[string]string `json:"dynamic_urls"`
	NextSteps   string            `json:"next_steps"`
}

func register(t *testing.T, more map[string]any) printed {
	t.Helper()
	arguments := map[string]any{
		"project_id": "my-project", "name": "staging", "base_url": "https://receiver.example.com", "tenants": []string{"acme"},
		"topic": "staging-events", "dead_letter_topic": "staging-dead-letters", "dead_letter_subscription": "staging-dead-letters",
		"database": "staging", "collection": "deliveries",
		"signing_secrets": "staging-signing-secrets", "dynamic_keys": "staging-dynamic-keys",
	}
	maps.Copy(arguments, more)
	var outputs printed
	evaluate(t, repository(t), "registration", arguments, &outputs)
	return outputs
}

// A call is one call of a command: its arguments, and what of the environment it saw.
type call struct {
	Name        string
	Arguments   []string
	Environment map[string]string
}

// stubs are the commands that people are told to type. Those in scripts are on the PATH as well.
var stubs = []string{
	"scripts/gemhook", "scripts/package", "scripts/terraform", "scripts/gcloud", "scripts/git", "scripts/go", "terraform/test",
}

// shell runs a script in a folder whose scripts, and the commands on the PATH, write down how they
// are called. input is what is typed.
func shell(t *testing.T, script, input string) []call {
	t.Helper()
	folder := t.TempDir()
	log := filepath.Join(folder, "log")
	// A call is its name, its arguments and its variables, each with a zero byte after it, and a
	// line break.
	stub := "#!/bin/sh\n{ printf '%s\\0' \"${0##*/}\" \"$@\" && env -0 | { grep -zE '^(GEMHOOK|GEMINI|GOOGLE)_' || true; } && echo; } >>'" + log + "'\n"
	for _, name := range stubs {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(stub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir = folder
	command.Env = []string{"PATH=" + filepath.Join(folder, "scripts") + string(os.PathListSeparator) + os.Getenv("PATH")}
	command.Stdin = strings.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	written, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var calls []call
	for line := range strings.Lines(string(written)) {
		c := call{Environment: map[string]string{}}
		words := strings.Split(strings.TrimRight(line, "\x00\n"), "\x00")
		c.Name = words[0]
		for _, word := range words[1:] {
			name, value, variable := strings.Cut(word, "=")
			if variable && len(c.Arguments) > 0 && strings.ToUpper(name) == name {
				c.Environment[name] = value
			} else {
				c.Arguments = append(c.Arguments, word)
			}
		}
		calls = append(calls, c)
	}
	return calls
}

// commands returns the indented lines of text, which are its commands.
func commands(text string) string {
	var script strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "   ") {
			script.WriteString(line)
		}
	}
	return script.String()
}

const (
	apiKey = "AIza-of-the-test"
	seven  = "batch.succeeded,batch.expired,batch.failed,interaction.requires_action,interaction.completed,interaction.failed,video.generated"
)

func TestNextStepsCallTheCommandLine(t *testing.T) {
	inCheckout := map[string]any{"gemhook": "scripts/gemhook", "terraform_dir": "terraform/gcp"}
	key := map[string]string{"GEMINI_API_KEY": apiKey}
	settings := map[string]string{
		"GEMINI_API_KEY": apiKey, "GOOGLE_CLOUD_PROJECT": "my-project", "GEMHOOK_URL": "https://receiver.example.com/",
		"GEMHOOK_TOPIC": "staging-events", "GEMHOOK_DEAD_LETTER_TOPIC": "staging-dead-letters",
		"GEMHOOK_DEAD_LETTER_SUBSCRIPTION": "staging-dead-letters", "GEMHOOK_DATABASE": "staging", "GEMHOOK_COLLECTION": "deliveries",
		"GEMHOOK_SIGNING_SECRETS": "projects/my-project/secrets/staging-signing-secrets",
		"GEMHOOK_DYNAMIC_KEYS":    "projects/my-project/secrets/staging-dynamic-keys",
	}
	for _, test := range []struct {
		name      string
		arguments map[string]any
		want      []call
	}{
		{"with Terraform's outputs", inCheckout, []call{
			{"gemhook", strings.Fields("webhooks create --name staging --terraform-dir terraform/gcp --event " + seven), key},
			{"gemhook", strings.Fields("doctor --terraform-dir terraform/gcp"), key},
			{"gemhook", strings.Fields("tenants url TENANT --terraform-dir terraform/gcp"), key},
		}},
		{"with the environment", nil, []call{
			{"gemhook", strings.Fields("webhooks create --name staging --event " + seven), settings},
			{"gemhook", strings.Fields("doctor"), settings},
			{"gemhook", strings.Fields("tenants url TENANT"), settings},
		}},
		{"with API keys to store, in an organization that forbids public access", map[string]any{
			"gemhook": "scripts/gemhook", "terraform_dir": "terraform/gcp", "api_keys": "staging-api-keys",
			"open_by_hand": []string{"gcloud run services update staging-receiver --no-invoker-iam-check"},
		}, []call{
			{"gcloud", strings.Fields("run services update staging-receiver --no-invoker-iam-check"), map[string]string{}},
			{"gemhook", strings.Fields("webhooks create --name staging --terraform-dir terraform/gcp --event " + seven), key},
			{"gemhook", strings.Fields("doctor --terraform-dir terraform/gcp"), key},
			{"gemhook", strings.Fields("tenants url TENANT --terraform-dir terraform/gcp"), key},
			{"gcloud", strings.Fields("secrets versions add staging-api-keys --project=my-project --data-file=-"), key},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := shell(t, commands(register(t, test.arguments).NextSteps), apiKey+"\n")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			for _, c := range got {
				if c.Name == "gemhook" {
					wantParsed(t, c.Arguments)
				}
			}
		})
	}
}

func TestDynamicURLCommand(t *testing.T) {
	outputs := register(t, map[string]any{"gemhook": "scripts/gemhook", "terraform_dir": "terraform/aws"})
	got := shell(t, outputs.DynamicURLs["acme"], "")
	if len(got) != 1 || !slices.Equal(got[0].Arguments, strings.Fields("tenants url acme --terraform-dir terraform/aws")) {
		t.Errorf("calls %v, want that of the tenant's URL", got)
	}
}

// wantParsed checks that the real command line knows the command and its flags.
func wantParsed(t *testing.T, arguments []string) {
	t.Helper()
	var stderr strings.Builder
	environment := cli.Environment{Stdout: io.Discard, Stderr: &stderr, Getenv: func(string) string { return "" }}
	if code := cli.Run(t.Context(), append(slices.Clone(arguments), "--help"), environment); code != 0 {
		t.Errorf("gemhook %s: exit code %d: %s", strings.Join(arguments, " "), code, &stderr)
	}
}
