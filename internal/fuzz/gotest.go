package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// result is what came of fuzzing a target that did not fail.
type result struct {
	took       time.Duration // without building
	executions int
	found      int // inputs that reach code which no other does
}

// String is the part of a target's line that is about the result, in columns.
func (r result) String() string {
	perSecond := int(float64(r.executions) / max(r.took.Seconds(), 1))
	return fmt.Sprintf("%5.0f s %12s executions %9s/s %6s new inputs",
		r.took.Seconds(), grouped(r.executions), grouped(perSecond), grouped(r.found))
}

// grouped writes a number with a comma after each three digits.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// fuzz runs a target for so long. Its error says what failed and where the input is.
func (t target) fuzz(ctx context.Context, root string, each time.Duration) (result, error) {
	command := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(),
		// Left to itself, go test spends a short run on making inputs shorter.
		"-fuzzminimizetime", "64x", "./"+filepath.ToSlash(t.folder))
	command.Dir = root
	// Whoever interrupts this program ends the test and its workers too, which go test alone would leave.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGINT) }
	command.WaitDelay = 10 * time.Second
	output, err := command.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return result{}, fmt.Errorf("%s: %w", t.name, ctx.Err())
	case err != nil && !endedInTime(output):
		return result{}, fmt.Errorf("%s in %s: %w\n%s%s", t.name, t.folder, err, output, t.where(root, output))
	}
	return read(output), nil
}

var deadline = regexp.MustCompile(`(?m)^--- FAIL: \w+ \([\d.]+s\)\n    context deadline exceeded\nFAIL$`)

// endedInTime tells whether go test failed only because its time was over (go.dev/issue/75804, cured in Go 1.27).
func endedInTime(output []byte) bool {
	return deadline.Match(output) && !written.Match(output)
}

var written = regexp.MustCompile(`(?m)^ +Failing input written to (\S+)$`)

// where names the file of the input that failed. There is none if it was a seed, which go test names itself.
func (t target) where(root string, output []byte) string {
	found := written.FindSubmatch(output)
	if found == nil {
		return ""
	}
	path := filepath.Join(root, t.folder, string(found[1]))
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(relative) {
			path = relative
		}
	}
	return fmt.Sprintf("the input is %s: commit it once it is mended\n", path)
}

var progress = regexp.MustCompile(`fuzz: elapsed: (\S+), execs: (\d+) .*new interesting: (\d+) `)

// read finds the last line of progress.
func read(output []byte) result {
	var r result
	for line := range bytes.Lines(output) {
		if found := progress.FindSubmatch(line); found != nil {
			r.took, _ = time.ParseDuration(string(found[1])) // the expression takes nothing else
			r.executions, _ = strconv.Atoi(string(found[2]))
			r.found, _ = strconv.Atoi(string(found[3]))
		}
	}
	return r
}
