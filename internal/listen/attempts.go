package listen

import (
	"context"
	"time"

	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/shared/retry"
)

// start has an event tried until it is accepted or ctx ends. The caller has taken one of l.held,
// which is given back then.
func (l *Listener) start(ctx context.Context, e *entry) {
	event := e.event
	l.underWay.Go(func() {
		defer func() { <-l.held }()
		l.events.end(e, l.try(ctx, event, e.first))
	})
}

// try makes attempts until one is accepted, which it reports, or ctx ends.
func (l *Listener) try(ctx context.Context, event *Event, reason string) bool {
	backoff := l.options.Backoff
	for number := 1; ; number++ {
		attempt, made := l.attempt(ctx, event, number, reason)
		if !made {
			return false
		}
		accepted := handler.Accepted(&attempt.Attempt)
		if !accepted && ctx.Err() == nil {
			asked := min(retry.After(attempt.Answer.Header, l.options.Now()), time.Minute)
			attempt.Retry = max(backoff, asked)
		}
		l.report(attempt)
		if accepted || attempt.Retry == 0 || !wait(ctx, attempt.Retry) {
			return accepted
		}
		reason = handler.Outcome(&attempt.Attempt)
		backoff = min(2*backoff, l.options.MaxBackoff)
	}
}

// attempt makes one attempt as soon as not too many others are under way, and reports whether it
// was made before ctx ended. Once it is begun it may go on for longer.
func (l *Listener) attempt(ctx context.Context, event *Event, number int, reason string) (_ *Attempt, made bool) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	defer func() { <-l.slots }()
	if ctx.Err() != nil {
		return nil, false
	}
	delivered := l.options.Deliver(l.attempts, numbered(event, max(number, 1)))
	delivered.Reason = reason
	return &Attempt{Event: event, Number: number, Attempt: delivered}, true
}

// ByHand is the reason for an attempt that Again makes.
const ByHand = "sent again by hand"

// Again hands over an event once more, whatever became of it before, and reports that as any other
// attempt. It returns when the attempt is over, or when ctx ends. It is for while the listener runs.
func (l *Listener) Again(ctx context.Context, event *Event) {
	if attempt, made := l.attempt(ctx, event, 0, ByHand); made {
		l.report(attempt)
	}
}
