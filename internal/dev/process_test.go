package dev

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// command is the path of the built command line.
var command string

func TestMain(m *testing.M) {
	process.HeedSignals()
	folder, err := os.MkdirTemp("", "gemhook-dev-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	command = filepath.Join(folder, "gemhook")
	if err := process.Build(context.Background(), "../..", "./internal/cli/gemhook", command); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// A program is the program under test, running.
type program struct {
	*exec.Cmd
	folder string // of --dir
	temp   string // where it may make temporary files
	stdout io.ReadCloser
	lines  *bufio.Scanner // of its standard output
	stderr bytes.Buffer
}

// start runs gemhook dev with these programs and emulators on the PATH.
func start(t *testing.T, path string, args ...string) *program {
	t.Helper()
	// A program that hangs is killed and fails the test; the timeout of go test itself would leave
	// it running.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &program{folder: filepath.Join(t.TempDir(), ".gemhook"), temp: t.TempDir()}
	p.Cmd = exec.CommandContext(ctx, command, append([]string{"dev", "--port", "0", "--dir", p.folder}, args...)...)
	p.Env = append(os.Environ(), "PATH="+path, "TMPDIR="+p.temp, "JAVA_HOME=", "JAVA=", "FIRESTORE_EMULATOR_HOST=", "PUBSUB_EMULATOR_HOST=")
	p.Stderr = &p.stderr
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout, p.lines = stdout, bufio.NewScanner(stdout)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() }) // of a test that failed
	return p
}

// until returns the standard output up to the line that holds text.
func (p *program) until(t *testing.T, text string) string {
	t.Helper()
	var read strings.Builder
	for p.lines.Scan() {
		read.WriteString(p.lines.Text() + "\n")
		if strings.Contains(p.lines.Text(), text) {
			return read.String()
		}
	}
	t.Fatalf("no line with %q in\n%s%s", text, &read, &p.stderr)
	return ""
}

// end returns the rest of the standard output and the exit code.
func (p *program) end() (rest string, code int) {
	var read strings.Builder
	for p.lines.Scan() {
		read.WriteString(p.lines.Text() + "\n")
	}
	_ = p.Wait() // its error is the exit code
	return read.String(), p.ProcessState.ExitCode()
}

// With --once it ends by itself, and with --verbose it prints the functions' log.
func TestOnceEndsByItself(t *testing.T) {
	p := start(t, t.TempDir(), "--once", "--verbose")
	stdout, code := p.end()
	if code != 0 || !strings.Contains(stdout, "✓ everything as expected\n") || strings.Contains(stdout, "\x1b") {
		t.Errorf("code %d, stdout\n%s", code, stdout)
	}
	if got := strings.Count(p.stderr.String(), `"message":"delivery"`); got != 27 {
		t.Errorf("--verbose shows %d deliveries of the receiver's log, want 27", got)
	}
	wantNothingLeft(t, p)
}

// wantNothingLeft wants no file of settings, since nothing runs any more, and no temporary files.
func wantNothingLeft(t *testing.T, p *program) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(p.folder, "env")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the settings are still there: %v", err)
	}
	if left, err := os.ReadDir(p.temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// The run stays up, delivers on request, and stops everything when it is interrupted or when nobody
// reads any more what it prints.
func TestStaysUpUntilInterrupted(t *testing.T) {
	for _, test := range []struct {
		name     string
		path     string
		standIns bool
		end      func(*program) error
	}{
		{"stand-ins, interrupted", t.TempDir(), true, func(p *program) error { return p.Process.Signal(os.Interrupt) }},
		{"emulators, closed pipe", os.Getenv("PATH"), false, func(p *program) error { return p.stdout.Close() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, test.path)
			printed := p.until(t, "Messages that arrive from now on:")
			if standIns := strings.Contains(printed, "in-process stand-ins"); standIns && !test.standIns {
				testkit.LeaveOut(t, testkit.Emulators)
			}
			hosts := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(printed, -1)
			slices.Sort(hosts)
			hosts = slices.Compact(hosts)
			// The stand-in for Gemini, receiver, bucket, collect and inspector; and both emulators.
			// The stand-ins for these have no address to show.
			if want := 5; len(hosts) != want && (test.standIns || len(hosts) != want+2) {
				t.Errorf("addresses %v are printed", hosts)
			}

			again := regexp.MustCompile(`curl -X POST '(\S+)'`).FindStringSubmatch(printed)
			if again == nil {
				t.Fatal("there is no way to have another event delivered")
			}
			for _, scheme := range []string{"v1", "v1a", "jwt"} {
				response, err := http.Post(withQuery(t, again[1], "type", "video.generated", "scheme", scheme), "", nil)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if response.StatusCode != 200 || !strings.Contains(string(body), `"status":"published"`) {
					t.Errorf("%s: answer %d %s", scheme, response.StatusCode, body)
				}
				if line := p.until(t, "gemini-events, ce-id"); !strings.Contains(line, "video.generated") {
					t.Errorf("%s: printed %q", scheme, line)
				}
			}

			if err := test.end(p); err != nil {
				t.Fatal(err)
			}
			rest, code := p.end()
			if code != 0 || test.standIns && !strings.Contains(rest, "stopping …") || p.stderr.Len() > 0 {
				t.Errorf("code %d, stdout %q, stderr %q", code, rest, &p.stderr)
			}
			for _, host := range hosts {
				if still, err := net.Dial("tcp4", host); err == nil {
					still.Close()
					t.Errorf("something still listens on %s", host)
				}
			}
			wantNothingLeft(t, p)
		})
	}
}

