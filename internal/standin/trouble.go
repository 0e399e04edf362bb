package standin

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrDropped is the error of a delivery that was never sent, as DropDeliveries asks for.
var ErrDropped = errors.New("delivery dropped")

// A Share chooses a share of what it is asked about, spread evenly: every tenth for 0.1. The zero
// Share chooses nothing. It is not safe for concurrent use.
type Share struct {
	Of float64 // from 0 to 1

	asked int
}

// Next reports whether the next one is chosen.
func (s *Share) Next() bool {
	due := func() int { return int(float64(s.asked)*s.Of + 1e-9) } // 10 × 0.1 may be a little below 1
	before := due()
	s.asked++
	return due() > before
}

// A Drop says which deliveries are never sent, as if Gemini had lost them.
type Drop struct {
	Share       float64   // of the deliveries, from 0 to 1; spread evenly
	From, Until time.Time // of the events; zero: without a bound
}

// DropDeliveries drops deliveries of registered webhooks from the next event on. The zero Drop ends
// that.
func (s *Server) DropDeliveries(d Drop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop, s.toDrop = d, Share{Of: d.Share}
}

// dropped reports whether the next delivery is to be dropped. The lock is held.
func (s *Server) dropped() bool {
	now := s.opts.Now()
	if !s.drop.From.IsZero() && now.Before(s.drop.From) || !s.drop.Until.IsZero() && !now.Before(s.drop.Until) {
		return false
	}
	return s.toDrop.Next()
}

// Disable disables a webhook as if too many of its deliveries had failed. One that is not enabled
// stays as it is.
func (s *Server) Disable(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, err := s.find(id); err == nil && w.state == StateEnabled {
		w.state, w.updated, w.failures = StateDisabledDueToFailedDeliveries, s.opts.Now(), 0
	}
}

// attempted counts the failures in a row of a webhook, and disables it after as many as
// ServerOptions.DisableAfter.
func (s *Server) attempted(id string, acknowledged bool) {
	s.mu.Lock()
	w, err := s.find(id)
	tooMany := false
	if err == nil {
		if w.failures++; acknowledged {
			w.failures = 0
		}
		tooMany = s.opts.DisableAfter > 0 && w.failures >= s.opts.DisableAfter
	}
	s.mu.Unlock()
	if tooMany {
		s.Disable(id)
	}
}

// AddEmptyPages has the list of batches begin with n empty pages, as Gemini's can.
func (s *Server) AddEmptyPages(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs.emptyPages = n
}

// A Clock stands still until Advance moves it. ServerOptions can take its methods, which are safe
// for concurrent use.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	waiting map[chan struct{}]time.Time // when each wait is over
}

// NewClock returns a clock that stands at a time.
func NewClock(now time.Time) *Clock {
	return &Clock{now: now, waiting: map[chan struct{}]time.Time{}}
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Wait waits until the clock has moved by d, or until the context ends, whose error it then
// returns.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	over := make(chan struct{})
	c.mu.Lock()
	c.waiting[over] = c.now.Add(d)
	c.mu.Unlock()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, over)
		return ctx.Err()
	}
}

// Advance moves the clock, and ends the waits that are over by then.
func (c *Clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
	for over, at := range c.waiting {
		if !at.After(c.now) {
			close(over)
			delete(c.waiting, over)
		}
	}
}

// Waiting returns how many calls of Wait have not returned yet.
func (c *Clock) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}
