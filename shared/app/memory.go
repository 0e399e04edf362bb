package app

import (
	"cmp"
	"os"
	"runtime/debug"
)

// How the garbage collector is paced: it waits until the heap is five times what is alive instead
// of twice, which saves a tenth of a receiver's processor time, but stays within a memory limit
// when many forged requests come in. The limit has room for the bodies of all requests at once,
// each held twice while it is read; with less, the collector would run all the time and free
// nothing. Lambda's smallest instance has 128 MiB.
const (
	heapGrowth     = 400      // percent
	leastMemory    = 64 << 20 // bytes
	memoryNoBodies = 48 << 20 // bytes, beside the bodies
)

// memoryLimit returns the soft memory limit, in bytes, where requests hold bodies of that many
// bytes at once.
func memoryLimit(bodies int64) int64 { return max(leastMemory, memoryNoBodies+2*bodies) }

// A Pace says how the garbage collector of a function's process is paced.
type Pace struct {
	Bodies int64 // bytes of bodies or buffers that requests hold at once
	Growth int   // of the heap, in percent of what is alive; 0 means 400
}

// set sets the pace of this process's collector. GOGC and GOMEMLIMIT take precedence.
func (p Pace) set() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(cmp.Or(p.Growth, heapGrowth))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(p.Bodies))
	}
}
