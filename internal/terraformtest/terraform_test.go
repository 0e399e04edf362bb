// Package terraformtest compares what Terraform makes with what the Go code expects: the
// environment variables, the files of the function's source, the ledger's fields, and the commands
// it prints.
//
// It evaluates modules that need no provider with the real terraform, and so needs neither a cloud
// nor a registry; where terraform is not installed the tests that need it are skipped.
// terraform/test runs Terraform's own tests.
package terraformtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gemhook/gemhook/internal/testkit"
)

// repository returns the root of the repository.
func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// evaluate calls a module of the repository at root with arguments and decodes its outputs into
// outputs.
func evaluate(t *testing.T, root, module string, arguments map[string]any, outputs any) {
	t.Helper()
	testkit.Program(t, testkit.Terraform, "terraform")

	// Terraform copies a module that is named by an absolute path, and this one has to find the
	// repository around it.
	work, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Rel(work, filepath.Join(root, "terraform", "modules", module))
	if err != nil {
		t.Fatal(err)
	}
	call := map[string]any{"source": filepath.ToSlash(source)}
	for name, value := range arguments {
		call[name] = value
	}
	configuration, err := json.Marshal(map[string]any{
		"module": map[string]any{"it": call},
		"output": map[string]any{"it": map[string]any{"value": "${module.it}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "main.tf.json"), configuration, 0o600); err != nil {
		t.Fatal(err)
	}

	terraform(t, work, "init", "-backend=false", "-input=false")
	terraform(t, work, "apply", "-auto-approve", "-input=false")
	if err := json.Unmarshal(terraform(t, work, "output", "-json", "it"), outputs); err != nil {
		t.Fatal(err)
	}
}

// terraform runs one command in dir and returns what it wrote on standard output.
func terraform(t *testing.T, dir string, arguments ...string) []byte {
	t.Helper()
	output, err := command(t, dir, arguments...).Output()
	if err != nil {
		var stderr []byte
		if failure, is := err.(*exec.ExitError); is {
			stderr = failure.Stderr
		}
		t.Fatalf("terraform %s: %v\n%s%s", arguments[0], err, output, stderr)
	}
	return output
}

// command returns a terraform command that runs in dir. Where terraform is not installed it skips
// the test.
func command(t *testing.T, dir string, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), testkit.Program(t, testkit.Terraform, "terraform"), arguments...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_DATA_DIR="+filepath.Join(dir, ".terraform"), "TF_CLI_ARGS=-no-color", "GOGC=400")
	return command
}

// sameSet reports what is in only one of two lists.
func sameSet(t *testing.T, wantName string, want []string, gotName string, got []string) {
	t.Helper()
	for _, item := range want {
		if !slices.Contains(got, item) {
			t.Errorf("%s is in %s, but not in %s", item, wantName, gotName)
		}
	}
	for _, item := range got {
		if !slices.Contains(want, item) {
			t.Errorf("%s is in %s, but not in %s", item, gotName, wantName)
		}
	}
}
