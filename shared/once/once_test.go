package once_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/once"
	"github.com/gemhook/gemhook/shared/topic"
)

var errAway = errors.New("away")

// A spy is a ledger and a publisher that answer as a test wants, and record when their calls ended.
type spy struct {
	once.Ledger
	publishErr error
	releaseErr error
	settleErrs []error // of one settle after another; then none
	released   bool
	settles    int
	deadline   time.Time // of the last call's context
}

func (s *spy) Publish(ctx context.Context, _ string, _ []byte, _ map[string]string) (string, error) {
	s.deadline, _ = ctx.Deadline()
	return "7", s.publishErr
}

func (s *spy) Release(ctx context.Context, _ *ledger.Claim) error {
	s.deadline, _ = ctx.Deadline()
	s.released = true
	return s.releaseErr
}

func (s *spy) Settle(context.Context, *ledger.Claim, string) error {
	s.settles++
	if s.settles <= len(s.settleErrs) {
		return s.settleErrs[s.settles-1]
	}
	return nil
}

// newClaim returns a claim that has just begun, with a lease.
func newClaim(t *testing.T, lease time.Duration) *ledger.Claim {
	t.Helper()
	l := ledger.New(memoryledger.New(), ledger.Options{Lease: lease, Retention: 48 * time.Hour, Now: time.Now})
	result, err := l.Claim(t.Context(), ledger.Message{Key: ledger.StaticKey("msg_1"), WebhookID: "msg_1", Topic: "events"})
	if err != nil {
		t.Fatal(err)
	}
	return result.Claim
}

// TestPublishDeadline wants a publish to end at the given time or before the lease does, whichever
// is earlier.
func TestPublishDeadline(t *testing.T) {
	for name, test := range map[string]struct{ lease, publishBy, want time.Duration }{
		"the step":  {time.Minute, 5 * time.Second, 5 * time.Second},
		"the lease": {20 * time.Second, time.Minute, 20*time.Second - ledger.MaxClockSkew - ledger.MaxTransit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, start := &spy{}, time.Now()
				outlet := once.Outlet{Ledger: s, Publisher: s, Now: time.Now}
				if id, err := outlet.Publish(t.Context(), newClaim(t, test.lease), start.Add(test.publishBy), start.Add(time.Hour)); id != "7" || err != nil {
					t.Errorf("Publish = %q, %v", id, err)
				}
				if got := s.deadline.Sub(start); got != test.want {
					t.Errorf("the publish may take %s, want %s", got, test.want)
				}
			})
		})
	}
}

// TestRelease wants a claim to be released only if surely nothing was published, and the error of
// the release to be told.
func TestRelease(t *testing.T) {
	surelyNot := fmt.Errorf("%w: %w", topic.ErrNotPublished, errAway)
	for name, test := range map[string]struct {
		err, releaseErr error
		released        bool
		want            string
	}{
		"perhaps published":    {errAway, nil, false, "topic unavailable: away"},
		"surely not published": {surelyNot, nil, true, "topic unavailable: surely not published: away"},
		"release fails":        {surelyNot, ledger.ErrLost, true, "topic unavailable: surely not published: away (and release: " + ledger.ErrLost.Error() + ")"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, start := &spy{publishErr: test.err, releaseErr: test.releaseErr}, time.Now()
				outlet := once.Outlet{Ledger: s, Publisher: s, Now: time.Now}
				_, err := outlet.Publish(t.Context(), newClaim(t, time.Minute), start.Add(time.Second), start.Add(3*time.Second))
				if !errors.Is(err, once.ErrTopicUnavailable) || !errors.Is(err, errAway) || err.Error() != test.want {
					t.Errorf("error %q, want %q", err, test.want)
				}
				if s.released != test.released {
					t.Errorf("released: %t, want %t", s.released, test.released)
				}
				if got := s.deadline.Sub(start); test.released && got != 3*time.Second {
					t.Errorf("the release may take %s, want 3s", got)
				}
			})
		})
	}
}

// TestSettle wants settle to be tried again until its time is over, and not at all once the claim
// is another's.
func TestSettle(t *testing.T) {
	for name, test := range map[string]struct {
		errs    []error
		want    error
		settles int
	}{
		"at once":        {nil, nil, 1},
		"the third time": {[]error{errAway, errAway}, nil, 3},
		"lost":           {[]error{ledger.ErrLost}, ledger.ErrLost, 1},
		// 50, 100, 200 and 400 ms after one another; the next would be after the second is over.
		"never": {[]error{errAway, errAway, errAway, errAway, errAway, errAway}, errAway, 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &spy{settleErrs: test.errs}
				outlet := once.Outlet{Ledger: s, Publisher: s, Now: time.Now}
				err := outlet.Settle(t.Context(), newClaim(t, time.Minute), "7", time.Now().Add(time.Second))
				if !errors.Is(err, test.want) {
					t.Errorf("Settle: %v, want %v", err, test.want)
				}
				if s.settles != test.settles {
					t.Errorf("%d settles, want %d", s.settles, test.settles)
				}
			})
		})
	}
}
