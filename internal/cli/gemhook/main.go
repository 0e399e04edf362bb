// Command gemhook is the operator's command line; see docs/cli.md and --help.
package main

import (
	"context"
	"os"
	"syscall"

	"github.com/gemhook/gemhook/internal/cli"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/ending"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := ending.Notify(os.Stdout)
	go func() {
		received := <-signals
		cancel(failure.Interruption{Signal: received.(syscall.Signal)})
		for again := range signals {
			if again == os.Interrupt || again == syscall.SIGTERM {
				os.Exit(1) // a second signal does not wait for the clean-up
			}
		}
	}()
	folder, _ := os.Getwd() // without it there is nowhere to look for the settings of gemhook dev
	os.Exit(cli.Run(ctx, os.Args[1:], cli.Environment{Folder: folder}))
}
