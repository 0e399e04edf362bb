package suite

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/rig"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

func TestAlternate(t *testing.T) {
	var order []int
	side := func(i int) func() error { return func() error { order = append(order, i); return nil } }
	for turn := range 3 {
		if err := alternate(turn, side(0), side(1), side(2)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{0, 1, 2, 2, 1, 0, 0, 1, 2}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}

	order = nil
	broken := errors.New("broken")
	if err := alternate(1, side(0), func() error { return broken }, side(2)); err != broken || !slices.Equal(order, []int{2}) {
		t.Errorf("%v after %v, want to stop at the error", err, order)
	}
}

func newRun(t *testing.T) *run {
	t.Helper()
	r, err := rig.New("../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	sender, err := rig.NewSender()
	if err != nil {
		t.Fatal(err)
	}
	return &run{Rig: r, sender: sender, Options: Options{Rounds: 2, Quick: true, Progress: func(string) {}}}
}

func TestRaceTimesEverySideInEveryRound(t *testing.T) {
	r := newRun(t)
	var of [2]int
	rounds, err := r.race(t.Context(),
		func(n int) error { of[0] += n; return spin(n) },
		func(n int) error { of[1] += n; return spin(100 * n) })
	if err != nil {
		t.Fatal(err)
	}
	if len(rounds) != 2 || len(rounds[0]) != 2 || of[0] == 0 || of[1] == 0 {
		t.Fatalf("rounds %v of %v", rounds, of)
	}
	for _, pair := range paired(rounds, 1, 0) {
		if pair.Figure <= pair.Reference {
			t.Errorf("%v ns for a hundred times what took %v ns", pair.Figure, pair.Reference)
		}
	}
	broken := errors.New("broken")
	if _, err := r.race(t.Context(), func(int) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want the side's", err)
	}
}

var sink uint64

func spin(n int) error {
	for i := range 100 * n {
		sink = sink*31 + uint64(i)
	}
	return nil
}

// What runs in this process is run in earnest; that the figures are right is for the marks to say.
func TestVerification(t *testing.T) {
	r := newRun(t)
	r.Only = regexp.MustCompile("^verify-")
	var arrived []int
	r.Arrived = func(rows []*report.Row) { arrived = append(arrived, len(rows)) }
	rows, err := Run(t.Context(), r.Rig, r.Options)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5 || !slices.Equal(arrived, []int{4, 5}) {
		t.Errorf("%d rows, arriving as %v", len(rows), arrived)
	}
	for _, row := range rows {
		// None is a good number of allocations; a ratio that is not a number was not measured.
		if ratio, _, _ := row.Ratio(); !(ratio >= 0) || row.Mark == (report.Mark{}) {
			t.Errorf("%s: ratio %v, wanted %q", row.Name(), ratio, row.Mark)
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
	rows, err := Run(t.Context(), r.Rig, Options{Rounds: 1, Arrived: func([]*report.Row) {}})
	if err == nil || err.Error() != "broken: broken" {
		t.Errorf("error %v", err)
	}
	if len(rows) != 2 || rows[0].LeftOut == "" || rows[0].Missed() || rows[1].Figure != "one" {
		t.Errorf("%d rows before it, want one left out and one", len(rows))
	}
}
