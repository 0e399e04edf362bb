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
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/process"
	"github.com/gemhook/gemhook/internal/testkit/proxy"
)

// running is the built program while it runs. Its standard output is a pipe.
type running struct {
	*exec.Cmd
	output *os.File // to read from
	stderr bytes.Buffer
}

// start starts the program with a fixture's environment.
func (f *fixture) start(program string, args ...string) *running {
	f.t.Helper()
	process.HeedSignals()
	reader, writer, err := os.Pipe()
	if err != nil {
		f.t.Fatal(err)
	}
	r := &running{Cmd: exec.CommandContext(f.t.Context(), program, args...), output: reader}
	r.Env, r.Stdout, r.Stderr = process.Environ(f.env), writer, &r.stderr
	if err := r.Start(); err != nil {
		f.t.Fatal(err)
	}
	_ = writer.Close()
	f.t.Cleanup(func() { _ = reader.Close() })
	return r
}

// ends are the ways in which a terminal or a pipe asks a program to end, each with the exit code of
// a program that it interrupts.
var ends = map[string]struct {
	end  func(*running) error
	code int
}{
	"hung up":     {func(r *running) error { return r.Process.Signal(syscall.SIGHUP) }, 129},
	"terminated":  {func(r *running) error { return r.Process.Signal(syscall.SIGTERM) }, 143},
	"closed pipe": {func(r *running) error { return r.output.Close() }, 141},
}

