package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// targets is a test file with a target that fails at once, after one that does not, and before another.
const targets = `package m

import (
	"os"
	"strconv"
	"testing"
)

func FuzzA(f *testing.F) { f.Fuzz(func(*testing.T, string) {}) }

func FuzzB(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		if s != "" {
			t.Error("planted")
		}
	})
}

func FuzzC(f *testing.F) { f.Fuzz(func(*testing.T, []byte) {}) }

func FuzzSeed(f *testing.F) {
	f.Add("planted")
	f.Fuzz(func(t *testing.T, s string) {
		if s == "planted" {
			t.Error(s)
		}
	})
}

func FuzzTell(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		if err := os.WriteFile("pid-"+strconv.Itoa(os.Getpid()), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzyMatch(string) {}

type x struct{}

func (x) FuzzMethod(f *testing.F) {}

func TestA(*testing.T) {}
`

// module makes a module with those targets in a package below its root.
func module(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26.0\n", "sub/a.go": "package m\n", "sub/a_test.go": targets,
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func fuzzed(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestFailsWhenATargetFails(t *testing.T) {
	t.Parallel()
	root := module(t)
	code, stdout, stderr := fuzzed(t, "--root", root, "--time", "1s")
	if code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	if !regexp.MustCompile(`\AFuzzA {5}sub +1 s +[1-9][\d,]* executions +[1-9][\d,]*/s +\d+ new inputs\nFuzzB {5}sub  FAILED\n\z`).MatchString(stdout) {
		t.Errorf("printed\n%swant FuzzA, FuzzB, and no further", stdout)
	}
	inputs, err := filepath.Glob(filepath.Join(root, "sub/testdata/fuzz/FuzzB/*"))
	if err != nil || len(inputs) != 1 {
		t.Fatalf("inputs %q, error %v, want one", inputs, err)
	}
	if !strings.Contains(stderr, "fuzz: FuzzB in sub: ") || !strings.Contains(stderr, "planted") ||
		!strings.Contains(stderr, "the input is "+inputs[0]+": ") {
		t.Errorf("nothing says what failed, or that the input is in %s:\n%s", inputs[0], stderr)
	}
}

func TestFailsWhenASeedFails(t *testing.T) {
	t.Parallel()
	code, _, stderr := fuzzed(t, "--root", module(t), "--time", "1s", "^FuzzSeed$")
	if code != exitFailure || !strings.Contains(stderr, "FuzzSeed/seed#0") {
		t.Errorf("exit code %d, want %d and the seed's name:\n%s", code, exitFailure, stderr)
	}
}

func TestFuzzesWhatMatches(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := fuzzed(t, "--root", module(t), "--time", "100ms", "[AC]$")
	if code != 0 || stderr != "" || strings.Count(stdout, "\n") != 2 || !strings.Contains(stdout, "\nFuzzC  sub ") {
		t.Errorf("exit code %d\n%s%swant FuzzA and FuzzC", code, stdout, stderr)
	}
}

func TestFailsWithoutATarget(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"FuzzyMatch", "FuzzMethod", "Test", "^A"} {
		code, stdout, stderr := fuzzed(t, "--root", module(t), pattern)
		if code != exitFailure || stdout != "" || !strings.Contains(stderr, "no fuzz target matches") {
			t.Errorf("%s: exit code %d\n%s%s", pattern, code, stdout, stderr)
		}
	}
}

func TestFailsWhereNothingBuilds(t *testing.T) {
	t.Parallel()
	root := module(t)
	if err := os.WriteFile(filepath.Join(root, "sub/b_test.go"), []byte("package m\n\nvar unknown = undefined\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := fuzzed(t, "--root", root, "--time", "1s", "^FuzzA$")
	if code != exitFailure || !strings.Contains(stderr, "undefined") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestInterruptEndsTheWorkers(t *testing.T) {
	t.Parallel()
	root := module(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout, stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"--root", root, "--time", "1h", "^FuzzTell$"}, &stdout, &stderr) }()
	await(t, "nothing is fuzzed", func() bool { return len(pids(t, root)) > 1 }) // go test's own, and a worker's
	interrupt()
	if code := <-ended; code != exitFailure || !strings.Contains(stderr.String(), "FuzzTell: context canceled") {
		t.Errorf("exit code %d, printed %q", code, &stderr)
	}
	for _, pid := range pids(t, root) {
		await(t, "a worker goes on", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	}
}

// pids are those of the processes that have fuzzed.
func pids(t *testing.T, root string) []int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "sub/pid-*"))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(file), "pid-"))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// await waits until something is so.
func await(t *testing.T, otherwise string, isSo func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	tooLate := time.After(2 * time.Minute)
	for !isSo() {
		select {
		case <-again.C:
		case <-tooLate:
			t.Fatal(otherwise)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want int
	}{
		{[]string{"--help"}, 0},
		{[]string{"--time", "soon"}, exitUsage},
		{[]string{"--time", "0s"}, exitUsage},
		{[]string{"--unknown"}, exitUsage},
		{[]string{"("}, exitUsage},
		{[]string{"FuzzA", "surplus"}, exitUsage},
	} {
		code, stdout, stderr := fuzzed(t, test.args...)
		text := stderr
		if test.want == 0 {
			text = stdout
		}
		if code != test.want || !strings.HasSuffix(text, usage) {
			t.Errorf("%q: exit code %d, want %d; printed %q and %q", test.args, code, test.want, stdout, stderr)
		}
	}
}

func TestEndedInTime(t *testing.T) {
	t.Parallel()
	const ended = "fuzz: elapsed: 3s, execs: 8 (0/sec), new interesting: 1 (total: 1)\n--- FAIL: FuzzA (3.02s)\n    context deadline exceeded\nFAIL\nexit status 1\n"
	for output, want := range map[string]bool{
		ended: true,
		ended + "    Failing input written to testdata/fuzz/FuzzA/0":                                                   false,
		"--- FAIL: FuzzA (3.02s)\n    --- FAIL: FuzzA (0.00s)\n        a_test.go:1: context deadline exceeded\nFAIL\n": false,
		"panic: context deadline exceeded\n":                                                                           false,
	} {
		if got := endedInTime([]byte(output)); got != want {
			t.Errorf("%q: ended in time: %t, want %t", output, got, want)
		}
	}
}
