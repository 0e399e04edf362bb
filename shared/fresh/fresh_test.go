package fresh_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/shared/fresh"
)

// origin is where the value comes from: it returns 1, 2, 3, …, or fails, after a delay.
type origin struct {
	mu    sync.Mutex
	loads int
	err   error
	delay time.Duration
}

func (o *origin) load(ctx context.Context) (*int, error) {
	o.mu.Lock()
	o.loads++
	value, err, delay := o.loads, o.err, o.delay
	o.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return &value, nil
}

func (o *origin) set(err error, delay time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err, o.delay = err, delay
}

func (o *origin) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.loads
}

var settings = fresh.Options{
	MaxAge:          5 * time.Minute,
	RefreshInterval: 10 * time.Second,
	RetryInterval:   time.Second,
	Timeout:         2 * time.Second,
}

var errAway = errors.New("away")

// Inside a synctest bubble time.Sleep moves a clock that only tests see, and takes no time.
func wantGet(t *testing.T, v *fresh.Value[int], want int) {
	t.Helper()
	got, err := v.Get(t.Context())
	if err != nil || *got != want {
		t.Fatalf("Get = %v, %v; want %d", got, err, want)
	}
}

func TestGetLoadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{delay: time.Second}
		v := fresh.New(from.load, settings)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { wantGet(t, v, 1) })
		}
		all.Wait()
		if from.count() != 1 {
			t.Errorf("%d loads, want 1", from.count())
		}
	})
}

// While the origin is away, and there is a value that serves, not every Get asks the origin.
func TestGetIsLimitedWhileTheOriginIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{}
		v := fresh.New(from.load, settings)
		wantGet(t, v, 1)
		from.set(errAway, 0)
		time.Sleep(settings.MaxAge)
		for _, step := range []struct {
			after time.Duration
			loads int
		}{{0, 2}, {settings.RefreshInterval - 1, 2}, {1, 3}} {
			time.Sleep(step.after)
			wantGet(t, v, 1)
			if from.count() != step.loads {
				t.Errorf("%d loads, want %d", from.count(), step.loads)
			}
		}
	})
}

// A caller who has no time to wait gets the value that serves.
func TestGetWithoutTimeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{}
		v := fresh.New(from.load, settings)
		wantGet(t, v, 1)
		from.set(nil, time.Second)
		time.Sleep(settings.MaxAge)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if got, err := v.Get(ctx); err != nil || *got != 1 {
			t.Errorf("Get = %v, %v; want the value of before", got, err)
		}
		time.Sleep(time.Second)
		wantGet(t, v, 2)
	})
}

// Get waits for a load that is going on, however recently another one failed.
func TestGetJoinsALoadAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{err: errAway}
		v := fresh.New(from.load, settings)
		if _, err := v.Get(t.Context()); !errors.Is(err, errAway) {
			t.Fatalf("Get: %v, want %v", err, errAway)
		}
		from.set(nil, time.Second)
		var refresh sync.WaitGroup
		refresh.Go(func() { v.Refresh(t.Context(), nil) })
		synctest.Wait()
		wantGet(t, v, 2)
		refresh.Wait()
	})
}

// A failure before a load that succeeded does not keep an old value in use.
func TestAFailureIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := settings
		options.MaxAge = time.Second
		from := &origin{err: errAway}
		v := fresh.New(from.load, options)
		if _, err := v.Get(t.Context()); err == nil {
			t.Fatal("Get succeeds")
		}
		from.set(nil, 0)
		time.Sleep(settings.RetryInterval)
		wantGet(t, v, 2)
		time.Sleep(options.MaxAge)
		wantGet(t, v, 3)
	})
}

