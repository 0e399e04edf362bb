// Package peakmemory tells how much memory a running process has occupied at most.
package peakmemory

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Known tells whether this system says so: Linux does, in proc(5).
const Known = runtime.GOOS == "linux"

// Of returns the largest resident set that a process has had so far, in bytes; 0 where that is not [Known]. The process
// must still be there. (What getrusage(2) tells of a child that has ended includes its parent from before exec.)
func Of(pid int) (int64, error) {
	if !Known {
		return 0, nil
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read peak memory: %w", err)
	}
	return parse(string(status))
}

func parse(status string) (int64, error) {
	for line := range strings.Lines(status) {
		var kibibytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kibibytes); n == 1 {
			return kibibytes << 10, nil
		}
	}
	return 0, fmt.Errorf("read peak memory: the process's status has no VmHWM")
}
