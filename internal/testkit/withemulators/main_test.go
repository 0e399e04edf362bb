package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

// programVariable makes this test binary the program under test.
const programVariable = "WITHEMULATORS_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		os.Unsetenv(programVariable)
		main()
	}
	os.Exit(m.Run())
}

// program returns the program under test, to be run with args.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), programVariable+"=1")
	return cmd
}

// runProgram runs it to its end. Where the emulators are not installed, it skips the test.
func runProgram(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	skipUnlessInstalled(t, errs.String())
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func skipUnlessInstalled(t *testing.T, stderr string) {
	t.Helper()
	if strings.Contains(stderr, emulator.ErrNotInstalled.Error()) {
		testkit.LeaveOut(t, testkit.Emulators)
	}
}

// A wrong command line ends with the code for that and the usage.
func TestUsage(t *testing.T) {
	code, stdout, stderr := runProgram(t, program(t, "--help"))
	if code != 0 || stdout != usage || stderr != "" {
		t.Errorf("--help: code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	for _, args := range [][]string{{}, {"--"}, {"--unknown", "true"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			code, stdout, stderr := runProgram(t, program(t, args...))
			if code != exitUsage || stdout != "" || stderr != usage {
				t.Errorf("%q: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
			}
		})
	}
}

// The exit code is the command's, or says why it could not be run.
func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want int
	}{
		{"the command's", []string{"--", "/bin/sh", "-c", "exit 7"}, 7},
		{"the signal that killed it", []string{"/bin/sh", "-c", "kill -KILL $$"}, 128 + 9},
		{"check", []string{"--check"}, 0},
		{"no such command", []string{"--", "/no/such/command"}, exitNotFound},
		{"not a command", []string{"--", os.TempDir()}, exitCannotRun},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, _, stderr := runProgram(t, program(t, test.args...))
			if code != test.want {
				t.Errorf("exit code %d, want %d; stderr %q", code, test.want, stderr)
			}
		})
	}
}

// Where the emulators are not installed, one line says how to install them.
func TestNotInstalled(t *testing.T) {
	for _, args := range [][]string{{"/bin/sh", "-c", "exit 0"}, {"--check"}} {
		t.Run(args[0], func(t *testing.T) {
			cmd := program(t, args...)
			cmd.Env = append(cmd.Env, "PATH="+t.TempDir())
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			err := cmd.Run()
			if err == nil || cmd.ProcessState.ExitCode() != exitFailure {
				t.Errorf("got %v, want exit code %d", err, exitFailure)
			}
			got := stderr.String()
			if strings.Count(got, "\n") != 1 || strings.Count(got, emulator.ErrNotInstalled.Error()) != 1 {
				t.Errorf("stderr %q, want one line that says what to install", got)
			}
		})
	}
}

// The command finds both emulators, gets the signals, and they end with it.
func TestServesAndPassesSignalsOn(t *testing.T) {
	for _, test := range []struct {
		signal os.Signal
		want   int
	}{
		{syscall.SIGTERM, 8},
		{os.Interrupt, 9},
	} {
		t.Run(test.signal.String(), func(t *testing.T) {
			const command = `
				trap "exit 8" TERM
				trap "exit 9" INT
				echo "$FIRESTORE_EMULATOR_HOST"
				echo "$PUBSUB_EMULATOR_HOST"
				read line`
			cmd := program(t, "--", "/bin/sh", "-c", command)
			if _, err := cmd.StdinPipe(); err != nil { // the command reads it without end
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			var emulators []net.Conn
			for len(emulators) < 2 && lines.Scan() {
				conn, err := net.Dial("tcp4", lines.Text())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				emulators = append(emulators, conn)
			}
			if len(emulators) < 2 {
				cmd.Wait()
				skipUnlessInstalled(t, stderr.String())
				t.Fatalf("the command did not start: %s", &stderr)
			}

			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, stdout)
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != test.want {
				t.Errorf("exit code %d, want %d; stderr %q", got, test.want, &stderr)
			}
			for _, conn := range emulators {
				conn.SetReadDeadline(time.Now().Add(20 * time.Second))
				if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("an emulator still holds its connection open")
				}
			}
		})
	}
}
