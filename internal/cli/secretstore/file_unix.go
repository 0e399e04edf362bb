//go:build unix

package secretstore

import (
	"io/fs"
	"os"
	"syscall"
)

// lock keeps other runs of gemhook from replacing files of a folder, until unlock is called or the
// process ends.
func lock(folder string) (unlock func(), err error) {
	opened, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(opened.Fd()), syscall.LOCK_EX); err != nil {
		_ = opened.Close()
		return nil, err
	}
	return func() { _ = opened.Close() }, nil // closing unlocks
}

// names returns how many names a file has.
func names(info fs.FileInfo) uint64 {
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(system.Nlink)
	}
	return 1
}

// takeOwner gives a file the owner and group of another.
func takeOwner(draft *os.File, old fs.FileInfo) error {
	want, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := draft.Stat()
	if err != nil {
		return err
	}
	if has, ok := info.Sys().(*syscall.Stat_t); ok && has.Uid == want.Uid && has.Gid == want.Gid {
		return nil
	}
	return draft.Chown(int(want.Uid), int(want.Gid))
}
