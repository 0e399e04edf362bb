package standin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/shared/retry"
)

// ErrNotAcknowledged is the error of a delivery that was given up.
var ErrNotAcknowledged = errors.New("delivery not acknowledged")

// DeliverOptions are the options of Deliver. A nil *DeliverOptions is the zero DeliverOptions.
type DeliverOptions struct {
	// Sign signs each attempt, whose Time is then the current time. Nil sends the delivery as it is
	// each time; endpoints refuse it once its time is too old.
	Sign func(Delivery) (Delivery, error)

	// Observe, if set, is called after each attempt, from 1 on, with its answer or, if there was
	// none, the error.
	Observe func(attempt int, answer *Answer, err error)

	Attempts   int           // how often to send at most; 0 means 10, or any number where For is set
	For        time.Duration // no attempt starts longer than this after the first; 0 means without a bound
	Backoff    time.Duration // wait after the first failure, doubled after each further one; 0 means 1s
	MaxBackoff time.Duration // bound of the doubling; 0 means 1m

	// Now is the clock, for Sign, For, and a Retry-After that is a date; nil means time.Now.
	Now func() time.Time

	// Wait waits for a duration or until the context ends, whose error it then returns; nil means a
	// timer.
	Wait func(context.Context, time.Duration) error
}

// Deliver sends a delivery until it is acknowledged, as Gemini does: the ID stays the same, the
// wait grows exponentially, and an answer's Retry-After can make it longer. No answer is a failure
// like any other.
//
// It returns the last answer, if there was one, and with it an error unless that is an
// acknowledgement: ErrNotAcknowledged after the last attempt, the error of the context when that
// ends first, or the error of Sign.
func Deliver(ctx context.Context, client *http.Client, endpoint string, d Delivery, opts *DeliverOptions) (*Answer, error) {
	var o DeliverOptions
	if opts != nil {
		o = *opts
	}
	o.setDefaults()
	var last *Answer
	first, backoff := o.Now(), o.Backoff
	for attempt := 1; ; attempt++ {
		if o.Sign != nil {
			d.Time = o.Now()
			var err error
			if d, err = o.Sign(d); err != nil {
				return last, fmt.Errorf("deliver %q: %w", d.ID, err)
			}
		}
		answer, err := Send(ctx, client, endpoint, d)
		if o.Observe != nil {
			o.Observe(attempt, answer, err)
		}
		if answer != nil {
			last = answer
			if answer.Acknowledged() {
				return answer, nil
			}
		}
		if ctx.Err() != nil {
			return last, fmt.Errorf("deliver %q: %w", d.ID, ctx.Err())
		}
		wait := backoff
		if answer != nil {
			wait = max(wait, retry.After(answer.Header, o.Now()))
		}
		if attempt >= o.Attempts || o.For > 0 && o.Now().Add(wait).Sub(first) > o.For {
			return last, notAcknowledged(d.ID, attempt, answer, err)
		}
		if err := o.Wait(ctx, wait); err != nil {
			return last, fmt.Errorf("deliver %q: wait for attempt %d: %w", d.ID, attempt+1, err)
		}
		backoff = min(2*backoff, o.MaxBackoff)
	}
}

func (o *DeliverOptions) setDefaults() {
	if o.Attempts == 0 && o.For > 0 {
		o.Attempts = math.MaxInt
	}
	o.Attempts = cmp.Or(o.Attempts, 10)
	o.Backoff = cmp.Or(o.Backoff, time.Second)
	o.MaxBackoff = cmp.Or(o.MaxBackoff, time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = retry.Wait
	}
}

func notAcknowledged(id string, attempts int, answer *Answer, err error) error {
	if answer == nil {
		return fmt.Errorf("%w: attempt %d: %w", ErrNotAcknowledged, attempts, err)
	}
	return fmt.Errorf("%w: %q, attempt %d: status %d", ErrNotAcknowledged, id, attempts, answer.StatusCode)
}
