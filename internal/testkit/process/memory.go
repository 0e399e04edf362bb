package process

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// PeakMemoryKnown reports whether this system says how much memory a process occupied at most:
// Linux does, in proc(5).
const PeakMemoryKnown = runtime.GOOS == "linux"

// PeakMemory returns the largest resident set that a running process has had so far, in bytes; 0
// where [PeakMemoryKnown] is false. (getrusage(2) is no help: for a child that has ended it
// includes the parent's memory from before exec.)
func PeakMemory(pid int) (int64, error) {
	if !PeakMemoryKnown {
		return 0, nil
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read peak memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		var kibibytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kibibytes); n == 1 {
			return kibibytes << 10, nil
		}
	}
	return 0, fmt.Errorf("read peak memory: the status of process %d has no VmHWM", pid)
}
