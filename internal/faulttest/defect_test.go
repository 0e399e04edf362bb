package faulttest

import (
	"strings"
	"testing"
)

// some returns the parcels of a trial with so many deliveries.
func some(deliveries int) func() (Parcel, bool) {
	left := deliveries
	return delivering(func() bool {
		left--
		return left <= 0
	})
}

// TestDefectsAreNoticed shows that each of the trials can fail.
func TestDefectsAreNoticed(t *testing.T) {
	t.Parallel()
	dieAt := func(point string) func(int) Death {
		deaths := make(chan Death, 6)
		for passage := range cap(deaths) {
			deaths <- Death{Point: point, Passage: 2 + passage}
		}
		close(deaths)
		return func(int) Death { return <-deaths } // the zero Death when all have died
	}
	for _, test := range []struct {
		defect string
		trial  *Trial
		storm  bool // faults on the wire
		want   string
	}{
		{"unmarked", &Trial{Death: dieAt("after publish"), Next: some(200)}, false, "unmarked copies (G4)"},
		{"trusting", &Trial{Death: dieAt("before publish"), Next: some(200)}, false, "lost (G1)"},
		{"twice", &Trial{Death: dieAt("after settle"), Next: some(200)}, false, "published by two at the same time (G3)"},
		{"impatient", &Trial{Next: some(200)}, true, "unmarked copies (G4)"},
		{"careless", &Trial{Death: dieAt("before settle"), Next: some(200)}, false, "altered"},
		{"credulous", Soak(400, nil), false, "forgeries not refused"},
	} {
		t.Run(test.defect, func(t *testing.T) {
			t.Parallel()
			trial := test.trial
			trial.Places, trial.Simultaneous, trial.Open = soakPlaces, 16, 100
			trial.Defect = test.defect
			if test.storm {
				proxied(t, trial, newWeather(1, 0), newWeather(6, 24))
			}
			err := run(t, trial).Err()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the trial found %v, want %q", err, test.want)
			}
		})
	}
}
