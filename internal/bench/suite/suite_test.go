package suite

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/setup"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

func newRun(t *testing.T) *run {
	t.Helper()
	r, err := setup.New("../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	sender, err := setup.NewSender()
	if err != nil {
		t.Fatal(err)
	}
	return &run{Setup: r, sender: sender, Options: Options{Rounds: 2, Quick: true, Progress: func(string) {}}}
}

// The benchmarks that run in this process are run with real work. Whether the figures are good is
// decided by the marks.
func TestVerification(t *testing.T) {
	r := newRun(t)
	r.Only = regexp.MustCompile("^verify-")
	var arrived []int
	r.Arrived = func(rows []*report.Row) { arrived = append(arrived, len(rows)) }
	rows, err := Run(t.Context(), r.Setup, r.Options)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5 || !slices.Equal(arrived, []int{4, 5}) {
		t.Errorf("%d rows, arriving as %v", len(rows), arrived)
	}
	for _, row := range rows {
		// None is a good number of allocations; a ratio that is not a number was not measured.
		if ratio, _, _ := row.Ratio(); !(ratio >= 0) || row.Mark == (report.Mark{}) {
			t.Errorf("%s: ratio %v, target %q", row.Name(), ratio, row.Mark)
		}
	}
}

func TestMissingToolsLeaveRowsOut(t *testing.T) {
	defer func(all []bench) { benches = all }(benches)
	benches = []bench{
		{"without", func(*run, context.Context) ([]*report.Row, error) {
			return nil, fmt.Errorf("start: %w", emulator.ErrNotInstalled)
		}},
		{"with", func(*run, context.Context) ([]*report.Row, error) {
			return []*report.Row{{Figure: "one"}}, nil
		}},
		{"broken", func(*run, context.Context) ([]*report.Row, error) { return nil, errors.New("broken") }},
	}
	r := newRun(t)
	rows, err := Run(t.Context(), r.Setup, Options{Rounds: 1, Arrived: func([]*report.Row) {}})
	if err == nil || err.Error() != "broken: broken" {
		t.Errorf("error %v", err)
	}
	if len(rows) != 2 || rows[0].LeftOut == "" || rows[0].Missed() || rows[1].Figure != "one" {
		t.Errorf("%d rows before it, want one left out and one", len(rows))
	}
}
