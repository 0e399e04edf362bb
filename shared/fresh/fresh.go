// Package fresh keeps a value that lives elsewhere at hand and up to date: signing secrets, a key set, a client that is
// made once.
//
// A [Value] is loaded when it is first asked for and answered from memory afterwards. It is loaded again when it grows
// old, without anyone waiting as long as it is used; and at once when a caller finds that it does not serve, as often as is
// allowed. While loading fails, the last good value stays. There is at most one load at any time, and no goroutine
// between loads, so that nothing is lost where an instance is frozen between requests.
package fresh

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Options say when a value is loaded.
type Options struct {
	// MaxAge is the age from which Get waits for a new load, unless the last one failed; in the last fifth before it, and
	// after a failure, a load goes on behind the caller's back. 0: a loaded value never grows old.
	MaxAge time.Duration
	// RefreshInterval is the least time between two loads that Refresh starts.
	RefreshInterval time.Duration
	// RetryInterval is how long after a failed load Get starts no other; meanwhile it answers with the last good value or
	// the failure.
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
	value       *T        // the last good one, nil before it
	err         error     // of the last load
	loadedAt    time.Time // when value was loaded
	failedAt    time.Time // when the last load failed; zero if it did not
	refreshedAt time.Time // when Refresh last started a load
	loading     chan struct{}
}

// New returns a value that is not loaded yet. load returns a new pointer each time; what it points to is shared between
// all callers and must not be changed. load's context ends with Options.Timeout, not with any caller's.
func New[T any](load func(context.Context) (*T, error), options Options) *Value[T] {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Value[T]{load: load, options: options}
}

// Get returns the value, loading it if need be. It fails only while there is no value at all, with the error of the last
// load or of ctx.
func (v *Value[T]) Get(ctx context.Context) (*T, error) {
	v.mu.Lock()
	if !v.due() {
		defer v.mu.Unlock()
		return v.current()
	}
	loaded := v.start()
	if v.value != nil && (v.age() < v.options.MaxAge || !v.failedAt.IsZero()) {
		defer v.mu.Unlock()
		return v.value, nil
	}
	v.mu.Unlock()
	return v.wait(ctx, loaded)
}

// Refresh is for a caller whom stale, which Get had returned, did not serve: it returns what has been loaded since or
// else, if RefreshInterval allows, loads. It returns stale when there is nothing newer.
func (v *Value[T]) Refresh(ctx context.Context, stale *T) *T {
	v.mu.Lock()
	now := v.options.Now()
	switch {
	case v.value != stale && v.value != nil:
		defer v.mu.Unlock()
		return v.value
	case v.loading == nil && !v.refreshedAt.IsZero() && now.Sub(v.refreshedAt) < v.options.RefreshInterval:
		defer v.mu.Unlock()
		return stale
	case v.loading == nil:
		v.refreshedAt = now
	}
	loaded := v.start()
	v.mu.Unlock()
	if newer, err := v.wait(ctx, loaded); err == nil {
		return newer
	}
	return stale
}

// due reports whether Get should see to a load: there is no value, or an old one, and no recent failure.
func (v *Value[T]) due() bool {
	if v.loading == nil && !v.failedAt.IsZero() && v.options.Now().Sub(v.failedAt) < v.options.RetryInterval {
		return false
	}
	return v.value == nil || v.options.MaxAge > 0 && v.age() >= v.options.MaxAge*4/5
}

func (v *Value[T]) age() time.Duration { return v.options.Now().Sub(v.loadedAt) }

func (v *Value[T]) current() (*T, error) {
	if v.value != nil {
		return v.value, nil
	}
	return nil, v.err
}

// start joins the load that is going on, or begins one. The returned channel is closed when it has ended.
func (v *Value[T]) start() <-chan struct{} {
	if v.loading == nil {
		v.loading = make(chan struct{})
		go v.run(v.loading)
	}
	return v.loading
}

func (v *Value[T]) run(loaded chan struct{}) {
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
	now := v.options.Now()
	if v.err = err; err == nil {
		v.value, v.loadedAt, v.failedAt = value, now, time.Time{}
	} else {
		v.failedAt = now
	}
	v.loading = nil
	close(loaded)
}

// wait returns what there is once the load has ended, or once ctx has.
func (v *Value[T]) wait(ctx context.Context, loaded <-chan struct{}) (*T, error) {
	var waitErr error
	select {
	case <-loaded:
	case <-ctx.Done():
		waitErr = fmt.Errorf("wait for a load: %w", ctx.Err())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.value == nil && waitErr != nil {
		return nil, waitErr
	}
	return v.current()
}
