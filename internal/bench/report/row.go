// Package report holds the figures of gemhook and of what it is compared with, and shows them as a
// table.
//
// Absolute figures of a shared machine vary. The ratio of two things that are measured at the same
// time varies much less. So a [Row] keeps both sides of every round and the ratio of the two, its
// ratio is the median of the rounds' ratios, and the spread is the smallest and the largest of
// them.
package report

import (
	"math"
	"slices"
)

// A Round is one measurement of both sides. Reference is 0 where there is none.
type Round struct {
	Figure, Reference float64
	paired            float64 // the ratio, where it is known better than by the two; else 0
}

// Paired returns the round of two sides that were measured as many times, in turn: the median of
// each side and, as the ratio, the median over the pairs. The two of a pair are measured one right
// after the other, so noise that lasts for less than a round affects both.
func Paired(figures, references []float64) Round {
	ratios := make([]float64, len(figures))
	for i := range figures {
		ratios[i] = figures[i] / references[i]
	}
	return Round{Figure: Median(figures), Reference: Median(references), paired: Median(ratios)}
}

func (r Round) ratio() float64 {
	if r.paired != 0 {
		return r.paired
	}
	return r.Figure / r.Reference
}

// A Row is one line of the table.
type Row struct {
	Figure    string // what was measured
	Reference string // what it was compared with; empty: nothing
	Unit      Unit
	Rounds    []Round
	Mark      Mark
	Note      string // one sentence below the table
	LeftOut   string // why there are no rounds
}

// A Mark is the target of a row. The zero Mark is none.
type Mark struct {
	Bound    float64
	AtLeast  bool // else at most
	OfFigure bool // of the figure itself rather than of the ratio
}

// AtMost is a ratio of no more than bound.
func AtMost(bound float64) Mark { return Mark{Bound: bound} }

// AtLeast is a ratio of no less than bound.
func AtLeast(bound float64) Mark { return Mark{Bound: bound, AtLeast: true} }

// FigureAtMost is a figure, in its unit, of no more than bound.
func FigureAtMost(bound float64) Mark { return Mark{Bound: bound, OfFigure: true} }

// Name identifies a row, also among rows of the same figure.
func (r *Row) Name() string {
	if r.Reference == "" {
		return r.Figure
	}
	return r.Figure + ", compared with " + r.Reference
}

// Value returns the median of the figure over the rounds.
func (r *Row) Value() float64 {
	return Median(r.each(func(round Round) float64 { return round.Figure }))
}

// ReferenceValue returns the median of the reference over the rounds.
func (r *Row) ReferenceValue() float64 {
	return Median(r.each(func(round Round) float64 { return round.Reference }))
}

// Ratio returns the median of the rounds' ratios, figure over reference, and the smallest and
// largest of them. All are NaN where there is no reference.
func (r *Row) Ratio() (median, smallest, largest float64) {
	if r.Reference == "" || len(r.Rounds) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	ratios := r.each(Round.ratio)
	return Median(ratios), slices.Min(ratios), slices.Max(ratios)
}

// Missed reports whether the row was measured and misses its target.
func (r *Row) Missed() bool {
	if r.Mark == (Mark{}) || len(r.Rounds) == 0 {
		return false
	}
	got, _, _ := r.Ratio()
	if r.Mark.OfFigure {
		got = r.Value()
	}
	if r.Mark.AtLeast {
		return !(got >= r.Mark.Bound)
	}
	return !(got <= r.Mark.Bound)
}

func (r *Row) each(of func(Round) float64) []float64 {
	values := make([]float64, len(r.Rounds))
	for i, round := range r.Rounds {
		values[i] = of(round)
	}
	return values
}

// Median returns the median of values, NaN if there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
