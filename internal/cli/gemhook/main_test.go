package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script builds the program and passes arguments, output and exit code through.
func TestScript(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		code int
		said string
	}{
		{[]string{"version"}, 0, "gemhook "},
		{[]string{"deliveries", "list", "--project", "p"}, 77, "gcloud auth application-default login"},
		{[]string{"tail", "--project", "p", "--topic", "t"}, 77, "gcloud auth application-default login"},
		{[]string{"--version"}, 0, "gemhook version "},
		{[]string{"nonsense"}, 64, "there is no command"},
		{[]string{"sned"}, 64, "did you mean: gemhook send"},
		{[]string{"deliveries", "list"}, 78, "GOOGLE_CLOUD_PROJECT"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			command := exec.CommandContext(t.Context(), "../../../scripts/gemhook", test.args...)
			command.Env = append(os.Environ(), "GOOGLE_CLOUD_PROJECT=", "FIRESTORE_EMULATOR_HOST=", "PUBSUB_EMULATOR_HOST=",
				"GOOGLE_APPLICATION_CREDENTIALS="+t.TempDir()+"/absent")
			output, err := command.CombinedOutput()
			code := 0
			if exited := (*exec.ExitError)(nil); errors.As(err, &exited) {
				code = exited.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != test.code || !strings.Contains(string(output), test.said) {
				t.Errorf("gemhook %v ended with %d: %s", test.args, code, output)
			}
		})
	}
}

// A checkout that cannot be written, such as another user's, is left as it is: scripts build their
// programs in the user's cache. The program here is one that prints where it is.
func TestScriptsInACheckoutThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	const goCommand = `#!/bin/sh
while [ $# -gt 1 ]; do
  if [ "$1" = -o ]; then
    mkdir -p "${2%/*}" && printf '#!/bin/sh\necho "$0"\n' >"$2" && chmod +x "$2"
  fi
  shift
done
`
	for _, script := range []string{"gemhook", "serve"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			checkout, programs, cache := t.TempDir(), t.TempDir(), t.TempDir()
			text, err := os.ReadFile("../../../scripts/" + script)
			if err != nil {
				t.Fatal(err)
			}
			// As dist is a file here, nobody can write into it, not even root.
			if err := errors.Join(
				os.WriteFile(filepath.Join(checkout, "dist"), nil, 0o600),
				os.Mkdir(filepath.Join(checkout, "scripts"), 0o700),
				os.WriteFile(filepath.Join(checkout, "scripts", script), text, 0o700),
				os.WriteFile(filepath.Join(programs, "go"), []byte(goCommand), 0o700),
			); err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), filepath.Join(checkout, "scripts", script))
			command.Env = append(os.Environ(), "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"), "XDG_CACHE_HOME="+cache)
			output, err := command.Output()
			if want := filepath.Join(cache, "gemhook", script) + "\n"; err != nil || string(output) != want {
				t.Errorf("scripts/%s: %v, and it runs %q, want %q", script, err, output, want)
			}
		})
	}
}
