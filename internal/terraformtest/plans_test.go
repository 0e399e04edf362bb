package terraformtest

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/providers"
)

// A change is what a plan does to one resource.
type change struct {
	Address string `json:"address"`
	Mode    string `json:"mode"`
	Type    string `json:"type"`
	Change  struct {
		Actions []string `json:"actions"`
	} `json:"change"`
}

func (c change) String() string { return strings.Join(c.Change.Actions, " and ") + " " + c.Address }

// plans runs the tests in folder tests/plans of a root or module on a copy, and returns what each
// run with "command = plan" would change. It needs the providers, or what stands in for them: where
// they cannot be downloaded it skips the test, unless TF_CLI_CONFIG_FILE says where they are.
func plans(t *testing.T, directory string) map[string][]change {
	t.Helper()
	testkit.Program(t, testkit.Terraform, "terraform")
	if testing.Short() {
		t.Skip("plans take half a minute: they run without -short")
	}
	work := t.TempDir()
	for _, part := range []string{"terraform", "functions", "shared"} {
		if output, err := exec.CommandContext(t.Context(), "cp", "-R", filepath.Join(repository(t), part), work).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	folder := filepath.Join(work, "terraform", filepath.FromSlash(directory))
	_ = os.Remove(filepath.Join(folder, ".terraform.lock.hcl")) // may be of other providers

	initialize := command(t, folder, "init", "-backend=false", "-input=false", "-test-directory=tests/plans")
	if output, err := initialize.CombinedOutput(); err != nil {
		if os.Getenv("TF_CLI_CONFIG_FILE") == "" {
			testkit.LeaveOut(t, testkit.Need{Name: "Terraform's providers", How: "connect to their registry, or name a mirror in TF_CLI_CONFIG_FILE"})
		}
		t.Fatalf("terraform init: %v\n%s", err, output)
	}
	running, err := providers.Start(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Stop()
	test := command(t, folder, "test", "-test-directory=tests/plans", "-json", "-verbose")
	test.Env = append(test.Env, running.Environment())
	output, err := test.Output()
	found := map[string][]change{}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var line struct {
			Run        string `json:"@testrun"`
			Diagnostic *struct{ Severity, Summary, Detail string }
			Plan       *struct {
				Changes []change `json:"resource_changes"`
			} `json:"test_plan"`
		}
		if err := decoder.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("terraform test -json: %v", err)
		}
		if line.Diagnostic != nil && line.Diagnostic.Severity == "error" {
			t.Errorf("run %s: %s: %s", line.Run, line.Diagnostic.Summary, line.Diagnostic.Detail)
		}
		if line.Plan != nil {
			found[line.Run] = slices.DeleteFunc(line.Plan.Changes, func(c change) bool {
				return c.Mode != "managed" || slices.Equal(c.Change.Actions, []string{"no-op"})
			})
		}
	}
	if err != nil {
		t.Fatalf("terraform test: %v", err)
	}
	return found
}

// TestUpgradeReplacesNothing plans the roots over a state of what they were before they called a
// module. What is new since then only watches and remembers.
func TestUpgradeReplacesNothing(t *testing.T) {
	for _, root := range []string{"gcp", "aws"} {
		t.Run(root, func(t *testing.T) {
			changes, planned := plans(t, root)["after"]
			if !planned {
				t.Fatal("nothing was planned")
			}
			for _, c := range changes {
				inPlace := slices.Equal(c.Change.Actions, []string{"update"})
				watches := c.Type == "terraform_data" || strings.HasPrefix(c.Type, "google_monitoring_") || strings.HasPrefix(c.Type, "aws_cloudwatch_")
				isNew := watches && slices.Equal(c.Change.Actions, []string{"create"})
				if !inPlace && !isNew {
					t.Errorf("the upgrade would %v", c)
				}
			}
		})
	}
}

// TestYear applies what a year brings. That topics, ledger and secrets stay is checked by the runs.
func TestYear(t *testing.T) {
	again := 0
	for run, changes := range plans(t, "modules/gemhook-gcp") {
		if !strings.HasSuffix(run, "_again") {
			continue
		}
		again++
		for _, c := range changes {
			t.Errorf("run %s: a second plan would %v", run, c)
		}
	}
	if again < 4 {
		t.Errorf("%d second plans, want one after each step", again)
	}
}
