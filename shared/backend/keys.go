package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/fresh"
	"github.com/gemhook/gemhook/shared/secret"
)

// secretsFreshness says how long keys are kept, and how often they are read again. A load must end
// well before a delivery's time for verification does. Where Secret Manager cannot be reached, the
// last good keys serve for an hour.
var secretsFreshness = fresh.Options{
	MaxAge: 5 * time.Minute, MaxStale: time.Hour, Definite: isRevoked,
	RefreshInterval: 10 * time.Second, RetryInterval: time.Second, Timeout: 2 * time.Second,
}

// A Keys is where a kind of keys is and how its text is read.
type Keys[T any] struct {
	Variable string // that says where they are
	Ref      secret.Ref
	What     string // in the log, such as "signing secrets"

	// Parse reads the text. Where it returns an error, the value has the entries that are not
	// malformed, and none if IsEmpty reports so.
	Parse   func(text string) (T, error)
	IsEmpty func(T) bool
}

// At returns the keys with where they are.
func (k Keys[T]) At(ref secret.Ref) Keys[T] {
	k.Ref = ref
	return k
}

// Check returns the check of their text, for config.Load.
func (k Keys[T]) Check() config.TextCheck { return config.Parses(k.Variable, k.Parse) }

// OpenKeys returns keys that are read when they are needed, and again as they grow old. Entries
// that are malformed are logged as an error and left out.
func OpenKeys[T any](b *Backend, keys Keys[T]) *fresh.Value[T] {
	freshness := b.Freshness(secretsFreshness, keys.What)
	freshness.RefreshInterval = cmp.Or(b.options.KeyRefresh, freshness.RefreshInterval)
	return fresh.New(func(ctx context.Context) (*T, error) { return readKeys(ctx, b, keys) }, freshness)
}

func readKeys[T any](ctx context.Context, b *Backend, keys Keys[T]) (*T, error) {
	if keys.Ref.IsZero() {
		return nil, fmt.Errorf("%s is not set", keys.Variable)
	}
	text, err := keys.Ref.Read(ctx, b.secretManager.Get)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", keys.Variable, err)
	}
	parsed, err := keys.Parse(text.Reveal())
	if keys.IsEmpty(parsed) {
		return nil, errors.Join(fmt.Errorf("read %s: %w", keys.Variable, errNoKeys), err)
	}
	if err != nil {
		b.log.Error("some "+keys.What+" are malformed and not in use", slog.String("error", err.Error()))
	}
	return &parsed, nil
}

// Freshness returns the options with the backend's clock, and with a warning in the log for each
// load that fails. what names the value in the log.
func (b *Backend) Freshness(options fresh.Options, what string) fresh.Options {
	options.Now = b.options.Now
	options.OnError = func(err error) {
		b.log.Warn("reading the "+what, slog.String("error", err.Error()))
	}
	return options
}

// errNotOpened is in the error of a client that cannot be opened. It says nothing about what is
// there: a missing file can be that of the credentials.
var errNotOpened = errors.New("not opened")

// errNoKeys is in the error of a text that was read and holds no key.
var errNoKeys = errors.New("there is no key in it")

// isRevoked reports whether the error of reading keys says that those read before are out of use:
// the version is disabled or destroyed, the access was taken away, the file is gone, or no key is
// left.
func isRevoked(err error) bool {
	if errors.Is(err, errNotOpened) {
		return false
	}
	switch grpcStatus(err) {
	case codes.NotFound, codes.PermissionDenied, codes.FailedPrecondition:
		return true
	}
	return errors.Is(err, errNoKeys) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// grpcStatus returns the code of the gRPC status in an error, OK if there is none.
func grpcStatus(err error) codes.Code {
	if carrier := (interface{ GRPCStatus() *status.Status })(nil); errors.As(err, &carrier) {
		return carrier.GRPCStatus().Code()
	}
	return codes.OK
}
