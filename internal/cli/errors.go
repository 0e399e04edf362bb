package cli

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/doctor"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// Exit codes, after sysexits.h where it has one.
const (
	exitFailed      = 1
	exitUsage       = 64 // EX_USAGE
	exitNotFound    = 66 // EX_NOINPUT
	exitUnavailable = 69 // EX_UNAVAILABLE
	exitPermission  = 77 // EX_NOPERM
	exitSettings    = 78 // EX_CONFIG
	exitSignal      = 128
)

var (
	errNoCommand = errors.New("name a command")
	// errSaid ends a command whose failure is in what it has printed.
	errSaid = errors.New("failed")
)

// An Interruption is the cause of a context that a signal ended.
type Interruption struct{ Signal syscall.Signal }

func (i Interruption) Error() string { return i.Signal.String() }

// A usageError is a command line that will not do.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(text string) error { return &usageError{errors.New(text)} }

// advised is an error with what to do about it.
type advised struct {
	err    error
	advice string
}

func (a *advised) Error() string { return a.err.Error() }
func (a *advised) Unwrap() error { return a.err }

// advise adds advice to an error; nil stays nil.
func advise(err error, advice string) error {
	if err == nil {
		return nil
	}
	return &advised{err, advice}
}

// coded is an error with an exit code of its own.
type coded struct {
	error
	code int
}

func (c *coded) Unwrap() error { return c.error }

// report tells of an error and returns the exit code.
func (s *session) report(ctx context.Context, err error) int {
	code := exitCode(ctx, err)
	switch {
	case err == nil, errors.Is(err, errSaid):
	case errors.Is(err, errNoCommand): // the help says it
	case code > exitSignal:
		var given *advised
		if errors.As(err, &given) {
			s.console.Error(context.Cause(ctx), given.advice)
			return code
		}
		s.console.Error(context.Cause(ctx), "")
	default:
		s.console.Error(err, adviceOn(err))
	}
	return code
}

func exitCode(ctx context.Context, err error) int {
	var (
		own         *coded
		wrong       *usageError
		missing     *deployment.MissingError
		bad         *deployment.BadError
		interrupted Interruption
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &own):
		return own.code
	case ctx.Err() != nil && errors.As(context.Cause(ctx), &interrupted):
		return exitSignal + int(interrupted.Signal)
	case errors.As(err, &missing), errors.As(err, &bad), errors.Is(err, errNoKey), errors.Is(err, secretstore.ErrNotStorable),
		errors.Is(err, deliveries.ErrNotListed):
		return exitSettings
	case errors.Is(err, geminiapi.ErrNotFound), errors.Is(err, deliveries.ErrNotFound), errors.Is(err, errNoWebhook),
		errors.Is(err, fs.ErrNotExist):
		return exitNotFound
	case errors.Is(err, geminiapi.ErrPermission), errors.Is(err, secretstore.ErrNotPermitted):
		return exitPermission
	case errors.Is(err, geminiapi.ErrUnavailable), errors.Is(err, geminiapi.ErrRateLimited),
		errors.Is(err, context.DeadlineExceeded), doctor.OfNetwork(err):
		return exitUnavailable
	}
	switch status.Code(err) {
	case codes.NotFound:
		return exitNotFound
	case codes.PermissionDenied, codes.Unauthenticated:
		return exitPermission
	case codes.Unavailable, codes.DeadlineExceeded:
		return exitUnavailable
	}
	return exitFailed
}

// receiversLog is where deliveries are found but in the ledger.
const receiversLog = "the receiver's log, whose lines have webhook_id and tenant"

// adviceOn says what to do about an error, if that can be said in general.
func adviceOn(err error) string {
	var (
		given   *advised
		wrong   *usageError
		missing *deployment.MissingError
	)
	switch {
	case errors.As(err, &given):
		return given.advice
	case errors.As(err, &wrong):
		return "see gemhook --help"
	case errors.As(err, &missing):
		return missing.Advice()
	case errors.Is(err, errNoKey):
		return "put it into the environment without showing it: read -rs GEMINI_API_KEY && export GEMINI_API_KEY\n" +
			"or name a file that holds it: --api-key-file"
	case errors.Is(err, geminiapi.ErrPermission):
		return "check the API key: it must be one of the project that the webhook belongs to"
	case errors.Is(err, secretstore.ErrNotStorable):
		return "name a secret of Secret Manager (projects/P/secrets/S) or a file (file:PATH) in " + deployment.SigningSecrets.Variable()
	case errors.Is(err, deliveries.ErrNotListed):
		return deliveries.ListingAdvice + "\nwithout listing: gemhook deliveries get ID, gemhook replay ID; IDs are in " + receiversLog
	case strings.Contains(err.Error(), "could not find default credentials"):
		return "log in: gcloud auth application-default login"
	}
	switch status.Code(err) {
	case codes.PermissionDenied:
		return "have the role granted, or run this as an account that has it: gcloud auth application-default login"
	case codes.Unauthenticated:
		return "log in: gcloud auth application-default login"
	case codes.Unavailable, codes.DeadlineExceeded:
		return "check the network; where an emulator is meant, whether it runs there"
	}
	return ""
}
