// Command gemhook is the operator's command line; see docs/cli.md and --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gemhook/gemhook/internal/cli"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		received := <-signals
		signal.Stop(signals) // the next one ends the process, should stopping hang
		cancel(cli.Interruption{Signal: received.(syscall.Signal)})
	}()
	os.Exit(cli.Run(ctx, os.Args[1:], cli.Environment{}))
}
