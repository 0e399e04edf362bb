// Command gemhook is the operator's command line; see docs/cli.md and --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gemhook/gemhook/internal/cli"
	"github.com/gemhook/gemhook/internal/cli/failure"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	// Once SIGPIPE is asked for, a write to a closed pipe fails and no longer ends the process before it has cleaned up.
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go whenClosed(os.Stdout, func() { signals <- syscall.SIGPIPE })
	go func() {
		received := <-signals
		cancel(failure.Interruption{Signal: received.(syscall.Signal)})
		for again := range signals {
			if again == os.Interrupt || again == syscall.SIGTERM {
				os.Exit(1) // whoever asks again does not want to wait for the cleaning up
			}
		}
	}()
	os.Exit(cli.Run(ctx, os.Args[1:], cli.Environment{}))
}
