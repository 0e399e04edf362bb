// Package fresh keeps a value that lives elsewhere at hand and up to date: signing secrets, a key
// set, a client that is made once.
//
// A [Value] is loaded when it is first asked for and answered from memory afterwards. Once it is
// older than its greatest age, whoever asks waits for a new load; and a caller whom the value did
// not serve can have it loaded at once, as often as is allowed. There is at most one load at any
// time, and no goroutine between loads. Nothing depends on work after an answer, for an instance is
// frozen between requests: a load that was frozen is given up and begun again.
//
// While loading fails, the last good value serves, but not without end: not after an error that
// says that it is no longer valid, and not after Options.MaxStale.
package fresh

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Options say when a value is loaded.
type Options struct {
	// MaxAge is the age from which Get waits for a new load. 0: a loaded value never grows old.
	MaxAge time.Duration
	// MaxStale is the age from which a value does not serve, even if loading fails. 0: none.
	MaxStale time.Duration
	// Definite reports whether the error of a load says that the last good value is not valid any
	// more. nil: no error does.
	Definite func(error) bool
	// RefreshInterval is the least time between two loads that Refresh starts, and between a failed
	// load and the next that Get starts while there is a value that serves.
	RefreshInterval time.Duration
	// RetryInterval is how long after a failed load Get starts no other if no value serves.
	// Meanwhile it answers with the failure.
	RetryInterval time.Duration
	// Timeout bounds one load. 0: unbounded.
	Timeout time.Duration
	// OnError is told of each failed load; it must not use the value. nil: nobody is.
	OnError func(error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Value is a value of type T that is loaded by a function. It is safe for concurrent use.
type Value[T any] struct {
	load    func(context.Context) (*T, error)
	options Options

	mu          sync.Mutex
	value       *T        // the last good one; nil before it, and when it is not valid any more
	err         error     // of the last load
	loadedAt    time.Time // when the load of value began
	failedAt    time.Time // when the last load failed; zero if it did not
	refreshedAt time.Time // when Refresh last started a load
	loading     *loading  // nil: no load is going on
}

// loading is a load that is going on.
type loading struct {
	begun time.Time
	ended chan struct{} // closed when it has
}

// New returns a value that is not loaded yet. load returns a new pointer each time; what it points
// to is shared between all callers and must not be changed. load's context ends with
// Options.Timeout, not with any caller's.
func New[T any](load func(context.Context) (*T, error), options Options) *Value[T] {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Value[T]{load: load, options: options}
}

// Get returns the value, loading it if need be. It fails only while there is no value that serves,
// with the error of the last load or of ctx.
func (v *Value[T]) Get(ctx context.Context) (*T, error) {
	v.mu.Lock()
	if !v.due() {
		defer v.mu.Unlock()
		return v.current()
	}
	ended := v.start()
	v.mu.Unlock()
	return v.wait(ctx, ended)
}

// Refresh is for a caller whom stale, which Get had returned, did not serve: it returns what has
// been loaded since or else, if RefreshInterval allows, loads. It returns stale when there is
// nothing newer.
func (v *Value[T]) Refresh(ctx context.Context, stale *T) *T {
	v.mu.Lock()
	now := v.options.Now()
	switch {
	case v.value != stale && v.value != nil:
		defer v.mu.Unlock()
		return v.value
	case !v.underWay() && !v.refreshedAt.IsZero() && elapsed(v.refreshedAt, now) < v.options.RefreshInterval:
		defer v.mu.Unlock()
		return stale
	case !v.underWay():
		v.refreshedAt = now
	}
	ended := v.start()
	v.mu.Unlock()
	if newer, err := v.wait(ctx, ended); err == nil {
		return newer
	}
	return stale
}

// due reports whether Get must wait for a load: there is no value, or an old one, and no recent
// failure.
func (v *Value[T]) due() bool {
	pause := v.options.RetryInterval
	if serves, _ := v.current(); serves != nil {
		pause = max(pause, v.options.RefreshInterval)
	}
	if !v.underWay() && !v.failedAt.IsZero() && elapsed(v.failedAt, v.options.Now()) < pause {
		return false
	}
	return v.value == nil || v.options.MaxAge > 0 && v.age() >= v.options.MaxAge
}

func (v *Value[T]) age() time.Duration { return elapsed(v.loadedAt, v.options.Now()) }

// elapsed returns how long ago an instant is. The monotonic clock stops while an instance is
// frozen, and the wall clock can be set back, so the one that says more counts.
func elapsed(since, now time.Time) time.Duration {
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
}

// current returns the value as long as it serves.
func (v *Value[T]) current() (*T, error) {
	if v.value != nil && (v.err == nil || v.options.MaxStale == 0 || v.age() < v.options.MaxStale) {
		return v.value, nil
	}
	return nil, v.err
}

// underWay reports whether a load is going on that is worth waiting for. One that has had more than
// its time was frozen with its instance.
func (v *Value[T]) underWay() bool {
	return v.loading != nil && (v.options.Timeout == 0 || elapsed(v.loading.begun, v.options.Now()) <= v.options.Timeout)
}

// start joins the load that is going on, or begins one. The returned channel is closed when it has
// ended.
func (v *Value[T]) start() <-chan struct{} {
	if !v.underWay() {
		v.loading = &loading{begun: v.options.Now(), ended: make(chan struct{})}
		go v.run(v.loading)
	}
	return v.loading.ended
}

func (v *Value[T]) run(this *loading) {
	defer close(this.ended)
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if v.options.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, v.options.Timeout)
	}
	defer cancel()
	value, err := v.load(ctx)
	if err != nil && v.options.OnError != nil {
		v.options.OnError(err)
	}

	v.mu.Lock()
	defer v.mu.Unlock()
	if v.loading != this {
		return // given up: a newer load decides
	}
	v.loading = nil
	v.err = err
	if err == nil {
		v.value, v.loadedAt, v.failedAt = value, this.begun, time.Time{}
		return
	}
	v.failedAt = v.options.Now()
	if v.options.Definite != nil && v.options.Definite(err) {
		v.value = nil
	}
}

// wait returns what there is once the load has ended, or once ctx has.
func (v *Value[T]) wait(ctx context.Context, ended <-chan struct{}) (*T, error) {
	var waitErr error
	select {
	case <-ended:
	case <-ctx.Done():
		waitErr = fmt.Errorf("wait for a load: %w", ctx.Err())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	value, err := v.current()
	if value == nil && waitErr != nil {
		return nil, waitErr
	}
	return value, err
}
