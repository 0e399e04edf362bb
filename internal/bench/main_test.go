package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/bench/report"
)

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args string
		code int
		says string // on stderr, or on stdout where all is well
	}{
		{"--help", 0, "usage: scripts/bench"},
		{"--rounds 0", exitUsage, "at least 1"},
		{"--rounds many", exitUsage, "invalid value"},
		{"--only (", exitUsage, "--only: "},
		{"--fast", exitUsage, "-fast"},
		{"all", exitUsage, `unexpected argument "all"`},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(test.args), &stdout, &stderr)
		says := stderr.String()
		if test.code == 0 {
			says = stdout.String()
		}
		if code != test.code || !strings.Contains(says, test.says) {
			t.Errorf("%s: exit %d, %q; want %d and %q", test.args, code, says, test.code, test.says)
		}
	}
}

func TestWritesTheTableBothWays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table.md")
	var stdout, stderr bytes.Buffer
	args := []string{"--root", "../..", "--quick", "--rounds", "1", "--only", "^verify-v1a$", "--markdown", file}
	// The code depends on the machine: under the race detector marks mean nothing.
	if code := run(t.Context(), args, &stdout, &stderr); code > 1 {
		t.Fatalf("exit %d\n%s", code, stderr.String())
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{stdout.String(), string(written)} {
		if !strings.Contains(text, "3 × ed25519.Verify") || !strings.Contains(text, "not to be quoted") {
			t.Errorf("the table is not there:\n%s", text)
		}
	}
	if !strings.Contains(stderr.String(), "round 1 of 1") {
		t.Errorf("no progress: %q", stderr.String())
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"--root", "../..", "--only", "^verify-v1$"}, &stdout, &stderr); code != exitInterrupt {
		t.Errorf("exit %d, want %d\n%s", code, exitInterrupt, stderr.String())
	}
}

func TestVerdictNamesWhatIsNotAsWanted(t *testing.T) {
	good := &report.Row{Figure: "good", Reference: "r", Rounds: []report.Round{{Figure: 1, Reference: 1}}, Mark: report.AtMost(1)}
	bad := &report.Row{Figure: "bad", Reference: "r", Rounds: []report.Round{{Figure: 2, Reference: 1}}, Mark: report.AtMost(1)}
	var stderr bytes.Buffer
	if code := verdict([]*report.Row{good}, &stderr); code != 0 || stderr.Len() != 0 {
		t.Errorf("exit %d, %q; want 0 and nothing", code, stderr.String())
	}
	if code := verdict([]*report.Row{good, bad}, &stderr); code != 1 || stderr.String() != "bench: not as wanted: bad, beside r\n" {
		t.Errorf("exit %d, %q", code, stderr.String())
	}
}
