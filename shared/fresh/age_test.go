package fresh_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/gemhook/gemhook/shared/fresh"
)

// A load behind the answer would not go on in an instance that is frozen after it.
func TestGetDoesNotLoadBeforeMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{}
		v := fresh.New(from.load, settings)
		wantGet(t, v, 1)
		time.Sleep(settings.MaxAge - 1)
		wantGet(t, v, 1)
		synctest.Wait()
		if from.count() != 1 {
			t.Errorf("%d loads of a young value, want 1", from.count())
		}
		time.Sleep(time.Nanosecond)
		wantGet(t, v, 2)
	})
}

// TestAgeByEitherClock wants a value to be too old as soon as one of the two clocks says so.
func TestAgeByEitherClock(t *testing.T) {
	for name, later := range map[string]func(now time.Time) time.Time{
		"the monotonic clock stood still": func(now time.Time) time.Time {
			return shiftMonotonic(now.Add(settings.MaxAge), -settings.MaxAge)
		},
		"the wall clock was set back": func(now time.Time) time.Time { return shiftMonotonic(now, settings.MaxAge) },
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			options := settings
			options.Now = func() time.Time { return now }
			from := &origin{}
			v := fresh.New(from.load, options)
			wantGet(t, v, 1)
			now = later(now)
			wantGet(t, v, 2)
		})
	}
}

// A caller whom the value does not serve has it loaded although a refresh was made just before the
// instance froze.
func TestRefreshIsLimitedByTheWallClock(t *testing.T) {
	now := time.Now()
	options := settings
	options.Now = func() time.Time { return now }
	from := &origin{}
	v := fresh.New(from.load, options)
	first, _ := v.Get(t.Context())
	second := v.Refresh(t.Context(), first)
	now = shiftMonotonic(now.Add(settings.RefreshInterval), -settings.RefreshInterval)
	if got := v.Refresh(t.Context(), second); *got != 3 {
		t.Errorf("Refresh = %d after the interval, want 3", *got)
	}
}

func TestWithoutAgeOrTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{}
		bounded := false
		v := fresh.New(func(ctx context.Context) (*int, error) {
			_, bounded = ctx.Deadline()
			return from.load(ctx)
		}, fresh.Options{})
		wantGet(t, v, 1)
		time.Sleep(1000 * time.Hour)
		wantGet(t, v, 1)
		if bounded {
			t.Error("the load has a deadline")
		}
	})
}

// A value is as old as the beginning of its load: what was stored since is not in it.
func TestAgeFromTheBeginningOfTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{delay: time.Second}
		v := fresh.New(from.load, settings)
		wantGet(t, v, 1)
		time.Sleep(settings.MaxAge - time.Second)
		wantGet(t, v, 2)
	})
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

// TestLoadThatWasFrozen has a load that has had more than its time when the next caller comes.
func TestLoadThatWasFrozen(t *testing.T) {
	now := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	options := settings
	options.Now = func() time.Time { return now }
	frozen, thawed := make(chan struct{}), make(chan struct{})
	loads := 0
	v := fresh.New(func(context.Context) (*int, error) {
		loads++
		value := loads
		if value == 1 {
			close(frozen)
			<-thawed
		}
		return &value, nil
	}, options)
	first := make(chan int)
	go func() {
		got, err := v.Get(t.Context())
		if err != nil {
			t.Error(err)
		}
		first <- *got
	}()
	<-frozen
	now = now.Add(time.Hour)
	wantGet(t, v, 2)
	close(thawed)
	if got := <-first; got != 2 {
		t.Errorf("the first caller got %d of the load that was given up, want 2", got)
	}
	wantGet(t, v, 2)
}

func TestValueServesUntilMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := settings
		options.MaxStale = time.Hour
		from := &origin{}
		v := fresh.New(from.load, options)
		wantGet(t, v, 1)
		from.set(errAway, 0)
		time.Sleep(time.Hour - 1)
		wantGet(t, v, 1)
		time.Sleep(time.Nanosecond)
		if got, err := v.Get(t.Context()); !errors.Is(err, errAway) {
			t.Errorf("Get = %v, %v after MaxStale, want the error", got, err)
		}
		from.set(nil, 0)
		time.Sleep(settings.RetryInterval)
		wantGet(t, v, 3)
	})
}

func TestGetWaitsForAReloadFromMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &origin{}
		v := fresh.New(from.load, settings)
		wantGet(t, v, 1)
		from.set(nil, time.Second)
		time.Sleep(settings.MaxAge)
		wantGet(t, v, 2)
	})
}
