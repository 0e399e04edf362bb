package faulttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"sync"
)

// Points are where in a delivery a process can crash. Those after a call are reached once the
// backend has answered it; anywhere else, a process is killed by a [Crash] without a point.
var Points = []string{
	"before claim", "after claim", "before publish", "after publish", "before settle", "after settle", "before answer",
}

// A Fleet runs receiver processes in slots. A slot has an address, which outlives its processes: as
// soon as one has crashed the next is started, and requests that were not accepted yet wait for it.
type Fleet struct {
	program     string
	environment []string
	next        func(slot int) Crash
	ended       context.CancelCauseFunc
	slots       sync.WaitGroup
	listeners   []*os.File
	addresses   []string

	mu      sync.Mutex
	crashes map[string]int // by point; "" is after a while
	memory  []int64        // peak, by slot, in bytes
}

// NewFleet starts a program in a number of slots. next is called, from one goroutine for each slot,
// for how each process is to crash; with nil none does. The context returned ends with ctx, with
// Close, or when a process ends in any other way, which is then its cause.
func NewFleet(ctx context.Context, program string, environment []string, slots int, next func(slot int) Crash) (*Fleet, context.Context, error) {
	if next == nil {
		next = func(int) Crash { return Crash{} }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	f := &Fleet{
		program: program, environment: environment, next: next, ended: cancel,
		crashes: map[string]int{}, memory: make([]int64, slots),
	}
	for range slots {
		if err := f.listen(); err != nil {
			f.Close()
			return nil, nil, err
		}
	}
	for slot := range slots {
		f.slots.Go(func() { f.fill(ctx, slot) })
	}
	return f, ctx, nil
}

func (f *Fleet) listen() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	f.listeners = append(f.listeners, file)
	f.addresses = append(f.addresses, listener.Addr().String())
	return nil
}

// Addresses returns the addresses of the slots.
func (f *Fleet) Addresses() []string { return f.addresses }

// Crashes returns how many processes have crashed so far, by point; "" counts those killed after
// some time.
func (f *Fleet) Crashes() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.crashes)
}

// PeakMemory returns, for each slot, the most memory in bytes that a process has had, of those that
// did not kill themselves; 0 where the system does not say. It is complete after Close.
func (f *Fleet) PeakMemory() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]int64(nil), f.memory...)
}

// Close kills all processes and gives up the addresses.
func (f *Fleet) Close() {
	f.ended(context.Canceled)
	f.slots.Wait()
	for _, listener := range f.listeners {
		_ = listener.Close()
	}
}

// fill runs one process after the other in a slot.
func (f *Fleet) fill(ctx context.Context, slot int) {
	for ctx.Err() == nil {
		crash := f.next(slot)
		err := f.runOne(ctx, slot, crash)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			f.ended(fmt.Errorf("a receiver process ended: %w", err))
			return
		}
		f.mu.Lock()
		f.crashes[crash.Point]++
		f.mu.Unlock()
	}
}

// runOne runs one process to its end. It fails if that is not a crash.
func (f *Fleet) runOne(ctx context.Context, slot int, crash Crash) error {
	crashed, err := runProcess(ctx, f.program, f.environment, crash, f.listeners[slot], func(peak int64) { f.remember(slot, peak) })
	if err == nil && !crashed {
		err = errors.New("with exit code 0")
	}
	return err
}

func (f *Fleet) remember(slot int, peak int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.memory[slot] = max(f.memory[slot], peak)
}
