package faulttest

import (
	"strings"
	"testing"
)

// some returns the events of a trial with a number of deliveries.
func some(deliveries int) func() (Event, bool) {
	left := deliveries
	return delivering(func() bool {
		left--
		return left <= 0
	})
}

// TestDefectsAreNoticed shows that each of the trials can fail.
func TestDefectsAreNoticed(t *testing.T) {
	t.Parallel()
	crashAt := func(point string) func(int) Crash {
		crashes := make(chan Crash, 6)
		for visit := range cap(crashes) {
			crashes <- Crash{Point: point, Visit: 2 + visit}
		}
		close(crashes)
		return func(int) Crash { return <-crashes } // the zero Crash once all have happened
	}
	for _, test := range []struct {
		defect string
		trial  *Trial
		faults bool // on the wire
		want   string
	}{
		{"unmarked", &Trial{Crash: crashAt("after publish"), Next: some(200)}, false, "unmarked copies (G4)"},
		{"trusting", &Trial{Crash: crashAt("before publish"), Next: some(200)}, false, "lost (G1)"},
		{"twice", &Trial{Crash: crashAt("after settle"), Next: some(200)}, false, "published by two at the same time (G3)"},
		{"impatient", &Trial{Next: some(200)}, true, "unmarked copies (G4)"},
		{"careless", &Trial{Crash: crashAt("before settle"), Next: some(200)}, false, "altered"},
		{"credulous", Soak(400, nil), false, "forgeries not refused"},
	} {
		t.Run(test.defect, func(t *testing.T) {
			t.Parallel()
			trial := test.trial
			trial.Slots, trial.Simultaneous, trial.Open = soakSlots, 16, 100
			trial.Defect = test.defect
			if test.faults {
				proxied(t, trial, newFaultPlan(1, 0), newFaultPlan(6, 24))
			}
			err := run(t, trial).Err()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the trial found %v, want %q", err, test.want)
			}
		})
	}
}
