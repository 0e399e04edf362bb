package deployment_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/testkit"
)

// outputs are what "terraform output -json" prints, reduced to what is read.
const outputs = `{
  "project_id": {"sensitive": false, "type": "string", "value": "terraform-project"},
  "static_url": {"sensitive": false, "type": "string", "value": "https://hooks.example.com/"},
  "topic": {"sensitive": false, "type": "string", "value": "gemhook-events"},
  "dead_letter_topic": {"value": "gemhook-dead-letters"},
  "dead_letter_subscription": {"value": "gemhook-dead-letters"},
  "subscriptions": {"value": {"batches": "gemhook-batches", "all": "gemhook-all"}},
  "signing_secrets": {"value": "gemhook-signing-secrets"},
  "dynamic_keys": {"value": "gemhook-dynamic-keys"},
  "database": {"value": "gemhook"},
  "collection": {"value": "deliveries"},
  "dns_record": {"value": null}
}`

// fakeTerraform puts a terraform on the PATH that prints text and ends with a code.
func fakeTerraform(t *testing.T, text, code string) {
	t.Helper()
	folder := t.TempDir()
	script := "#!/bin/sh\ncat <<'END'\n" + text + "\nEND\necho 'what is wrong' >&2\nexit " + code + "\n"
	if err := os.WriteFile(filepath.Join(folder, "terraform"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func none(string) string { return "" }

// A flag comes first, then Terraform's outputs, then the environment, then the default.
func TestWhereSettingsComeFrom(t *testing.T) {
	fakeTerraform(t, outputs, "0")
	found, err := deployment.Terraform(t.Context(), "somewhere")
	if err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		return map[string]string{"GEMHOOK_TOPIC": "env-topic", "GEMHOOK_JWT_AUDIENCE": "env-audience"}[name]
	}
	s := deployment.Find(map[string]string{"project": "flag-project", "url": ""}, found, env)
	for setting, want := range map[deployment.Setting]string{
		deployment.Project:                "flag-project",
		deployment.URL:                    "https://hooks.example.com/",
		deployment.Topic:                  "gemhook-events",
		deployment.JWTAudience:            "env-audience",
		deployment.Database:               "gemhook",
		deployment.SigningSecrets:         "projects/terraform-project/secrets/gemhook-signing-secrets",
		deployment.DynamicKeys:            "projects/terraform-project/secrets/gemhook-dynamic-keys",
		deployment.DeadLetterSubscription: "gemhook-dead-letters",
		deployment.Tolerance:              "5m",
		deployment.GeminiURL:              "",
	} {
		if got := s.Optional(setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if got := s.Subscriptions(); !slices.Equal(got, []string{"gemhook-all", "gemhook-batches"}) {
		t.Errorf("subscriptions %q", got)
	}
	without := deployment.Find(nil, nil, env)
	if got := without.Optional(deployment.Topic); got != "env-topic" {
		t.Errorf("without Terraform the topic is %q", got)
	}
	if got := without.Optional(deployment.Database); got != "(default)" {
		t.Errorf("without anything the database is %q", got)
	}
	var missing *deployment.MissingError
	if _, err := without.Get(deployment.Project); !errors.As(err, &missing) || missing.Setting != deployment.Project {
		t.Errorf("a missing project is %v", err)
	}
}

// A malformed setting is named with where it came from.
func TestBadSettings(t *testing.T) {
	t.Parallel()
	var bad *deployment.BadError
	for _, url := range []string{"hooks.example.com", "ftp://hooks.example.com", "https://hooks.example.com/dynamic/a/b", "https://"} {
		t.Run(url, func(t *testing.T) {
			s := deployment.Find(map[string]string{"url": url}, nil, none)
			if got, err := s.Receiver(); !errors.As(err, &bad) {
				t.Errorf("Receiver of %q = %q, %v", url, got, err)
			}
		})
	}
	s := deployment.Find(nil, nil, func(string) string { return "projects/p/secrets" })
	if _, err := s.Secret(deployment.SigningSecrets); !errors.As(err, &bad) {
		t.Errorf("Secret: %v", err)
	}
	if _, err := s.Duration(deployment.Tolerance); !errors.As(err, &bad) {
		t.Errorf("Duration: %v", err)
	}
	if _, err := s.Size(deployment.MaxBody); !errors.As(err, &bad) {
		t.Errorf("Size: %v", err)
	}
	for setting, value := range map[deployment.Setting]string{
		deployment.Project: "projects/p", deployment.Topic: "projects/p/topics/t", deployment.DeadLetterTopic: "t\n", deployment.ResultsTopic: "a b",
	} {
		s := deployment.Find(nil, nil, func(name string) string { return map[string]string{setting.Variable(): value}[name] })
		if got, err := s.Get(setting); !errors.As(err, &bad) || bad.Setting != setting {
			t.Errorf("%s = %q, %v", setting, got, err)
		}
	}
	s = deployment.Find(map[string]string{"url": "https://hooks.example.com/"}, nil, none)
	if got, err := s.Receiver(); got != "https://hooks.example.com" || err != nil {
		t.Errorf("Receiver = %q, %v", got, err)
	}
	if got, err := s.Duration(deployment.Lease); got != time.Minute || err != nil {
		t.Errorf("the lease is %s, %v", got, err)
	}
}

// Outputs that cannot be read are an error that says why.
func TestTerraformFailures(t *testing.T) {
	fakeTerraform(t, "{}", "0")
	if _, err := deployment.Terraform(t.Context(), "."); !errors.Is(err, deployment.ErrNoOutputs) {
		t.Errorf("no outputs: %v", err)
	}
	fakeTerraform(t, "not JSON", "0")
	if _, err := deployment.Terraform(t.Context(), "."); err == nil {
		t.Error("no JSON: no error")
	}
	fakeTerraform(t, outputs, "1")
	if _, err := deployment.Terraform(t.Context(), "."); err == nil || !regexp.MustCompile("what is wrong").MatchString(err.Error()) {
		t.Errorf("failed: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := deployment.Terraform(t.Context(), "."); err == nil {
		t.Error("no terraform: no error")
	}
}

// TestWrapperOfTerraform wants the outputs to be read although a wrapper has written something
// before or after them.
func TestWrapperOfTerraform(t *testing.T) {
	for name, wrapped := range map[string]struct{ before, after string }{
		"a line":             {"Using workspace staging.\n", ""},
		"lines with a brace": {"{ not JSON\n[INFO] 12:00 running terraform output\n", ""},
		"lines of JSON":      {`{"level":"info"}` + "\n" + `{"span":{"id":1}}` + "\nnull\n", ""},
		"a line after":       {"", "\nDone in 2 s."},
		"an object after":    {"", "\n" + `{"level":"info"}`},
	} {
		t.Run(name, func(t *testing.T) {
			fakeTerraform(t, wrapped.before+outputs+wrapped.after, "0")
			read, err := deployment.Terraform(t.Context(), ".")
			if err != nil {
				t.Fatal(err)
			}
			settings := deployment.Find(nil, read, func(string) string { return "" })
			if got, err := settings.Get(deployment.Topic); err != nil || got == "" {
				t.Errorf("the topic is %q, %v", got, err)
			}
		})
	}
}

// The names of outputs are those of both roots.
func TestOutputsOfTheRoots(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"gcp", "aws"} {
		t.Run(root, func(t *testing.T) {
			files, err := filepath.Glob("../../../terraform/" + root + "/*.tf")
			if err != nil {
				t.Fatal(err)
			}
			var text []byte
			for _, file := range files {
				read, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				text = append(text, read...)
			}
			for _, name := range regexp.MustCompile(`(?m)^  "(\w+)": \{`).FindAllStringSubmatch(outputs, -1) {
				if root == "aws" && name[1] == "dns_record" {
					continue
				}
				if !regexp.MustCompile(`(?m)^output "` + name[1] + `" \{`).Match(text) {
					t.Errorf("terraform/%s has no output %s", root, name[1])
				}
			}
		})
	}
}

// With the real Terraform, where it is installed: outputs need no provider.
func TestRealTerraform(t *testing.T) {
	t.Parallel()
	testkit.Program(t, testkit.Terraform, "terraform")
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "main.tf"), []byte(`
output "project_id" { value = "p-123" }
output "dynamic_keys" { value = "keys" }
output "subscriptions" { value = { all = "events-all" } }
output "dynamic_urls" {
  value     = { acme = "a command" }
  sensitive = true
}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := deployment.Terraform(t.Context(), folder); !errors.Is(err, deployment.ErrNoOutputs) {
		t.Errorf("before the apply: %v", err)
	}
	if output, err := exec.CommandContext(t.Context(), "terraform", "-chdir="+folder, "apply", "-auto-approve").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	found, err := deployment.Terraform(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	s := deployment.Find(nil, found, none)
	if got := s.Optional(deployment.DynamicKeys); got != "projects/p-123/secrets/keys" {
		t.Errorf("the dynamic keys are in %q", got)
	}
	if got := s.Subscriptions(); !slices.Equal(got, []string{"events-all"}) {
		t.Errorf("subscriptions %q", got)
	}
}
