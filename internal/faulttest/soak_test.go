package faulttest

import (
	"testing"

	"github.com/gemhook/gemhook/internal/testkit/process"
)

// The guarantees hold over many deliveries with a crash every second; this is its short form.
func TestSoak(t *testing.T) {
	t.Parallel()
	result := run(t, Soak(*delivered, nil))
	wantPromisesKept(t, result)
	if forged := *delivered / 100; result.Forged != forged || result.Delivered != *delivered-forged {
		t.Errorf("%d delivered and %d forged of %d, want %d forged", result.Delivered, result.Forged, *delivered, forged)
	}
	if result.Kills() == 0 {
		t.Error("no process crashed")
	}
	for slot, memory := range result.PeakMemory {
		if memory == 0 && process.PeakMemoryKnown {
			t.Errorf("the peak memory of slot %d is not known", slot)
		}
	}
}
