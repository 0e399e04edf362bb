// Package jstest tests the stand-in for Gemini with JavaScript that others wrote: Google's own SDK calls its
// WebhookService, and the Standard Webhooks library verifies its deliveries.
//
// The tests need node and npm, and once the npm registry; they skip without.
package jstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// runTimeout bounds a script, and fetchTimeout the installation.
const (
	runTimeout   = time.Minute
	fetchTimeout = 5 * time.Minute
)

// node runs a script of testdata with an input as JSON, and decodes its output.
func node(t *testing.T, script string, input, output any) {
	t.Helper()
	directory := install(t)
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
	// A script on the command line finds its packages from the working directory, a file from where it lies.
	command := exec.CommandContext(ctx, "node", "--input-type=module", "--eval", string(code))
	command.Dir = directory
	command.Stdin = bytes.NewReader(data)
	// Nothing else of the environment: the SDK takes keys and places from it.
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

// install returns a directory with the packages of testdata/package-lock.json. It is kept for later runs, under a name that
// says what is in it.
func install(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, which the JavaScript libraries need", tool)
		}
	}
	lock, err := os.ReadFile(filepath.Join("testdata", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "gemhook-jstest")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Skipf("the JavaScript libraries have no place to be installed: %v", err)
	}
	sum := sha256.Sum256(lock)
	installed := filepath.Join(cache, hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(installed); err == nil {
		return installed
	}
	fresh, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(fresh, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fetch(t, fresh)
	// Whoever is first to finish is used by all.
	if err := os.Rename(fresh, installed); err != nil {
		if _, statErr := os.Stat(installed); statErr != nil {
			t.Fatal(err)
		}
	}
	return installed
}

// unreachable is npm's word for a registry that it cannot talk to.
var unreachable = regexp.MustCompile(`npm (?:error|ERR!) code (E(?:AI_AGAIN|CONNREFUSED|CONNRESET|HOSTUNREACH|NETUNREACH|NOTFOUND|TIMEDOUT|IDLETIMEOUT)|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b`)

// fetch downloads and unpacks what the lock file in a directory names, and runs no code of it.
func fetch(t *testing.T, directory string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), fetchTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
		"--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000", "--loglevel=error")
	command.Dir = directory
	command.WaitDelay = 5 * time.Second
	output, err := command.CombinedOutput()
	if code := unreachable.FindSubmatch(output); err != nil && code != nil {
		t.Skipf("the npm registry cannot be reached (%s), which the JavaScript libraries come from", code[1])
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Skip("the npm registry does not answer in time, which the JavaScript libraries come from")
	}
	if err != nil {
		t.Fatalf("npm ci: %v\n%s", err, output)
	}
}

// The lock file has no place of download in it, so that everybody's own registry is asked; the checksums stay.
func TestLockFileNamesNoRegistry(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Version, Resolved, Integrity string
		}
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		t.Fatal(err)
	}
	for name, p := range lock.Packages {
		if p.Resolved != "" || name != "" && !strings.HasPrefix(p.Integrity, "sha512-") {
			t.Errorf("%s: make the file again with npm install --package-lock-only --omit-lockfile-registry-resolved", name)
		}
	}
	for _, name := range []string{"node_modules/@google/genai", "node_modules/standardwebhooks"} {
		if lock.Packages[name].Version == "" {
			t.Errorf("%s is not in the lock file", name)
		}
	}
}
