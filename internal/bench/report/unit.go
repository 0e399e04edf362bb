package report

import (
	"fmt"
	"math"
	"strconv"
)

// A Unit is what a row's figures count.
type Unit int

// The units.
const (
	Nanoseconds Unit = iota // shown as ns, µs, ms or s
	PerSecond               // of whatever the row names
	Bytes                   // shown as kB or MB, powers of ten
	Count                   // of whatever the row names
)

// Format shows a value with three significant digits, and its unit.
func (u Unit) Format(value float64) string {
	switch u {
	case PerSecond:
		return scaled(value, "/s", step{1e3, "k/s"})
	case Bytes:
		return scaled(value, " B", step{1e3, " kB"}, step{1e6, " MB"})
	case Count:
		return digits(value)
	}
	return scaled(value, " ns", step{1e3, " µs"}, step{1e6, " ms"}, step{1e9, " s"})
}

type step struct {
	size float64
	name string
}

func scaled(value float64, name string, larger ...step) string {
	size := 1.0
	for _, step := range larger {
		if math.Abs(value) >= step.size {
			size, name = step.size, step.name
		}
	}
	return digits(value/size) + name
}

// digits writes a number with three significant digits, or all of those before the point.
func digits(value float64) string {
	if math.IsNaN(value) {
		return "–"
	}
	places := 2
	for limit := 10.0; places > 0 && math.Abs(value) >= limit-5*math.Pow10(-places-1); limit *= 10 {
		places--
	}
	if value == math.Trunc(value) && math.Abs(value) < 1e3 && places > 0 {
		places = 0
	}
	return strconv.FormatFloat(value, 'f', places, 64)
}

// String shows the target as a ratio.
func (m Mark) String() string {
	if m == (Mark{}) {
		return ""
	}
	return fmt.Sprintf("%s %g", m.sign(), m.Bound)
}

func (m Mark) sign() string {
	if m.AtLeast {
		return "≥"
	}
	return "≤"
}
