package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/setup"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// How large the files of responses are, in MiB.
const (
	largeFile = 1024
	smallFile = 100
)

// collect measures the collection of a batch, in turn with a bare copy of its file, and the memory
// that it takes.
func (r *run) collect(ctx context.Context) ([]*report.Row, error) {
	backends, err := r.Backends(ctx)
	if err != nil {
		return nil, err
	}
	results, err := r.Results(ctx, backends)
	if err != nil {
		return nil, err
	}
	defer results.Close()
	collector, err := results.Collector(ctx, r.Setup)
	if err != nil {
		return nil, err
	}
	copier, err := results.Copy(ctx, r.Setup)
	if err != nil {
		return nil, err
	}
	large, small := r.scaled(largeFile), r.scaled(smallFile)
	row := &report.Row{
		Figure: fmt.Sprintf("collect %d MiB of responses", large), Reference: "io.Copy from Gemini to the bucket", Mark: report.AtMost(1.15),
		Note: "The copy is by the collector's own clients. The bucket takes the checksum of what it gets and drops it.",
	}
	var peaks, smallPeaks []float64
	for round := range r.Rounds {
		r.round(round)
		id := fmt.Sprintf("large%d", round)
		results.Add(id, int64(large)<<20)
		results.Add("small"+id, int64(small)<<20)
		var figure, reference, peak float64
		err := alternate(round, func() (err error) {
			figure, peak, err = inNewProcess(ctx, collector, id, results.Collect)
			return err
		}, func() (err error) {
			reference, _, err = inNewProcess(ctx, copier, id, results.CopyBatch)
			return err
		})
		if err != nil {
			return nil, err
		}
		row.Rounds = append(row.Rounds, report.Round{Figure: figure, Reference: reference})
		peaks = append(peaks, peak)
		if _, peak, err = inNewProcess(ctx, collector, "small"+id, results.Collect); err != nil {
			return nil, err
		}
		smallPeaks = append(smallPeaks, peak)
	}
	return append([]*report.Row{row}, peakRows(large, small, peaks, smallPeaks)...), nil
}

// peakRows are the rows of the memory that collections of two sizes take.
func peakRows(large, small int, peaks, smallPeaks []float64) []*report.Row {
	figure := fmt.Sprintf("peak memory, %d MiB of responses", large)
	if !process.PeakMemoryKnown {
		return []*report.Row{{Figure: figure, LeftOut: "this system does not say"}}
	}
	bound := &report.Row{Figure: figure, Unit: report.Bytes, Mark: report.FigureAtMost(96 << 20)}
	growth := &report.Row{Figure: figure, Reference: fmt.Sprintf("%d MiB", small), Unit: report.Bytes, Mark: report.AtMost(1.1)}
	for i := range peaks {
		bound.Rounds = append(bound.Rounds, report.Round{Figure: peaks[i]})
		growth.Rounds = append(growth.Rounds, report.Round{Figure: peaks[i], Reference: smallPeaks[i]})
	}
	return []*report.Row{bound, growth}
}

// inNewProcess has a new process of a program do something with a batch, and returns how long that
// took in nanoseconds, and the most memory that the process had in bytes.
func inNewProcess(
	ctx context.Context, program setup.Program, id string, do func(context.Context, string, string) (time.Duration, error),
) (took, peak float64, err error) {
	p, err := setup.Start(ctx, program)
	if err != nil {
		return 0, 0, err
	}
	defer p.Stop()
	if err := p.AwaitHTTP(ctx, "http://"+p.Address); err != nil {
		return 0, 0, err
	}
	duration, err := do(ctx, p.Address, id)
	if err != nil {
		return 0, 0, err
	}
	memory, err := process.PeakMemory(p.PID())
	return float64(duration), float64(memory), err
}
