package app

import (
	"os"
	"runtime/debug"
)

// How the garbage collector is paced: it waits until the heap is five times what is alive instead
// of twice, which saves a tenth of a receiver's processor time, but stays within a memory limit
// when forgeries flood in. The limit has room for the bodies of all requests at once, each held
// twice while it is read; with less, the collector would run all the time and free nothing.
// Lambda's smallest instance has 128 MiB.
const (
	heapGrowth     = 400      // percent
	leastMemory    = 64 << 20 // bytes
	memoryNoBodies = 48 << 20 // bytes, beside the bodies
)

// memoryLimit returns the soft memory limit in bytes for so many bytes of bodies at once.
func memoryLimit(bodies int64) int64 { return max(leastMemory, memoryNoBodies+2*bodies) }

// paceCollector paces the collector of this process for so many bytes of bodies at once, except as
// GOGC and GOMEMLIMIT do.
func paceCollector(bodies int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(bodies))
	}
}
