package ordeal

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
)

// peakMemory is the most that a running process has occupied so far, in bytes: VmHWM of proc(5). It is 0 where there is no
// proc(5). (What getrusage(2) tells of a process includes its parent from before exec.)
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		var kilobytes int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return 0
}
