package explore_test

import (
	"flag"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/explore"
	"github.com/gemhook/gemhook/shared/ledger"
)

// shortestLease is the least that the configuration takes: the tightest for a claim.
const shortestLease = 10500 * time.Millisecond

var (
	deliveries = flag.Int("deliveries", 0, "explore so many deliveries as well; 3 with 2 faults takes an hour")
	faults     = flag.Int("faults", explore.NoLimit, "with so many faults at most")
)

func TestEveryInterleaving(t *testing.T) {
	for _, test := range []struct {
		name string
		explore.Settings
	}{
		{"two deliveries, any faults", explore.Settings{Deliveries: 2, Faults: explore.NoLimit}},
		{"two deliveries, two faults, clocks apart", explore.Settings{Deliveries: 2, Faults: 2, Skew: ledger.MaxClockSkew}},
		{"two deliveries, one fault, a dead letter", explore.Settings{Deliveries: 2, Faults: 1, Body: []byte("not an event")}},
		{"two deliveries, two faults, the default lease", explore.Settings{Deliveries: 2, Faults: 2, Lease: time.Minute}},
		{"three deliveries, no fault", explore.Settings{Deliveries: 3}},
		{"three deliveries, one fault", explore.Settings{Deliveries: 3, Faults: 1}},
	} {
		t.Run(test.name, func(t *testing.T) { wantHeld(t, test.Settings) })
	}
}

// TestAsFarAsAsked goes as far as the flags say.
func TestAsFarAsAsked(t *testing.T) {
	if *deliveries == 0 {
		t.Skip("-deliveries is not given")
	}
	wantHeld(t, explore.Settings{Deliveries: *deliveries, Faults: *faults})
}

// wantHeld wants all guarantees to hold in every state, and enough of those for it to mean something.
func wantHeld(t *testing.T, settings explore.Settings) {
	t.Helper()
	if settings.Lease == 0 {
		settings.Lease = shortestLease
	}
	begin := time.Now()
	report := explore.Run(t, settings)
	t.Logf("%s, in %s", report, time.Since(begin).Round(10*time.Millisecond))
	for _, violation := range report.Violations {
		t.Error(violation)
	}
	if report.States < 1000 {
		t.Errorf("%d states: something is not explored", report.States)
	}
}
