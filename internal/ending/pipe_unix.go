//go:build unix

package ending

import (
	"os"

	"golang.org/x/sys/unix"
)

// whenClosed calls closed when nobody reads a pipe any more. Without it, a command that waits would
// find out only when it next writes. It returns at once for what is not a pipe.
func whenClosed(stream *os.File, closed func()) {
	info, err := stream.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	for {
		watched := []unix.PollFd{{Fd: int32(stream.Fd())}}
		_, err := unix.Poll(watched, -1)
		if err == unix.EINTR {
			continue
		}
		if err == nil && watched[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			closed()
		}
		return
	}
}
