package app

import (
	"os"
	"runtime/debug"
)

// How the garbage collector is paced: it waits until the heap is five times what is alive instead of twice, which spares a
// tenth of a receiver's processor time, but works as hard as it takes to stay within the memory that any instance has, when
// forgeries flood in. Lambda's smallest instance has 128 MiB.
const (
	heapGrowth  = 400      // percent
	memoryLimit = 64 << 20 // bytes, soft
)

// paceCollector paces the collector of this process, except as GOGC and GOMEMLIMIT do.
func paceCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
