package retry_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/retry"
)

// Retry-After is read in seconds or as a date, bounded, and 0 where it makes no sense.
func TestAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"86401":                         retry.MaxAfter,
		"18446744073709551615":          retry.MaxAfter,
		"-1":                            0,
		"soon":                          0,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Sun, 01 Mar 2027 12:00:00 GMT": retry.MaxAfter,
	} {
		t.Run(value, func(t *testing.T) {
			if got := retry.After(http.Header{"Retry-After": {value}}, now); got != want {
				t.Errorf("After = %s, want %s", got, want)
			}
		})
	}
}

// The end of the context ends a wait.
func TestWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := retry.Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want %v", err, context.Canceled)
	}
}
