package failure_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/clients"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// Each kind of error has an exit code, and advice where a person can do something.
func TestExitCodeAndAdvice(t *testing.T) {
	t.Parallel()
	interrupted, stop := context.WithCancelCause(context.Background())
	stop(failure.Interruption{Signal: syscall.SIGTERM})
	for _, test := range []struct {
		name   string
		ctx    context.Context
		err    error
		want   int
		advice string // part of it; empty for none
	}{
		{"success", t.Context(), nil, 0, ""},
		{"anything", t.Context(), errors.New("anything"), 1, ""},
		{"shown", t.Context(), failure.ErrShown, 1, ""},
		{"command line", t.Context(), failure.Usagef("wrong"), 64, "--help"},
		{"advised", t.Context(), failure.Advise(geminiapi.ErrNotFound, "look elsewhere"), 66, "look elsewhere"},
		{"coded", t.Context(), fmt.Errorf("wrapped: %w", failure.WithCode(errors.New("x"), 66)), 66, ""},
		{"not found", t.Context(), status.Error(codes.NotFound, ""), 66, ""},
		{"unavailable", t.Context(), fmt.Errorf("list: %w", status.Error(codes.Unavailable, "")), 69, "network"},
		{"deadline", t.Context(), context.DeadlineExceeded, 69, "network"},
		{"connection", t.Context(), &net.OpError{Err: errors.New("refused")}, 69, "URL"},
		{"Gemini is down", t.Context(), &geminiapi.Error{HTTPStatus: 503}, 69, ""},
		{"Gemini refuses the key", t.Context(), &geminiapi.Error{HTTPStatus: 403}, 77, "API key"},
		{"not permitted", t.Context(), status.Error(codes.PermissionDenied, ""), 77, "role"},
		{"not authenticated", t.Context(), status.Error(codes.Unauthenticated, ""), 77, "gcloud auth"},
		{"no credentials", t.Context(), fmt.Errorf("open Pub/Sub: %w: %w", clients.ErrCredentials, fs.ErrNotExist), 77, "gcloud auth"},
		{"no setting", t.Context(), &deployment.MissingError{}, 78, "GOOGLE_CLOUD_PROJECT"},
		{"no API key", t.Context(), deployment.ErrNoAPIKey, 78, "GEMINI_API_KEY"},
		{"bad API key", t.Context(), deployment.ErrBadAPIKey, 78, "without quotes"},
		{"one emulator", t.Context(), deployment.ErrOneEmulator, 78, "unset both"},
		{"emulator away", t.Context(), fmt.Errorf("open: %w", deployment.ErrEmulatorAway), 69, "start the emulators"},
		{"emulator's address", t.Context(), deployment.ErrBadEmulator, 78, "without http://"},
		{"file of another user", t.Context(), fmt.Errorf("read secret file: %w", fs.ErrPermission), 77, "may read the file"},
		{"not permitted to write", t.Context(), secretstore.ErrNotPermitted, 77, "secretVersionManager"},
		{"bad variable", t.Context(), &deployment.BadError{From: "GEMHOOK_URL"}, 78, "correct GEMHOOK_URL"},
		{"bad flag", t.Context(), &deployment.BadError{From: "--url"}, 64, "correct --url"},
		{"the receiver lacks a grant", t.Context(), &probe.UnexpectedError{StatusCode: 503, Code: "keys_unavailable"}, 1, "secretAccessor"},
		{"interrupted", interrupted, status.Error(codes.Canceled, ""), 143, ""},
		{"interrupted, but wrong anyway", interrupted, failure.Usagef("wrong"), 64, "--help"},
		{"interrupted after the end", interrupted, nil, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := failure.ExitCode(test.ctx, test.err); got != test.want {
				t.Errorf("the exit code of %v is %d, want %d", test.err, got, test.want)
			}
			if test.err == nil {
				return
			}
			if got := failure.Advice(test.err); !strings.Contains(got, test.advice) || (got == "") != (test.advice == "") {
				t.Errorf("the advice on %v is %q, want %q", test.err, got, test.advice)
			}
		})
	}
}
