package receiver

import (
	"context"
	"time"
)

// By when each step of a delivery has ended, counted from its beginning. Each leaves two seconds or
// so to the next even if it takes all of its own time. Gemini wants an answer "within a few seconds"
// (its webhooks guide).
const (
	readBy    = 3 * time.Second
	verifyBy  = 4500 * time.Millisecond
	claimBy   = 6500 * time.Millisecond
	publishBy = 8500 * time.Millisecond
	settleBy  = 9500 * time.Millisecond
)

// Deadline is how long a delivery can take at most. A lease has room for it beside the ledger's
// margins.
const Deadline = settleBy

// firstSettlePause is the pause after the first settle that fails. It doubles with each.
const firstSettlePause = 50 * time.Millisecond

// A schedule has the deadlines of one delivery.
type schedule struct {
	start time.Time
	now   func() time.Time
}

func (r *Receiver) schedule() schedule {
	return schedule{start: r.options.Now(), now: r.options.Now}
}

// left returns the time until a step must have ended.
func (s schedule) left(by time.Duration) time.Duration { return s.start.Add(by).Sub(s.now()) }

// until bounds a step.
func (s schedule) until(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.left(by))
}

// untilOr bounds a step that has another limit as well.
func (s schedule) untilOr(ctx context.Context, by, other time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, min(s.left(by), other))
}

// wait reports whether ctx lasted for so long.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