// When its terminal or pipe is closed, a command leaves nothing behind.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "gemhook")
	if err := process.Build(t.Context(), "../..", "./internal/cli/gemhook", program); err != nil {
		t.Fatal(err)
	}
	t.Run("tail, while it subscribes", func(t *testing.T) {
		t.Parallel()
		f := newFixtureWithoutReceiver(t)
		// Pub/Sub has made the subscription, and its answer is on the way.
		late, err := proxy.New(testkit.PubSubHost(t), &proxy.Options{Choose: func(method string) *proxy.Fault {
			if !strings.HasSuffix(method, "/CreateSubscription") {
				return nil
			}
			return &proxy.Fault{Kind: proxy.Delay, Moment: proxy.AfterServer, Delay: time.Second}
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(late.Close)
		f.env["PUBSUB_EMULATOR_HOST"] = late.Address()
		tail := f.start(program, "tail")
		f.eventually("tail subscribes", func() bool { return len(f.subscriptions()) == 3 })
		if err := tail.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_ = tail.Wait()
		f.wantNothingBehind()
	})
	t.Run("create, its result unread", func(t *testing.T) {
		t.Parallel()
		f := newFixtureWithoutReceiver(t)
		file := filepath.Join(t.TempDir(), "secrets")
		f.env["GEMHOOK_SIGNING_SECRETS"], f.env["GEMHOOK_URL"] = "file:"+file, "http://127.0.0.1:1"
		asked, ended := make(chan struct{}), make(chan struct{})
		f.interceptGemini(http.MethodPost, "/webhooks", func() { close(asked); <-ended })
		create := f.start(program, "webhooks", "create")
		<-asked
		if err := create.output.Close(); err != nil {
			t.Fatal(err)
		}
		close(ended)
		_ = create.Wait()
		// A program that does not expect a closed pipe is killed when it writes.
		if code := create.ProcessState.ExitCode(); code != 141 {
			t.Errorf("create ends with %v, want 141: %s", create.ProcessState, create.stderr.String())
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("the secret is not stored: %v", err)
		}
	})
	t.Run("listen", func(t *testing.T) { endListeners(t, program) })
	t.Run("listen that is stopped", func(t *testing.T) { stopListener(t, program) })
	t.Run("listen on a terminal", func(t *testing.T) { screenOfListen(t, program) })
	for name, test := range ends {
		t.Run("tail "+name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithoutReceiver(t)
			tail := f.start(program, "tail")
			f.eventually("tail subscribes", func() bool { return len(f.subscriptions()) == 3 })
			if err := test.end(tail); err != nil {
				t.Fatal(err)
			}
			// An interrupt ends a tail without an error, unless it comes before tail follows
			// anything.
			if err := tail.Wait(); err != nil && tail.ProcessState.ExitCode() != test.code {
				t.Errorf("tail ends with %v: %s", err, tail.stderr.String())
			}
			f.wantNothingBehind()
		})
		t.Run("rotate "+name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithoutReceiver(t)
			file := filepath.Join(t.TempDir(), "secrets")
			f.env["GEMHOOK_SIGNING_SECRETS"] = "file:" + file
			f.receiver = f.startReceiver(nil)
			f.env["GEMHOOK_URL"] = f.receiver
			f.run("webhooks", "create").want(0)
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f.awaitAccepted(strings.TrimSpace(string(old)))

			// The terminal is gone while Gemini makes the new secret, which only its answer has.
			asked, ended := make(chan struct{}), make(chan struct{})
			f.interceptGemini(http.MethodPost, "rotateSigningSecret", func() { close(asked); <-ended })
			rotate := f.start(program, "webhooks", "rotate")
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
			f.run("webhooks", "list", "-o", "json").want(0).json(&webhooks)
			stored, err := os.ReadFile(file)
			if err != nil || strings.TrimSpace(string(stored)) != strings.Join(f.gemini.Secrets(webhooks[0].ID), " ") {
				t.Errorf("what is stored is not what Gemini signs with: %v", err)
			}
			f.wantNothingBehind()
			f.run("webhooks", "rotate").want(0, "a rotation is under way", "accepts the new secret")
		})
		t.Run("doctor "+name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithoutReceiver(t)
			f.env["GEMHOOK_SIGNING_SECRETS"] = "file:" + filepath.Join(t.TempDir(), "secrets")
			f.receiver = f.startReceiver(nil)
			f.env["GEMHOOK_URL"] = f.receiver
			f.run("webhooks", "create").want(0)
			f.runWith(t.Context(), "no event", "send", "--body", "-").want(0, "dead_lettered")

			// The terminal is gone while Gemini is asked for a test delivery, which doctor has
			// subscribed for.
			asked, ended := make(chan struct{}), make(chan struct{})
			f.interceptGemini(http.MethodPost, ":ping", func() { close(asked); <-ended })
			doctor := f.start(program, "doctor", "-o", "json")
			<-asked
			if err := test.end(doctor); err != nil {
				t.Fatal(err)
			}
			_ = doctor.Wait()
			close(ended)
			if code := doctor.ProcessState.ExitCode(); code != test.code {
				t.Errorf("doctor ends with %d: %s", code, doctor.stderr.String())
			}
			f.gemini.WaitForPings()
			f.wantNothingBehind()
		})
	}
}

// interceptGemini puts a server before a fixture's Gemini, which calls before on each request of
// the method whose path has the suffix.
func (f *fixture) interceptGemini(method, suffix string, before func()) {
	f.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if request.Method == method && strings.HasSuffix(request.URL.Path, suffix) {
			before()
		}
		f.gemini.ServeHTTP(out, request)
	}))
	f.t.Cleanup(server.Close)
	f.env["GOOGLE_GEMINI_BASE_URL"] = server.URL
}

// wantNothingBehind fails the test if a subscription or a probe of a command is left.
func (f *fixture) wantNothingBehind() {
	f.t.Helper()
	if got := f.subscriptions(); len(got) != 2 {
		f.t.Errorf("subscriptions are left: %v", got)
	}
	all, err := f.documents.Collection("deliveries").Documents(f.t.Context()).GetAll()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, document := range all {
		if strings.HasPrefix(document.Ref.ID, "static!gemhook-probe-") {
			f.t.Errorf("a probe is left in the ledger: %s", document.Ref.ID)
		}
	}
}
