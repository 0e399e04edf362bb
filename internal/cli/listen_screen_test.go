//go:build unix

package cli_test

import (
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gemhook/gemhook/internal/testkit/process"
	"github.com/gemhook/gemhook/internal/testkit/terminal"
)

// onTerminal starts "listen" on a terminal of a kind, and returns when it follows the topic.
func (f *fixture) onTerminal(program, kind string, args ...string) (*terminal.Terminal, *exec.Cmd) {
	f.t.Helper()
	term := terminal.New(f.t, 100, 40)
	process.HeedSignals()
	listen := exec.CommandContext(f.t.Context(), program, append([]string{"listen"}, args...)...)
	listen.Env = process.Environ(f.env, "TERM="+kind, "LC_ALL=C.UTF-8")
	term.Run(listen)
	f.eventually("it subscribes", func() bool { return len(f.subscriptions()) == 3 })
	return term, listen
}

// screenOfListen looks at the screen, types, and ends it in every way.
func screenOfListen(t *testing.T, program string) {
	t.Parallel()
	t.Run("events and keys", func(t *testing.T) {
		t.Parallel()
		f := newFixtureWithoutReceiver(t)
		h := newLocalHandler(t)
		var status atomic.Int64
		status.Store(http.StatusServiceUnavailable)
		h.answer = func(out http.ResponseWriter, _ string, _ int) {
			out.Header().Set("X-Local", "a\u009b2Jb")
			out.WriteHeader(int(status.Load()))
			_, _ = out.Write([]byte("said \u202eegats"))
		}
		term, listen := f.onTerminal(program, "xterm", h.url)
		term.Await("topic events → "+h.url+"/ …", "no event has come yet", "q end")
		f.publish(events, map[string]string{"ce-id": "msg_1", "ce-type": "batch.failed"})
		term.Await("batch.failed  503 Service Unavailable", "msg_1", "event 1 of 1, 1 not handled")
		status.Store(http.StatusOK)
		term.Await("batch.failed  200 OK", "0 not handled")
		f.publish(events, map[string]string{"ce-id": "msg_\u009b2J", "ce-type": "batch.succeeded", "ce-redelivered": "true"})
		term.Await("batch.succeeded  200 OK  1         marked  msg_�2J", "event 2 of 2")
		status.Store(http.StatusAccepted)
		term.Type(terminal.Up + "r")
		term.Await("batch.failed     202 Accepted")
		term.Type(terminal.Enter)
		term.Await("batch.failed  msg_1", "ce-id: msg_1", "Data, 2 bytes", "Attempt 1", "  said �egats")
		term.Type("G")
		term.Await("Sent again by hand", "  X-Local: a�2Jb")
		term.Type("q")
		term.Await("event 1 of 2")
		term.Type("q")
		if err := listen.Wait(); err != nil {
			t.Errorf("it ends with %v", err)
		}
		term.WantRestored()
		if strings.ContainsAny(term.Written(), "\u009b\u202e") {
			t.Error("hostile text reaches the terminal")
		}
		f.wantNothingBehind()
	})
	for name, test := range map[string]struct {
		end  func(*terminal.Terminal, *exec.Cmd) error
		gone bool // is the terminal afterwards
	}{
		"Ctrl-C":          {func(term *terminal.Terminal, _ *exec.Cmd) error { term.Type(terminal.CtrlC); return nil }, false},
		"terminated":      {func(_ *terminal.Terminal, c *exec.Cmd) error { return c.Process.Signal(syscall.SIGTERM) }, false},
		"hung up":         {func(_ *terminal.Terminal, c *exec.Cmd) error { return c.Process.Signal(syscall.SIGHUP) }, false},
		"a closed window": {func(term *terminal.Terminal, _ *exec.Cmd) error { return term.HangUp() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithoutReceiver(t)
			term, listen := f.onTerminal(program, "xterm", "1") // where nothing listens
			f.publish(events, map[string]string{"ce-id": "msg_1"})
			term.Await("nothing listens at localhost:1", "msg_1")
			if err := test.end(term, listen); err != nil {
				t.Fatal(err)
			}
			_ = listen.Wait()
			if !test.gone {
				term.WantRestored()
				term.Await("not handled: 1 (msg_1)")
			}
			f.wantNothingBehind()
		})
	}
	t.Run("an error", func(t *testing.T) {
		t.Parallel()
		f := newFixtureWithoutReceiver(t)
		term := terminal.New(t, 100, 40)
		listen := exec.CommandContext(t.Context(), program, "listen", "1", "--topic", "no-such-topic")
		listen.Env = process.Environ(f.env, "TERM=xterm", "LC_ALL=C.UTF-8")
		term.Run(listen)
		_ = listen.Wait()
		term.WantRestored()
		term.Await("gemhook: subscribe to topic no-such-topic")
	})
	for name, test := range map[string]struct{ kind, flag string }{
		"--lines":   {"xterm", "--lines"},
		"--count":   {"xterm", "--count=1"},
		"TERM=dumb": {"dumb", "--parallel=1"},
	} {
		t.Run("lines by "+name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithoutReceiver(t)
			h := newLocalHandler(t)
			term, listen := f.onTerminal(program, test.kind, h.url, test.flag)
			f.publish(events, map[string]string{"ce-id": "msg_1", "ce-type": "batch.failed"})
			term.Await("batch.failed", "msg_1  200 OK")
			_ = listen.Process.Signal(syscall.SIGTERM)
			_ = listen.Wait()
			if strings.Contains(term.Written(), "\x1b[?1049h") {
				t.Error("it shows a screen")
			}
		})
	}
}
