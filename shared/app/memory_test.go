package app

import (
	"runtime/debug"
	"testing"
)

// The collector's pace and limit are the function's, unless the environment sets them.
func TestPace(t *testing.T) {
	for name, test := range map[string]struct {
		growth, limit string // of the environment
		pace          Pace
		wantPercent   int
		wantBytes     int64
	}{
		"by default":    {"", "", Pace{Bodies: 1 << 30}, heapGrowth, memoryLimit(1 << 30)},
		"of a function": {"", "", Pace{Bodies: 1 << 30, Growth: 50}, 50, memoryLimit(1 << 30)},
		// As the runtime has it from these variables when the process begins.
		"by the environment": {"77", "1TiB", Pace{Bodies: 1 << 30, Growth: 50}, 77, 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", test.growth)
			t.Setenv("GOMEMLIMIT", test.limit)
			percentBefore, bytesBefore := debug.SetGCPercent(77), debug.SetMemoryLimit(1<<40)
			test.pace.set()
			percent, bytes := debug.SetGCPercent(percentBefore), debug.SetMemoryLimit(bytesBefore)
			if percent != test.wantPercent || bytes != test.wantBytes {
				t.Errorf("the heap grows by %d %% and to %d bytes, want %d and %d", percent, bytes, test.wantPercent, test.wantBytes)
			}
		})
	}
}

// The limit leaves room for the bodies that can be read at once.
func TestMemoryLimit(t *testing.T) {
	for name, test := range map[string]struct{ bodies, want int64 }{
		"one request at once":         {262144, 64 << 20},
		"80 of the usual size":        {80 * 262144, 88 << 20},
		"80 of the largest body size": {80 * 900_000, 48<<20 + 144_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			if got := memoryLimit(test.bodies); got != test.want {
				t.Errorf("memoryLimit(%d) = %d, want %d", test.bodies, got, test.want)
			}
		})
	}
}
