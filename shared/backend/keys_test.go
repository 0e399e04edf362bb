package backend

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An error says that keys are out of use, or only that they cannot be read now.
func TestIsRevoked(t *testing.T) {
	_, missing := os.ReadFile(t.TempDir() + "/missing")
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"no such version":          {status.Error(codes.NotFound, "no version"), true},
		"disabled or destroyed":    {status.Error(codes.FailedPrecondition, "is in DISABLED state"), true},
		"access taken away":        {status.Error(codes.PermissionDenied, "denied"), true},
		"file is gone":             {missing, true},
		"no key left":              {errors.Join(errNoKeys, errors.New("entry 1 is malformed")), true},
		"cannot be reached":        {status.Error(codes.Unavailable, "connection refused"), false},
		"took too long":            {status.Error(codes.DeadlineExceeded, "too long"), false},
		"no credentials right now": {errors.New("find credentials"), false},
		"credentials file is gone": {fmt.Errorf("%w: %w", errNotOpened, missing), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isRevoked(fmt.Errorf("read GEMHOOK_SIGNING_SECRETS: %w", test.err)); got != test.want {
				t.Errorf("isRevoked = %t, want %t", got, test.want)
			}
		})
	}
}
