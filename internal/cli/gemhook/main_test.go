package main_test

import (
	"errors"
	"os"
	"os/exec"
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
