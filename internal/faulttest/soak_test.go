package faulttest

import (
	"testing"

	"github.com/gemhook/gemhook/internal/testkit/process"
)

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

func TestSoakPlan(t *testing.T) {
	const deliveries = 30_000
	next := soakPlan(deliveries)
	first := map[Event]int{}
	var repeats, forged, recent int
	for i := range deliveries {
		event, more := next()
		if !more {
			t.Fatalf("it ends after %d", i)
		}
		before, repeat := first[event]
		switch {
		case event.Forged:
			forged++
		case repeat:
			repeats++
			if i-before <= 12 {
				recent++
			}
		}
		if !repeat {
			first[event] = i
		}
	}
	if _, more := next(); more {
		t.Error("it does not end")
	}
	if forged != deliveries/100 {
		t.Errorf("%d forged, want one in a hundred", forged)
	}
	if repeats < deliveries*32/100 || repeats > deliveries*34/100 {
		t.Errorf("%d repeats, want a third", repeats)
	}
	if recent < repeats/3 || recent > repeats*2/3 {
		t.Errorf("%d of %d repeats follow soon, want half of them", recent, repeats)
	}
}
