// Withproviders runs a command with Terraform's providers, each started once.
//
//	go run ./internal/testkit/withproviders FOLDER... -- COMMAND [ARGUMENT...]
//
// The providers are those that "terraform init" has installed in the folders. Whatever terraform
// the command runs uses them as they run, and need not start them again. It exits with the
// command's code; "go run" makes 1 of any.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"github.com/gemhook/gemhook/internal/testkit/providers"
)

const usage = "usage: withproviders FOLDER... -- COMMAND [ARGUMENT...]"

func main() {
	end := slices.Index(os.Args, "--")
	if end < 2 || end == len(os.Args)-1 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(64)
	}
	if err := run(os.Args[1:end], os.Args[end+1:]); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(max(exit.ExitCode(), 1))
		}
		fmt.Fprintf(os.Stderr, "withproviders: %v\n", err)
		os.Exit(1)
	}
}

func run(folders, arguments []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	running, err := providers.Start(ctx, folders...)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.Env = append(os.Environ(), running.Environment())
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	return errors.Join(command.Run(), running.Stop())
}
