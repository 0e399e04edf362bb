package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"
	"unsafe"

	"github.com/gemhook/gemhook/internal/ledgertest"
	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/shared/ledger"
)

// TestProtocol has the rules of the protocol, over the store in memory.
func TestProtocol(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(*testing.T) ledger.Store { return memoryledger.New() })
}

// failing is a store one of whose steps fails.
type failing struct {
	ledger.Store
	create, read, replace, finish error
}

func (f *failing) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	if f.create != nil {
		return ledger.Version{}, f.create
	}
	return f.Store.Create(ctx, key, document)
}

func (f *failing) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	if f.read != nil {
		return nil, ledger.Version{}, f.read
	}
	return f.Store.Read(ctx, key)
}

func (f *failing) Replace(ctx context.Context, key ledger.Key, version ledger.Version, document *ledger.Document) (ledger.Version, error) {
	if f.replace != nil {
		return ledger.Version{}, f.replace
	}
	return f.Store.Replace(ctx, key, version, document)
}

func (f *failing) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	if f.finish != nil {
		return f.finish
	}
	return f.Store.Finish(ctx, key, version, outcome)
}

// TestStoreErrors wants a caller to see what the store said, and not to take it for a word on the
// delivery.
func TestStoreErrors(t *testing.T) {
	t.Parallel()
	away := errors.New("the store is away")
	claimAgain := func(l *ledger.Ledger, _ *ledger.Claim) error {
		_, err := l.Claim(t.Context(), ledger.Message{Key: "static!msg_1"})
		return err
	}
	for name, test := range map[string]struct {
		breakIt func(*failing)
		step    func(*ledger.Ledger, *ledger.Claim) error
	}{
		"create":  {func(f *failing) { f.create = away }, claimAgain},
		"read":    {func(f *failing) { f.read = away }, claimAgain},
		"replace": {func(f *failing) { f.replace = away }, claimAgain},
		"resume": {func(f *failing) { f.read = away }, func(l *ledger.Ledger, _ *ledger.Claim) error {
			_, err := l.Resume(t.Context(), "static!msg_1")
			return err
		}},
		"settle": {func(f *failing) { f.finish = away }, func(l *ledger.Ledger, claim *ledger.Claim) error {
			return l.Settle(t.Context(), claim, "m-1")
		}},
		"release": {func(f *failing) { f.finish = away }, func(l *ledger.Ledger, claim *ledger.Claim) error {
			return l.Release(t.Context(), claim)
		}},
	} {
		store := &failing{Store: memoryledger.New()}
		now := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
		l := ledger.New(store, ledger.Options{Lease: time.Minute, Retention: time.Hour, Now: func() time.Time { return now }})
		result, err := l.Claim(t.Context(), ledger.Message{Key: "static!msg_1"})
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
		test.breakIt(store)
		err = test.step(l, result.Claim)
		if !errors.Is(err, away) || errors.Is(err, ledger.ErrLost) {
			t.Errorf("%s: error %v, want the store's", name, err)
		}
		if err != nil && err.Error() == away.Error() {
			t.Errorf("%s: error %v does not say what was being done", name, err)
		}
	}
}

// TestSystemClock is about the clock of a ledger that is given none.
func TestSystemClock(t *testing.T) {
	t.Parallel()
	l := ledger.New(memoryledger.New(), ledger.Options{Lease: time.Minute, Retention: time.Hour})
	before := time.Now()
	result, err := l.Claim(t.Context(), ledger.Message{Key: "static!msg_1"})
	if err != nil {
		t.Fatal(err)
	}
	earliest, latest := before.Add(50*time.Second), time.Now().Add(50*time.Second)
	if result.Claim.PublishBy.Before(earliest) || result.Claim.PublishBy.After(latest) {
		t.Errorf("publish by %v, want between %v and %v", result.Claim.PublishBy, earliest, latest)
	}
}

// TestTimeLeft has the two clocks of a claimant disagree: its machine was suspended, or its wall
// clock was set back.
func TestTimeLeft(t *testing.T) {
	t.Parallel()
	claim := &ledger.Claim{PublishBy: time.Now().Add(time.Minute)}
	begin := claim.PublishBy.Add(-time.Minute)
	for name, test := range map[string]struct {
		now  time.Time
		want time.Duration
	}{
		"both clocks agree":           {begin.Add(10 * time.Second), 50 * time.Second},
		"suspended for 5 minutes":     {shiftMonotonic(begin.Add(5*time.Minute), -5*time.Minute), -4 * time.Minute},
		"wall clock set back by 40 s": {shiftMonotonic(begin.Add(-40*time.Second), 50*time.Second), 50 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := claim.TimeLeft(test.now); got != test.want {
				t.Errorf("TimeLeft = %s, want %s", got, test.want)
			}
		})
	}
}

// shiftMonotonic changes the monotonic reading of a time and leaves its wall clock. Package time
// has no way to do that; its doc comment describes the second word of a Time that has such a
// reading.
func shiftMonotonic(t time.Time, by time.Duration) time.Time {
	(*struct {
		wall      uint64
		monotonic int64
	})(unsafe.Pointer(&t)).monotonic += int64(by)
	return t
}
