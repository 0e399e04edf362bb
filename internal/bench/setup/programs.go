package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ErrNoNode says why there is no Node function to compare with.
var ErrNoNode = errors.New("needs node, npm, and once the npm registry")

// Receiver is gemhook as Cloud Functions runs it.
func (r *Setup) Receiver(ctx context.Context, b *Backends, sender *Sender) (Program, error) {
	path, err := r.Build(ctx, "internal/testkit/framework/receive")
	return Program{Arguments: []string{path}, Environment: b.Environment(sender)}, err
}

// Hello is the least that runs under the Functions Framework.
func (r *Setup) Hello(ctx context.Context) (Program, error) {
	path, err := r.Build(ctx, "internal/bench/hellofunction")
	return Program{Arguments: []string{path}}, err
}

// Node is the function of the Gemini cookbook, as it was published or, if quiet, without its
// printing. Its error is ErrNoNode where it cannot be installed.
func (r *Setup) Node(ctx context.Context, sender *Sender, quiet bool) (Program, error) {
	folder, err := r.installNode(ctx)
	if err != nil {
		return Program{}, err
	}
	program := Program{
		// What npx would start, without npx.
		Arguments: []string{"node", filepath.Join(folder, "node_modules/@google-cloud/functions-framework/build/src/main.js"),
			"--source=" + folder, "--target=geminiWebhook"},
		Environment: []string{"WEBHOOK_SIGNING_SECRET=" + sender.Secret(), "NODE_ENV=production"},
	}
	if quiet {
		program.Environment = append(program.Environment, "GEMHOOK_BENCH_QUIET=1")
	}
	return program, nil
}

// installNode returns a folder with the function and its packages. It is kept for later runs, under
// a name that says what is in it.
func (r *Setup) installNode(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%w: %s is not installed", ErrNoNode, tool)
		}
	}
	files, hash := map[string][]byte{}, sha256.New()
	for _, name := range []string{"index.js", "package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(r.Root, "internal", "bench", "node", name))
		if err != nil {
			return "", err
		}
		files[name] = data
		hash.Write(data)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	installed := filepath.Join(cache, "gemhook-bench", hex.EncodeToString(hash.Sum(nil)[:8]))
	if _, err := os.Stat(installed); err == nil {
		return installed, nil
	}
	fresh := filepath.Join(r.folder, "node")
	if err := os.MkdirAll(fresh, 0o700); err != nil {
		return "", err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(fresh, name), data, 0o600); err != nil {
			return "", err
		}
	}
	command := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
		"--fetch-retries=1", "--fetch-timeout=30000", "--loglevel=error")
	command.Dir = fresh
	command.WaitDelay = 5 * time.Second
	if _, err := command.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("%w: npm ci: %w", ErrNoNode, err)
	}
	if err := os.MkdirAll(filepath.Dir(installed), 0o700); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, installed); err != nil {
		return fresh, nil // the cache is on another file system; this run has it all the same
	}
	return installed, nil
}
