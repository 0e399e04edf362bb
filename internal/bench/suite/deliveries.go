package suite

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/internal/bench/load"
	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/setup"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// How much is measured in a round. The emulators get faster for a while after their start, so a
// warm-up comes first. The slices are short and in turn, so that what remains of it affects both
// sides alike.
const (
	warmUp             = 3000
	sequentialRequests = 300 // of each side
	parallel           = 64
	parallelSlices     = 40  // of each side
	parallelRequests   = 200 // in a slice
)

const rawCalls = "the same 3 calls, made directly"

// receiver is a receiver that answers, and connections to it.
type receiver struct {
	*setup.Process
	pool load.Pool
}

func (r *receiver) stop() {
	r.pool.Close()
	r.Stop()
}

// startReceiver starts one with the backends.
func (r *run) startReceiver(ctx context.Context) (*setup.Backends, *receiver, error) {
	backends, err := r.Backends(ctx)
	if err != nil {
		return nil, nil, err
	}
	program, err := r.Receiver(ctx, backends, r.sender)
	if err != nil {
		return nil, nil, err
	}
	process, err := setup.StartUp(ctx, program)
	if err != nil {
		return nil, nil, err
	}
	pool, err := load.DialPool(ctx, process.Address, parallel)
	if err != nil {
		process.Stop()
		return nil, nil, err
	}
	return backends, &receiver{process, pool}, nil
}

// startWarm starts one and uses it and the backends for a while.
func (r *run) startWarm(ctx context.Context) (*setup.Backends, *receiver, error) {
	backends, started, err := r.startReceiver(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.Progress(fmt.Sprintf("%-14s warming up", r.name))
	_, err = r.deliver(ctx, started, r.scaled(warmUp))
	if err == nil {
		_, err = r.callRaw(ctx, backends, r.scaled(warmUp))
	}
	if err != nil {
		started.stop()
		return nil, nil, err
	}
	return backends, started, nil
}

// deliver sends n new deliveries, 64 at a time, and returns how long they took.
func (r *run) deliver(ctx context.Context, to *receiver, n int) (time.Duration, error) {
	requests, err := r.sender.Requests(n)
	if err != nil {
		return 0, err
	}
	return to.pool.Send(ctx, n, http.StatusOK, func(i int) []byte { return requests[i] })
}

// callRaw makes the calls of n deliveries, 64 at a time, and returns how long they took.
func (r *run) callRaw(ctx context.Context, backends *setup.Backends, n int) (time.Duration, error) {
	prepared, err := r.sender.PrepareAll(ctx, n)
	if err != nil {
		return 0, err
	}
	return load.Each(ctx, n, parallel, func(_, i int) error { return backends.Raw(ctx, prepared[i]) })
}

// sequential measures one delivery after another, in turn with the calls alone.
func (r *run) sequential(ctx context.Context) ([]*report.Row, error) {
	backends, started, err := r.startWarm(ctx)
	if err != nil {
		return nil, err
	}
	defer started.stop()
	conn := started.pool[0]
	var rounds []report.Round
	for round := range r.Rounds {
		r.round(round)
		n := r.scaled(sequentialRequests)
		requests, err := r.sender.Requests(n)
		if err != nil {
			return nil, err
		}
		prepared, err := r.sender.PrepareAll(ctx, n)
		if err != nil {
			return nil, err
		}
		var delivered, called []float64
		for i := range n {
			err := alternate(i, func() error {
				begin := time.Now()
				status, err := conn.Do(requests[i])
				delivered = append(delivered, float64(time.Since(begin)))
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("a delivery was answered %d", status)
				}
				return err
			}, func() error {
				begin := time.Now()
				err := backends.Raw(ctx, prepared[i])
				called = append(called, float64(time.Since(begin)))
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		rounds = append(rounds, report.Paired(delivered, called))
	}
	return []*report.Row{{
		Figure: "an accepted delivery, sequential", Reference: rawCalls,
		Rounds: rounds, Mark: report.AtMost(1.15),
	}}, nil
}

// parallel measures many at a time, in slices in turn with the calls alone.
func (r *run) parallel(ctx context.Context) ([]*report.Row, error) {
	backends, started, err := r.startWarm(ctx)
	if err != nil {
		return nil, err
	}
	defer started.stop()
	var rounds []report.Round
	for round := range r.Rounds {
		r.round(round)
		var delivered, called []float64
		for slice := range r.scaled(parallelSlices) {
			err := alternate(round+slice, func() error {
				took, err := r.deliver(ctx, started, parallelRequests)
				delivered = append(delivered, rate(parallelRequests, took))
				return err
			}, func() error {
				took, err := r.callRaw(ctx, backends, parallelRequests)
				called = append(called, rate(parallelRequests, took))
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		// Medians, since an emulator's garbage collection slows down single slices.
		rounds = append(rounds, report.Paired(delivered, called))
	}
	return []*report.Row{{
		Figure: "accepted deliveries, 64 in parallel", Reference: rawCalls, Unit: report.PerSecond,
		Rounds: rounds, Mark: report.AtLeast(0.9),
	}}, nil
}

func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// memory measures the peak of one process after a few and after many deliveries.
func (r *run) memory(ctx context.Context) ([]*report.Row, error) {
	few, many := r.scaled(5_000), r.scaled(50_000)
	figure := fmt.Sprintf("peak memory after %d deliveries", many)
	if !process.PeakMemoryKnown {
		return []*report.Row{{Figure: figure, LeftOut: "this system does not say"}}, nil
	}
	_, started, err := r.startReceiver(ctx)
	if err != nil {
		return nil, err
	}
	defer started.stop()
	var early, late int64
	for sent := 0; sent < many; sent += few {
		r.Progress(fmt.Sprintf("%-14s %d of %d sent", r.name, sent, many))
		if _, err := r.deliver(ctx, started, few); err != nil {
			return nil, err
		}
		if late, err = process.PeakMemory(started.PID()); err != nil {
			return nil, err
		}
		if sent == 0 {
			early = late
		}
	}
	return []*report.Row{{
		Figure: figure, Reference: fmt.Sprintf("after %d", few), Unit: report.Bytes,
		Rounds: []report.Round{{Figure: float64(late), Reference: float64(early)}}, Mark: report.AtMost(1.1),
	}}, nil
}
