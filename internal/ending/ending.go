// Package ending finds out when a program is to end: a signal asks it to, its terminal is gone, or
// nobody reads what it prints.
//
// Without it a SIGHUP, or a write to a closed pipe, ends a Go program at once, before it has
// cleaned up.
package ending

import (
	"os"
	"os/signal"
	"syscall"
)

// Notify returns a channel of the signals that ask the program to end: SIGINT, SIGTERM, SIGHUP and
// SIGPIPE. SIGINT and SIGHUP stay ignored if the program was started to ignore them, as in the
// background of a script and under nohup. When nobody reads one of the outputs any more, it sends SIGPIPE as well, if the output
// is a pipe. From now on a write to a closed pipe fails, and does not end the program.
func Notify(outputs ...*os.File) <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGPIPE)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	for _, output := range outputs {
		go whenClosed(output, func() { signals <- syscall.SIGPIPE })
	}
	return signals
}
