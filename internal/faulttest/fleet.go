package faulttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// The points of a delivery at which a process can die. Those after a call are reached when the backend has done it and the
// process knows; between before and after a call, and anywhere else, it dies after a while, by a [Death] without a point.
var Points = []string{
	"before claim", "after claim", "before publish", "after publish", "before settle", "after settle", "before answer",
}

// A Death is how a process is to end, always by SIGKILL. The zero Death is none.
type Death struct {
	Point   string        // one of Points: the process kills itself
	Passage int           // the how-manieth time it comes by that point
	After   time.Duration // without a point: how long after its start it is killed
}

// A Fleet runs receiver processes, each at an address of its own, which outlives them: as soon as one dies the next
// is started there, and requests that nobody has accepted yet wait for it.
type Fleet struct {
	program     string
	environment []string
	next        func(place int) Death
	ended       context.CancelCauseFunc
	places      sync.WaitGroup
	listeners   []*os.File
	addresses   []string

	mu     sync.Mutex
	deaths map[string]int // by point; "" is after a while
	memory []int64        // peak, by place, in bytes
}

// NewFleet starts a program in so many places. next is asked, from one goroutine per place, how each process is to die; nil
// lets all live.
// The context returned ends with ctx, with Close, or when a process ends in any other way, which is then its cause.
func NewFleet(ctx context.Context, program string, environment []string, places int, next func(place int) Death) (*Fleet, context.Context, error) {
	if next == nil {
		next = func(int) Death { return Death{} }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	f := &Fleet{
		program: program, environment: environment, next: next, ended: cancel,
		deaths: map[string]int{}, memory: make([]int64, places),
	}
	for range places {
		if err := f.listen(); err != nil {
			f.Close()
			return nil, nil, err
		}
	}
	for place := range places {
		f.places.Go(func() { f.inhabit(ctx, place) })
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

// Addresses are the places.
func (f *Fleet) Addresses() []string { return f.addresses }

// Deaths are how many processes have died so far, by point; "" counts those killed after a while.
func (f *Fleet) Deaths() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.deaths)
}

// PeakMemory is the most that a process has occupied in each place, in bytes, of those that did not kill themselves; 0 where
// the system does not tell. It is complete after Close.
func (f *Fleet) PeakMemory() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]int64(nil), f.memory...)
}

// Close kills all processes and gives up the addresses.
func (f *Fleet) Close() {
	f.ended(context.Canceled)
	f.places.Wait()
	for _, listener := range f.listeners {
		_ = listener.Close()
	}
}

// inhabit has one process after the other in a place.
func (f *Fleet) inhabit(ctx context.Context, place int) {
	for ctx.Err() == nil {
		death := f.next(place)
		err := f.live(ctx, place, death)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			f.ended(fmt.Errorf("a receiver process ended: %w", err))
			return
		}
		f.mu.Lock()
		f.deaths[death.Point]++
		f.mu.Unlock()
	}
}

// live runs one process to its end. The error is of any other end than death.
func (f *Fleet) live(ctx context.Context, place int, death Death) error {
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	// The other end of this pipe closes when this process ends, however it ends.
	parent, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	defer alive.Close()
	defer parent.Close()
	var output testkit.Buffer
	command := exec.CommandContext(ctx, f.program)
	command.Cancel = func() error {
		if peak, err := process.PeakMemory(command.Process.Pid); err == nil { // else it has just ended by itself
			f.remember(place, peak)
		}
		return command.Process.Kill()
	}
	command.Env = append(slices.Clip(f.environment), "MORTAL_POINT="+death.Point, fmt.Sprintf("MORTAL_PASSAGE=%d", death.Passage))
	command.ExtraFiles = []*os.File{f.listeners[place], parent}
	command.Stderr = &output
	if err := command.Start(); err != nil {
		return err
	}
	if death.Point == "" && death.After > 0 {
		// Its time begins now: on a busy machine the start alone can take longer.
		defer time.AfterFunc(death.After, kill).Stop()
	}
	err = command.Wait()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) && killed(ended.ProcessState) {
		return nil
	}
	if err == nil {
		err = errors.New("with exit code 0")
	}
	return fmt.Errorf("%w\n%s", err, output.String())
}

func killed(state *os.ProcessState) bool {
	status, known := state.Sys().(syscall.WaitStatus)
	return known && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (f *Fleet) remember(place int, peak int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.memory[place] = max(f.memory[place], peak)
}
