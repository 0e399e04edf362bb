package receiver

import (
	"context"
	"time"
)

// By when each step of a delivery has ended, counted from its beginning. Each leaves two seconds or
// so to the next even if it takes all of its own time. Gemini wants an answer "within a few
// seconds" (its webhooks guide).
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

// A schedule has the deadlines of one delivery.
type schedule struct {
	start time.Time
	now   func() time.Time
}

func (r *Receiver) schedule() schedule {
	return schedule{start: r.options.Now(), now: r.options.Now}
}

// at returns the time at which a step must have ended.
func (s schedule) at(by time.Duration) time.Time { return s.start.Add(by) }

// until bounds a step.
func (s schedule) until(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.left(by))
}

// left returns how long a step has at most.
func (s schedule) left(by time.Duration) time.Duration { return s.at(by).Sub(s.now()) }
