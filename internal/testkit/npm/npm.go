// Package npm installs JavaScript packages for tests, from the npm registry, once for each lock
// file.
package npm

import (
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

	"github.com/gemhook/gemhook/internal/testkit"
)

// fetchTimeout bounds an installation.
const fetchTimeout = 5 * time.Minute

// Install returns a directory with the packages of the package-lock.json in a folder. It is kept
// for later runs, under a name that says what is in it. Where node, npm or their registry are
// missing it leaves the test out.
func Install(t testing.TB, folder string) string {
	t.Helper()
	testkit.Program(t, testkit.JavaScript, "node")
	testkit.Program(t, testkit.JavaScript, "npm")
	lock, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "gemhook-npm")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		testkit.LeaveOut(t, testkit.Need{Name: "JavaScript", How: "let npm install packages in " + cache})
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
		data, err := os.ReadFile(filepath.Join(folder, name))
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
func fetch(t testing.TB, directory string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), fetchTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
		"--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000", "--loglevel=error")
	command.Dir = directory
	command.WaitDelay = 5 * time.Second
	output, err := command.CombinedOutput()
	if err != nil && (unreachable.Match(output) || errors.Is(ctx.Err(), context.DeadlineExceeded)) {
		testkit.LeaveOut(t, testkit.Need{Name: "JavaScript", How: "connect to the npm registry"})
	}
	if err != nil {
		t.Fatalf("npm ci: %v\n%s", err, output)
	}
}

// WantPortableLock fails the test unless the lock file in a folder names those packages, with
// checksums, and no place of download, so that npm asks the registry that it is configured with.
func WantPortableLock(t testing.TB, folder string, packages ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
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
	for _, name := range packages {
		if lock.Packages["node_modules/"+name].Version == "" {
			t.Errorf("%s is not in the lock file", name)
		}
	}
}
