// Package suite is the benchmarks: what is measured, what it is compared with, and the targets.
package suite

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/setup"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

// Options are how a suite is run. All but Only must be set.
type Options struct {
	Rounds   int
	Quick    bool                // a fiftieth of the work, to see that everything works
	Only     *regexp.Regexp      // of the benchmarks' names; nil: all
	Progress func(text string)   // called as it goes
	Arrived  func([]*report.Row) // called with all rows so far whenever there are more
}

// A bench is one benchmark. It returns the rows that it could measure, and rows left out.
type bench struct {
	name string
	run  func(*run, context.Context) ([]*report.Row, error)
}

// benches in the order in which they are run: those that need the least first.
var benches = []bench{
	{"verify-v1", (*run).verifyV1},
	{"verify-v1a", (*run).verifyV1a},
	{"tokens", (*run).tokens},
	{"size", (*run).sizes},
	{"start", (*run).start},
	{"sequential", (*run).sequential},
	{"parallel", (*run).parallel},
	{"forged", (*run).forged},
	{"first-delivery", (*run).firstDelivery},
	{"memory", (*run).memory},
	{"collect", (*run).collect},
}

// Names returns the names of all benchmarks.
func Names() []string {
	var names []string
	for _, b := range benches {
		names = append(names, b.name)
	}
	return names
}

// run is one run of the suite.
type run struct {
	*setup.Setup
	Options
	sender *setup.Sender
	name   string // of the benchmark that is running
}

// Run runs the suite and returns its rows. A benchmark whose tools are missing becomes a row that
// says so; any other error ends the run.
func Run(ctx context.Context, r *setup.Setup, options Options) ([]*report.Row, error) {
	sender, err := setup.NewSender()
	if err != nil {
		return nil, err
	}
	s := &run{Setup: r, Options: options, sender: sender}
	var rows []*report.Row
	for _, b := range benches {
		if options.Only != nil && !options.Only.MatchString(b.name) {
			continue
		}
		s.name = b.name
		more, err := b.run(s, ctx)
		if errors.Is(err, emulator.ErrNotInstalled) {
			more, err = []*report.Row{{Figure: b.name, LeftOut: err.Error()}}, nil
		}
		if ctx.Err() != nil {
			return rows, context.Cause(ctx)
		}
		if err != nil {
			return rows, fmt.Errorf("%s: %w", b.name, err)
		}
		rows = append(rows, more...)
		options.Arrived(rows)
	}
	return rows, nil
}

// scaled returns n, or a fiftieth of it in a quick run.
func (r *run) scaled(n int) int {
	if r.Quick {
		return max(n/50, 1)
	}
	return n
}

// round announces the next round.
func (r *run) round(round int) {
	r.Progress(fmt.Sprintf("%-14s round %d of %d", r.name, round+1, r.Rounds))
}

// alternate calls each of the sides once, first to last on even turns and last to first on odd
// ones, so that no side always runs after the other.
func alternate(turn int, sides ...func() error) error {
	for i := range sides {
		if turn%2 == 1 {
			i = len(sides) - 1 - i
		}
		if err := sides[i](); err != nil {
			return err
		}
	}
	return nil
}
