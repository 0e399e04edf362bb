// Package retry has what every retry needs: waiting, and reading how long a server asks to wait.
package retry

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// MaxAfter is the longest that [After] returns: a day.
const MaxAfter = 24 * time.Hour

// After returns how long an answer asks to wait by its header Retry-After, in either form of RFC
// 9110: 0 if it does not ask, or for a time that has passed, and MaxAfter at most.
func After(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(MaxAfter/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), 0), MaxAfter)
	}
	return 0
}

// Wait waits for a duration, or until ctx ends, whose error it then returns.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
