package report_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/cli/console"
)

// The median is that of any order, and leaves the values as they are.
func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{1, 1, 1, 1, 1000}, 1},
	} {
		t.Run(fmt.Sprint(test.values), func(t *testing.T) {
			given := append([]float64(nil), test.values...)
			if got := report.Median(given); got != test.want {
				t.Errorf("Median(%v) = %v, want %v", test.values, got, test.want)
			}
			if !slices.Equal(given, test.values) {
				t.Errorf("Median changed its argument: %v, was %v", given, test.values)
			}
		})
	}
	if got := report.Median(nil); !math.IsNaN(got) {
		t.Errorf("Median(nil) = %v, want NaN", got)
	}
}

// The ratio is the median of ratios, which differs from the ratio of medians.
func TestRatioIsOfRounds(t *testing.T) {
	row := &report.Row{Reference: "x", Rounds: []report.Round{{Figure: 10, Reference: 10}, {Figure: 30, Reference: 10}, {Figure: 40, Reference: 20}}}
	median, smallest, largest := row.Ratio()
	if median != 2 || smallest != 1 || largest != 3 {
		t.Errorf("Ratio() = %v, %v–%v; want 2, 1–3", median, smallest, largest)
	}
	if row.Value() != 30 || row.ReferenceValue() != 10 {
		t.Errorf("values %v and %v, want 30 and 10", row.Value(), row.ReferenceValue())
	}
	row.Reference = ""
	if median, _, _ := row.Ratio(); !math.IsNaN(median) {
		t.Errorf("ratio without a reference: %v", median)
	}
}

// The ratio of a pair counts, not that of what was measured at other times.
func TestRatioIsOfPairs(t *testing.T) {
	round := report.Paired([]float64{10, 200, 3000}, []float64{5, 100, 1000})
	if round.Figure != 200 || round.Reference != 100 {
		t.Errorf("%v beside %v, want the medians 200 and 100", round.Figure, round.Reference)
	}
	row := &report.Row{Reference: "x", Rounds: []report.Round{report.Paired([]float64{3, 40, 30}, []float64{1, 10, 20})}}
	if median, _, _ := row.Ratio(); median != 3 {
		t.Errorf("Ratio() = %v, want 3, the median of 3, 4 and 1.5", median)
	}
}

// A row misses its mark only by a ratio or figure beyond it, and where nothing can be divided.
func TestMarks(t *testing.T) {
	rounds := func(figure, reference float64) []report.Round {
		return []report.Round{{Figure: figure, Reference: reference}}
	}
	for _, test := range []struct {
		name   string
		mark   report.Mark
		rounds []report.Round
		missed bool
	}{
		{"none", report.Mark{}, rounds(9, 1), false},
		{"at most, at it", report.AtMost(1.5), rounds(3, 2), false},
		{"at most, above", report.AtMost(1.5), rounds(3.01, 2), true},
		{"at least, at it", report.AtLeast(8), rounds(16, 2), false},
		{"at least, below", report.AtLeast(8), rounds(15.9, 2), true},
		{"of the figure, at it", report.FigureAtMost(1), rounds(1, 100), false},
		{"of the figure, above", report.FigureAtMost(1), rounds(2, 100), true},
		{"nothing to divide by", report.AtMost(1), rounds(0, 0), true},
		{"nothing measured", report.AtMost(1), nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			row := &report.Row{Figure: "f", Reference: "r", Mark: test.mark, Rounds: test.rounds}
			if got := row.Missed(); got != test.missed {
				t.Errorf("Missed() = %t, want %t", got, test.missed)
			}
		})
	}
}

// Figures are printed with three digits and a unit that fits.
func TestUnits(t *testing.T) {
	for _, test := range []struct {
		unit  report.Unit
		value float64
		want  string
	}{
		{report.Nanoseconds, 281.4, "281 ns"},
		{report.Nanoseconds, 1975, "1.98 µs"},
		{report.Nanoseconds, 18_460_000, "18.5 ms"},
		{report.Nanoseconds, 2e9, "2 s"},
		{report.PerSecond, 925.4, "925/s"},
		{report.PerSecond, 24_410, "24.4k/s"},
		{report.Bytes, 19_660_926, "19.7 MB"},
		{report.Bytes, 78_249, "78.2 kB"},
		{report.Bytes, 12, "12 B"},
		{report.Count, 17, "17"},
		{report.Count, 50_000, "50000"},
		{report.Count, 0.345, "0.34"},
		{report.Count, 9.996, "10.0"},
		{report.Count, math.NaN(), "–"},
	} {
		t.Run(test.want, func(t *testing.T) {
			if got := test.unit.Format(test.value); got != test.want {
				t.Errorf("Format(%v) = %q, want %q", test.value, got, test.want)
			}
		})
	}
}

var rows = []*report.Row{
	{
		Figure: "verify a v1 delivery", Reference: "a library",
		Rounds: []report.Round{{Figure: 690, Reference: 2000}, {Figure: 700, Reference: 2000}, {Figure: 710, Reference: 2000}}, Mark: report.AtMost(0.345),
		Note: "Said once.",
	},
	{
		Figure: "forged requests refused, one process", Reference: "a | b", Unit: report.PerSecond,
		Rounds: []report.Round{{Figure: 24_000, Reference: 2000}}, Mark: report.AtLeast(8), Note: "Said once.",
	},
	{Figure: "allocations", Reference: "a library", Unit: report.Count, Rounds: []report.Round{{Figure: 1, Reference: 17}}, Mark: report.FigureAtMost(1)},
	{Figure: "size", Unit: report.Bytes, Rounds: []report.Round{{Figure: 78_249, Reference: 0}}},
	{Figure: "memory", Reference: "a library", Mark: report.AtMost(1), LeftOut: "there is none"},
}

// On a terminal a report is a table, with the notes and what was left out below it.
func TestTerminal(t *testing.T) {
	const want = `   FIGURE                                GEMHOOK  COMPARED WITH  ITS FIGURE  RATIO     SPREAD   TARGET
✗  verify a v1 delivery                   700 ns  a library            2 µs   0.35  0.34–0.35  ≤ 0.345
✓  forged requests refused, one process  24k/s    a | b                2k/s     12                 ≥ 8
✓  allocations                                 1  a library              17                        ≤ 1
   size                                  78.2 kB

Said once.

Left out: memory, compared with a library: there is none
`
	got := report.Terminal(console.New(nil, nil, func(string) string { return "" }), rows)
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// In Markdown it is the same table, as docs/performance.md has it.
func TestMarkdown(t *testing.T) {
	const want = `Measured somewhere.

| figure | gemhook | compared with | its figure | ratio | spread | target | |
|---|--:|---|--:|--:|--:|--:|---|
| verify a v1 delivery | 700 ns | a library | 2 µs | 0.35 | 0.34–0.35 | ≤ 0.345 | ✗ |
| forged requests refused, one process | 24k/s | a \| b | 2k/s | 12 | | ≥ 8 | ✓ |
| allocations | 1 | a library | 17 | | | ≤ 1 | ✓ |
| size | 78.2 kB | | | | | | |

Said once.

Left out: memory, compared with a library: there is none
`
	if got := report.Markdown("Measured somewhere.", rows); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
