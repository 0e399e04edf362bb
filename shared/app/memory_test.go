package app

import (
	"runtime/debug"
	"testing"
)

// paced returns how the collector is paced in an environment, and leaves it as it was.
func paced(t *testing.T, growth, limit string) (percent int, bytes int64) {
	t.Helper()
	t.Setenv("GOGC", growth)
	t.Setenv("GOMEMLIMIT", limit)
	percentBefore, bytesBefore := debug.SetGCPercent(77), debug.SetMemoryLimit(1<<40)
	paceCollector(1 << 30)
	return debug.SetGCPercent(percentBefore), debug.SetMemoryLimit(bytesBefore)
}

func TestPaceCollector(t *testing.T) {
	if percent, bytes := paced(t, "", ""); percent != heapGrowth || bytes != memoryLimit(1<<30) {
		t.Errorf("the heap grows by %d %% and to %d bytes, want %d and %d", percent, bytes, heapGrowth, memoryLimit(1<<30))
	}
	// As the runtime has it from these variables when the process begins.
	if percent, bytes := paced(t, "77", "1TiB"); percent != 77 || bytes != 1<<40 {
		t.Errorf("the heap grows by %d %% and to %d bytes, although GOGC and GOMEMLIMIT are set", percent, bytes)
	}
}

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
