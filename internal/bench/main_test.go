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

// A wrong command line ends with the code for that, and says what is wrong.
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
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(test.args), &stdout, &stderr)
			says := stderr.String()
			if test.code == 0 {
				says = stdout.String()
			}
			if code != test.code || !strings.Contains(says, test.says) {
				t.Errorf("exit %d, %q; want %d and %q", code, says, test.code, test.says)
			}
		})
	}
}

// TestQuick runs all benchmarks with little work, and wants every row, measured or with a reason
// why not. Whether rows meet their targets depends on the machine.
func TestQuick(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table.md")
	var stdout, stderr bytes.Buffer
	args := []string{"--root", "../..", "--quick", "--rounds", "1", "--markdown", file}
	if code := run(t.Context(), args, &stdout, &stderr); code > 1 {
		t.Fatalf("exit %d\n%s", code, stderr.String())
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"terminal": stdout.String(), "markdown": string(written)} {
		t.Run(name, func(t *testing.T) {
			for _, row := range []string{
				"verify a v1 delivery", "verify a v1a delivery", "size of bootstrap", "exec to first answer",
				"an accepted delivery", "accepted deliveries", "forged requests refused", "exec to first accepted delivery",
				"peak memory", "collect 20 MiB of responses", "not to be quoted",
			} {
				measured := strings.Contains(text, row)
				if !measured && !strings.Contains(text, "Left out: ") {
					t.Errorf("no row %q in\n%s", row, text)
				}
			}
		})
	}
}

// An interrupted run ends with a code of its own.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"--root", "../..", "--only", "^verify-v1$"}, &stdout, &stderr); code != exitInterrupt {
		t.Errorf("exit %d, want %d\n%s", code, exitInterrupt, stderr.String())
	}
}

func TestVerdictNamesWhatMissesItsTarget(t *testing.T) {
	good := &report.Row{Figure: "good", Reference: "r", Rounds: []report.Round{{Figure: 1, Reference: 1}}, Mark: report.AtMost(1)}
	bad := &report.Row{Figure: "bad", Reference: "r", Rounds: []report.Round{{Figure: 2, Reference: 1}}, Mark: report.AtMost(1)}
	var stderr bytes.Buffer
	if code := verdict([]*report.Row{good}, &stderr); code != 0 || stderr.Len() != 0 {
		t.Errorf("exit %d, %q; want 0 and nothing", code, stderr.String())
	}
	if code := verdict([]*report.Row{good, bad}, &stderr); code != 1 || stderr.String() != "bench: misses its target: bad, compared with r\n" {
		t.Errorf("exit %d, %q", code, stderr.String())
	}
}
