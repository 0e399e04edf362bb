// Package jstest tests gemhook with JavaScript that others wrote: Google's own SDK calls the
// WebhookService of the stand-in for Gemini, the Standard Webhooks library verifies the stand-in's
// deliveries, and the CloudEvents SDK reads gemhook's messages.
//
// The tests need node and npm, and the npm registry once. Without them they are left out.
package jstest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit/npm"
)

// runTimeout bounds a script.
const runTimeout = time.Minute

// node runs a script of testdata with an input as JSON, and decodes its output.
func node(t *testing.T, script string, input, output any) {
	t.Helper()
	directory := npm.Install(t, "testdata")
	code, err := os.ReadFile(filepath.Join("testdata", script))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	// A script on the command line finds its packages from the working directory, and not from the
	// folder of its file.
	command := exec.CommandContext(ctx, "node", "--input-type=module", "--eval", string(code))
	command.Dir = directory
	command.Stdin = bytes.NewReader(data)
	// It gets nothing else of the environment: the SDK takes keys and addresses from that.
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.Bytes())
	}
	if err := json.Unmarshal(stdout.Bytes(), output); err != nil {
		t.Fatalf("%s: output: %v", script, err)
	}
}

// The lock file names no registry, so that npm uses the one that it is configured with. It has
// checksums.
func TestLockFileNamesNoRegistry(t *testing.T) {
	npm.WantPortableLock(t, "testdata", "@google/genai", "cloudevents", "standardwebhooks")
}
