//go:build unix

package cli_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gemhook/gemhook/internal/testkit/process"
)

// A running is the built program, running. Its standard output is a pipe.
type running struct {
	*exec.Cmd
	output *os.File // to read from
	stderr bytes.Buffer
}

// start starts the program with a fixture's environment.
func (w *fixture) start(program string, args ...string) *running {
	w.t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	r := &running{Cmd: exec.CommandContext(w.t.Context(), program, args...), output: reader}
	r.Env, r.Stdout, r.Stderr = process.Environ(w.env), writer, &r.stderr
	if err := r.Start(); err != nil {
		w.t.Fatal(err)
	}
	_ = writer.Close()
	w.t.Cleanup(func() { _ = reader.Close() })
	return r
}

// ends are the ways in which a terminal or a pipe asks a program to end, and the exit code of one
// that was not done.
var ends = map[string]struct {
	end  func(*running) error
	code int
}{
	"hung up":     {func(r *running) error { return r.Process.Signal(syscall.SIGHUP) }, 129},
	"terminated":  {func(r *running) error { return r.Process.Signal(syscall.SIGTERM) }, 143},
	"closed pipe": {func(r *running) error { return r.output.Close() }, 141},
}

// Whatever a command holds when its terminal or pipe is gone, nothing of it stays behind.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "gemhook")
	if err := process.Build(t.Context(), "../..", "./internal/cli/gemhook", program); err != nil {
		t.Fatal(err)
	}
	for name, test := range ends {
		t.Run("tail "+name, func(t *testing.T) {
			t.Parallel()
			w := newFixtureWithoutReceiver(t)
			tail := w.start(program, "tail")
			w.eventually("tail subscribes", func() bool { return len(w.subscriptions()) == 3 })
			if err := test.end(tail); err != nil {
				t.Fatal(err)
			}
			// An interrupt is how a tail ends, and no error, unless it came before tail followed
			// anything.
			if err := tail.Wait(); err != nil && tail.ProcessState.ExitCode() != test.code {
				t.Errorf("tail ends with %v: %s", err, tail.stderr.String())
			}
			w.wantNothingBehind()
		})
		t.Run("rotate "+name, func(t *testing.T) {
			t.Parallel()
			w := newFixtureWithoutReceiver(t)
			file := filepath.Join(t.TempDir(), "secrets")
			w.env["GEMHOOK_SIGNING_SECRETS"] = "file:" + file
			w.receiver = w.startReceiver(nil)
			w.env["GEMHOOK_URL"] = w.receiver
			w.run("webhooks", "create").want(0)
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w.awaitAccepted(strings.TrimSpace(string(old)))

			// The terminal is gone while Gemini makes the new secret, which only its answer has.
			asked, ended := make(chan struct{}), make(chan struct{})
			w.interceptGemini("rotateSigningSecret", func() { close(asked); <-ended })
			rotate := w.start(program, "webhooks", "rotate")
			<-asked
			if err := test.end(rotate); err != nil {
				t.Fatal(err)
			}
			close(ended)
			_ = rotate.Wait()
			code, said := rotate.ProcessState.ExitCode(), rotate.stderr.String()
			if code != test.code || !strings.Contains(said, "run it again: it continues where it was") {
				t.Errorf("rotate ends with %d, want %d and how to go on: %s", code, test.code, said)
			}
			var webhooks []struct{ ID string }
			w.run("webhooks", "list", "-o", "json").want(0).json(&webhooks)
			stored, err := os.ReadFile(file)
			if err != nil || strings.TrimSpace(string(stored)) != strings.Join(w.gemini.Secrets(webhooks[0].ID), " ") {
				t.Errorf("what is stored is not what Gemini signs with: %v", err)
			}
			w.wantNothingBehind()
			w.run("webhooks", "rotate").want(0, "a rotation is under way", "accepts the new secret")
		})
		t.Run("doctor "+name, func(t *testing.T) {
			t.Parallel()
			w := newFixtureWithoutReceiver(t)
			w.env["GEMHOOK_SIGNING_SECRETS"] = "file:" + filepath.Join(t.TempDir(), "secrets")
			w.receiver = w.startReceiver(nil)
			w.env["GEMHOOK_URL"] = w.receiver
			w.run("webhooks", "create").want(0)
			w.runWith(t.Context(), "no event", "send", "--body", "-").want(0, "dead_lettered")

			// The terminal is gone while Gemini is asked for a test delivery, which doctor has
			// subscribed for.
			asked, ended := make(chan struct{}), make(chan struct{})
			w.interceptGemini(":ping", func() { close(asked); <-ended })
			doctor := w.start(program, "doctor", "-o", "json")
			<-asked
			if err := test.end(doctor); err != nil {
				t.Fatal(err)
			}
			_ = doctor.Wait()
			close(ended)
			if code := doctor.ProcessState.ExitCode(); code != test.code {
				t.Errorf("doctor ends with %d: %s", code, doctor.stderr.String())
			}
			w.gemini.WaitForPings()
			w.wantNothingBehind()
		})
	}
}

// interceptGemini has a fixture's commands call Gemini through a server that calls before for each
// path that ends so.
func (w *fixture) interceptGemini(suffix string, before func()) {
	w.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if strings.HasSuffix(request.URL.Path, suffix) {
			before()
		}
		w.gemini.ServeHTTP(out, request)
	}))
	w.t.Cleanup(server.Close)
	w.env["GOOGLE_GEMINI_BASE_URL"] = server.URL
}

// wantNothingBehind fails the test if a subscription or a probe of a command is left.
func (w *fixture) wantNothingBehind() {
	w.t.Helper()
	if got := w.subscriptions(); len(got) != 2 {
		w.t.Errorf("subscriptions are left: %v", got)
	}
	all, err := w.documents.Collection("deliveries").Documents(w.t.Context()).GetAll()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, document := range all {
		if strings.HasPrefix(document.Ref.ID, "static!gemhook-probe-") {
			w.t.Errorf("a probe is left in the ledger: %s", document.Ref.ID)
		}
	}
}
