// Package cli is gemhook's command line: it registers the receiver with Gemini, rotates secrets,
// shows what came in, sends test deliveries, publishes again, and finds out why nothing arrives.
//
// Each command is a file with two parts: a function such as tailCommand, which describes the
// command and its flags to cobra and opens the clients that the command needs; and a small type
// such as tail, which has these clients and the flags' values as its fields and does the work. The
// work itself is mostly in the packages below this one.
//
// To add a command, write such a file and name its function in [newRoot]. It can use:
//
//   - session: the settings (package deployment), the clients (package clients), the console
//     (package console) and the clock of one run;
//   - package failure: exit codes, and advice on errors. An error that has a meaning of its own for
//     users gets a line there;
//   - docs/cli.md: the page for people, which must name every command.
//
// Results go to standard output, everything else to standard error.
package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"syscall"
	"time"

	"google.golang.org/api/option"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/retry"
)

// An Environment is what a command gets from outside. Where a field is zero, the process's own is
// used.
type Environment struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Setenv         func(name, value string) error
	Folder         string // where to look for the settings of gemhook dev; empty: nowhere
	HTTPClient     *http.Client
	SecretManager  []option.ClientOption // Secret Manager has no emulator, nor a variable that names one

	ResourceManager []option.ClientOption // nor has the Resource Manager, which preflight asks
	Now             func() time.Time
	Wait            func(context.Context, time.Duration) error
	Rand            io.Reader

	CallTimeout time.Duration // of one call of a backend; 0 is 20 seconds
	PingTimeout time.Duration // for a test delivery to come through; 0 is a minute
	Patience    time.Duration // for another message of a subscription; 0 is 3 seconds
}

func (e *Environment) setDefaults() {
	if e.Stdin == nil {
		e.Stdin = os.Stdin
	}
	if e.Stdout == nil {
		e.Stdout = os.Stdout
	}
	if e.Stderr == nil {
		e.Stderr = os.Stderr
	}
	if e.Getenv == nil {
		e.Getenv = os.Getenv
	}
	if e.Setenv == nil {
		e.Setenv = os.Setenv
	}
	if e.HTTPClient == nil {
		e.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Wait == nil {
		e.Wait = retry.Wait
	}
	if e.Rand == nil {
		e.Rand = rand.Reader
	}
	if e.CallTimeout == 0 {
		e.CallTimeout = 20 * time.Second
	}
	if e.PingTimeout == 0 {
		e.PingTimeout = time.Minute
	}
	if e.Patience == 0 {
		e.Patience = 3 * time.Second
	}
}

// Run runs one command and returns its exit code. When ctx ends, the command stops at the next
// point where stopping does no harm; the context's cause should then be a [failure.Interruption].
func Run(ctx context.Context, args []string, environment Environment) int {
	s := newSession(environment)
	defer s.close()
	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !s.started {
		err = failure.Usagef("%w", err)
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) && errors.Is(path, syscall.EPIPE) {
		// The reader has closed the pipe, and the write was faster than the signal.
		closed, cancel := context.WithCancelCause(ctx)
		cancel(failure.Interruption{Signal: syscall.SIGPIPE})
		ctx = closed
	}
	s.report(ctx, err)
	return failure.ExitCode(ctx, err)
}

// report shows an error with advice on it.
func (s *session) report(ctx context.Context, err error) {
	if err == nil || errors.Is(err, failure.ErrShown) {
		return
	}
	interruption, interrupted := failure.Interrupted(ctx)
	if !interrupted || failure.IsUsage(err) {
		s.console.Error(err, failure.Advice(err))
		return
	}
	advice, given := failure.OwnAdvice(err)
	if interruption.Signal == syscall.SIGPIPE && !given {
		return // the reader has closed the pipe
	}
	s.console.Error(interruption, advice)
}
