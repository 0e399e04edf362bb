package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli"
	"github.com/gemhook/gemhook/internal/testkit"
)

// ran is a command that has ended.
type ran struct {
	t              *testing.T
	args           string
	code           int
	stdout, stderr string
}

// run runs a command in the fixture.
func (f *fixture) run(args ...string) *ran {
	f.t.Helper()
	return f.runWith(f.t.Context(), "", args...)
}

func (f *fixture) runWith(ctx context.Context, stdin string, args ...string) *ran {
	f.t.Helper()
	var stdout, stderr testkit.Buffer
	return f.runInto(ctx, stdin, &stdout, &stderr, args...)
}

func (f *fixture) runInto(ctx context.Context, stdin string, stdout, stderr *testkit.Buffer, args ...string) *ran {
	f.t.Helper()
	code := cli.Run(ctx, args, f.environment(strings.NewReader(stdin), stdout, stderr))
	r := &ran{f.t, strings.Join(args, " "), code, stdout.String(), stderr.String()}
	if strings.Contains(r.stdout+r.stderr, apiKey) || dynamicKeyForm.MatchString(r.stdout+r.stderr) || signingSecret.MatchString(r.stderr) ||
		signingSecret.MatchString(r.stdout) && !strings.Contains(r.args, "--show-secret") {
		f.t.Errorf("gemhook %s shows a secret", r.args)
	}
	return r
}

func (f *fixture) environment(stdin io.Reader, stdout, stderr io.Writer) cli.Environment {
	return cli.Environment{
		Stdin: stdin, Stdout: stdout, Stderr: stderr,
		Getenv:        func(name string) string { return f.env[name] },
		SecretManager: f.secrets.Options(),
		Now:           f.now,
		Wait:          soon,
		CallTimeout:   f.callFor, PingTimeout: f.pingFor, Patience: 700 * time.Millisecond,
	}
}

// signingSecret matches one, though not the few characters that Gemini shows.
var signingSecret = regexp.MustCompile(`whsec_[A-Za-z0-9+/]{8}`)

// dynamicKeyForm matches a dynamic key, which no command shows.
var dynamicKeyForm = regexp.MustCompile(`dynkey_[A-Za-z0-9_-]{8}`)

// soon waits a little, however long it is told to.
func soon(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(min(d, 20*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// want fails the test unless the command ended with that code, and said those things on standard
// output or error.
func (r *ran) want(code int, said ...string) *ran {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("gemhook %s ended with %d, want %d\nstdout: %s\nstderr: %s", r.args, r.code, code, r.stdout, r.stderr)
	}
	for _, text := range said {
		if !strings.Contains(r.stdout+r.stderr, text) {
			r.t.Errorf("gemhook %s does not say %q\nstdout: %s\nstderr: %s", r.args, text, r.stdout, r.stderr)
		}
	}
	return r
}

// json reads standard output.
func (r *ran) json(into any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), into); err != nil {
		r.t.Fatalf("gemhook %s: %v\nstdout: %s\nstderr: %s", r.args, err, r.stdout, r.stderr)
	}
}
