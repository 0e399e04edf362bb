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
	paceCollector()
	return debug.SetGCPercent(percentBefore), debug.SetMemoryLimit(bytesBefore)
}

func TestPaceCollector(t *testing.T) {
	if percent, bytes := paced(t, "", ""); percent != heapGrowth || bytes != memoryLimit {
		t.Errorf("the heap grows by %d %% and to %d bytes, want %d and %d", percent, bytes, heapGrowth, memoryLimit)
	}
	// As the runtime has it from these variables when the process begins.
	if percent, bytes := paced(t, "77", "1TiB"); percent != 77 || bytes != 1<<40 {
		t.Errorf("the heap grows by %d %% and to %d bytes, although GOGC and GOMEMLIMIT are set", percent, bytes)
	}
}