func withQuery(t *testing.T, address string, pairs ...string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

// An interrupt while the emulators start ends them too, and so does the end of the terminal or of
// the program that reads.
func TestInterruptedStart(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE} {
		t.Run(signal.String(), func(t *testing.T) {
			root := t.TempDir()
			alive := filepath.Join(root, "alive")
			if err := syscall.Mkfifo(alive, 0o600); err != nil {
				t.Fatal(err)
			}
			// Emulators that never answer, and hold the pipe open for as long as they live.
			script := "#!/bin/sh\nexec >" + alive + "\necho up\n/bin/sleep 1000\n"
			for name, text := range map[string]string{
				"bin/gcloud": "#!/bin/sh\n",
				"bin/java":   "#!/bin/sh\n",
				"platform/cloud-firestore-emulator/cloud_firestore_emulator": script,
				"platform/pubsub-emulator/bin/cloud-pubsub-emulator":         script,
			} {
				file := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}

			p := start(t, filepath.Join(root, "bin"))
			pipe, err := os.Open(alive) // waits for the first of them
			if err != nil {
				t.Fatal(err)
			}
			defer pipe.Close()
			if _, err := io.ReadFull(pipe, make([]byte, len("up\nup\n"))); err != nil {
				t.Fatal(err)
			}
			if signal == syscall.SIGPIPE {
				err = p.stdout.Close() // nobody reads any more
			} else {
				err = p.Process.Signal(signal)
			}
			if err != nil {
				t.Fatal(err)
			}
			rest, code := p.end()
			if want := 128 + int(signal); code != want {
				t.Errorf("code %d, want %d; stdout %q, stderr %q", code, want, rest, &p.stderr)
			}
			if _, err := io.Copy(io.Discard, pipe); err != nil { // ends when both are gone
				t.Error(err)
			}
		})
	}
}

// scripts/run passes on the signal that ends it, and waits until everything that it started has
// ended.
func TestScriptLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(script *os.Process, output io.Closer) error
		code int
	}{
		"hung up":     {func(script *os.Process, _ io.Closer) error { return script.Signal(syscall.SIGHUP) }, 129},
		"terminated":  {func(script *os.Process, _ io.Closer) error { return script.Signal(syscall.SIGTERM) }, 143},
		"closed pipe": {func(_ *os.Process, output io.Closer) error { return output.Close() }, 141},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			script := exec.CommandContext(ctx, "../../scripts/run", "--port", "0", "--dir", filepath.Join(t.TempDir(), ".gemhook"))
			script.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			output, err := script.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := script.Start(); err != nil {
				t.Fatal(err)
			}
			group := -script.Process.Pid
			t.Cleanup(func() { _ = syscall.Kill(group, syscall.SIGKILL) }) // of a test that failed
			if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if err := test.end(script.Process, output); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, output) // until nobody writes any more
			_ = script.Wait()                  // its error is the code
			if code := script.ProcessState.ExitCode(); code != test.code {
				t.Errorf("the exit code is %d, want %d", code, test.code)
			}
			if err := syscall.Kill(group, 0); err != syscall.ESRCH {
				t.Errorf("something that the script started runs still: %v", err)
			}
		})
	}
}