func TestDefiniteErrorEndsTheUseOfAValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		revoked := errors.New("revoked")
		options := settings
		options.Definite = func(err error) bool { return errors.Is(err, revoked) }
		from := &origin{}
		v := fresh.New(from.load, options)
		wantGet(t, v, 1)
		from.set(revoked, 0)
		time.Sleep(settings.MaxAge)
		for range 2 {
			if got, err := v.Get(t.Context()); !errors.Is(err, revoked) {
				t.Errorf("Get = %v, %v after a definite error, want the error", got, err)
			}
		}
		stale := new(int)
		if got := v.Refresh(t.Context(), stale); got != stale {
			t.Errorf("Refresh = %v after a definite error, want nothing newer", got)
		}
		from.set(nil, 0)
		time.Sleep(settings.RetryInterval)
		wantGet(t, v, 4)
	})
}

func TestLastGoodValueStaysWhileTheOriginIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reported int
		options := settings
		options.OnError = func(err error) {
			reported++
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("reported %v, want that the load took too long", err)
			}
		}
		from := &origin{}
		v := fresh.New(from.load, options)
		wantGet(t, v, 1)
		from.set(errAway, time.Hour) // hangs: the load's own timeout ends it
		time.Sleep(settings.MaxAge)
		wantGet(t, v, 1)
		wantGet(t, v, 1) // within RefreshInterval: no load
		if from.count() != 2 || reported != 1 {
			t.Errorf("%d loads and %d errors reported, want 2 and 1", from.count(), reported)
		}

		time.Sleep(settings.RefreshInterval)
		begin := time.Now()
		wantGet(t, v, 1)
		if waited := time.Since(begin); waited != settings.Timeout || from.count() != 3 {
			t.Errorf("waited %s in load %d, want %s in load 3", waited, from.count(), settings.Timeout)
		}

		from.set(nil, 0)
		time.Sleep(settings.RefreshInterval)
		wantGet(t, v, 4)
	})
}

func TestGetFailsUntilTheFirstLoadSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{err: errAway}
		v := fresh.New(from.load, settings)
		for range 3 {
			if _, err := v.Get(t.Context()); !errors.Is(err, errAway) {
				t.Fatalf("Get = %v, want %v", err, errAway)
			}
		}
		if from.count() != 1 {
			t.Errorf("%d loads within RetryInterval, want 1", from.count())
		}
		from.set(nil, 0)
		time.Sleep(settings.RetryInterval)
		wantGet(t, v, 2)
	})
}

func TestGetGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{delay: time.Second}
		v := fresh.New(from.load, settings)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := v.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Get = %v, want %v", err, context.DeadlineExceeded)
		}
		wantGet(t, v, 1) // the load went on, and served the next caller
	})
}

func TestRefreshIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{}
		v := fresh.New(from.load, settings)
		first, _ := v.Get(t.Context())

		second := v.Refresh(t.Context(), first)
		if *second != 2 {
			t.Fatalf("first Refresh = %d, want 2: a re-read at once", *second)
		}
		if again := v.Refresh(t.Context(), first); again != second {
			t.Errorf("Refresh of a caller with an old value = %d, want the newer one at hand", *again)
		}
		for range 1000 {
			if got := v.Refresh(t.Context(), second); got != second {
				t.Fatalf("Refresh within the interval = %d, want none newer", *got)
			}
		}
		time.Sleep(settings.RefreshInterval)
		if third := v.Refresh(t.Context(), second); *third != 3 {
			t.Errorf("Refresh after the interval = %d, want 3", *third)
		}
		if from.count() != 3 {
			t.Errorf("%d loads, want 3", from.count())
		}
	})
}

func TestRefreshJoinsTheLoadThatIsGoingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{}
		v := fresh.New(from.load, settings)
		first, _ := v.Get(t.Context())
		from.set(nil, time.Second)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := v.Refresh(t.Context(), first); *got != 2 {
					t.Errorf("Refresh = %d, want 2", *got)
				}
			})
		}
		all.Wait()
		if from.count() != 2 {
			t.Errorf("%d loads, want 2", from.count())
		}
	})
}

func TestRefreshKeepsStaleWhenTheOriginIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{}
		v := fresh.New(from.load, settings)
		first, _ := v.Get(t.Context())
		from.set(errAway, 0)
		if got := v.Refresh(t.Context(), first); got != first {
			t.Errorf("Refresh = %v, want the last good value", got)
		}
		wantGet(t, v, 1)
	})
}
