package interleavings_test

import (
	"flag"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/interleavings"
	"github.com/gemhook/gemhook/shared/ledger"
)

// tightLease is so short that the claim limits the publish, not the time of the delivery. The
// configuration does not take it.
const tightLease = 15 * time.Second

var (
	deliveries = flag.Int("deliveries", 0, "explore so many deliveries as well; 3 with 2 faults takes an hour")
	finishes   = flag.Int("finishes", 0, "with so many finishes")
	replays    = flag.Int("replays", 0, "with so many replays")
	faults     = flag.Int("faults", interleavings.NoLimit, "with so many faults at most")
)

// All guarantees hold in every state that these deliveries and faults can reach.
func TestEveryInterleaving(t *testing.T) {
	for _, test := range []struct {
		name string
		interleavings.Settings
	}{
		{"two deliveries, any faults", interleavings.Settings{Deliveries: 2, Faults: interleavings.NoLimit}},
		{"two deliveries, two faults, clocks apart and late bytes", interleavings.Settings{Deliveries: 2, Faults: 2, Skew: ledger.MaxClockSkew, Transit: ledger.MaxTransit}},
		{"two deliveries, two faults, clocks apart and late bytes, a tight lease", interleavings.Settings{Deliveries: 2, Faults: 2, Lease: tightLease, Skew: ledger.MaxClockSkew, Transit: ledger.MaxTransit}},
		{"two deliveries, one fault, a dead letter", interleavings.Settings{Deliveries: 2, Faults: 1, Body: []byte("not an event")}},
		{"two deliveries, two faults, the default lease", interleavings.Settings{Deliveries: 2, Faults: 2, Lease: time.Minute}},
		{"a delivery, finish and a replay, one fault", interleavings.Settings{Deliveries: 1, Finishes: 1, Replays: 1, Faults: 1}},
		{"two deliveries, finish and a replay, no fault", interleavings.Settings{Deliveries: 2, Finishes: 1, Replays: 1}},
		{"three deliveries, one fault", interleavings.Settings{Deliveries: 3, Faults: 1}},
	} {
		t.Run(test.name, func(t *testing.T) { wantHeld(t, test.Settings) })
	}
}

// TestAsFarAsAsked goes as far as the flags say.
func TestAsFarAsAsked(t *testing.T) {
	if *deliveries == 0 {
		t.Skip("this goes as far as -deliveries, -finishes, -replays and -faults say; -deliveries is not given")
	}
	wantHeld(t, interleavings.Settings{Deliveries: *deliveries, Finishes: *finishes, Replays: *replays, Faults: *faults})
}

// wantHeld wants all guarantees to hold in every state, and enough of those for it to mean
// something.
func wantHeld(t *testing.T, settings interleavings.Settings) {
	t.Helper()
	if settings.Lease == 0 {
		settings.Lease = ledger.MinLease
	}
	begin := time.Now()
	report := interleavings.Run(t, settings)
	t.Logf("%s, in %s", report, time.Since(begin).Round(10*time.Millisecond))
	for _, violation := range report.Violations {
		t.Error(violation)
	}
	if report.States < 1000 {
		t.Errorf("%d states: something is not explored", report.States)
	}
}
