// Withemulators runs a command with Google's Firestore and Pub/Sub emulators.
//
//	go run ./internal/testkit/withemulators -- go test ./...
//
// It starts both, names them to the command in FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST,
// passes SIGINT, SIGTERM and SIGHUP on to it, stops the emulators when it ends and exits with its
// code. "go run" makes 1 of any code; scripts that need the code itself build the program first.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

const usage = `usage: withemulators [--] COMMAND [ARGUMENT...]
       withemulators --check

Runs COMMAND with a Firestore and a Pub/Sub emulator of its own, which it finds
in FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST, and exits with its code.
With --check it starts nothing, and fails if an emulator is not installed.
`

// Exit codes of its own, beside the command's; the last two are the shell's.
const (
	exitFailure    = 1
	exitUsage      = 64 // EX_USAGE of sysexits.h
	exitCannotRun  = 126
	exitNotFound   = 127
	exitSignalBase = 128
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if len(args) == 1 && args[0] == "--check" {
		if err := emulator.Installed(context.Background()); err != nil {
			fmt.Fprintf(stderr, "withemulators: %v\n", err)
			return exitFailure
		}
		return 0
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	} else if len(args) > 0 && len(args[0]) > 0 && args[0][0] == '-' {
		args = nil
	}
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}

	command, err := exec.LookPath(args[0])
	if err != nil {
		fmt.Fprintf(stderr, "withemulators: %v\n", err)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return exitNotFound
		}
		return exitCannotRun
	}

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	env, stop, err := startEmulators(signals)
	var interrupted interruptedError
	switch {
	case errors.As(err, &interrupted):
		return exitSignalBase + int(interrupted.signal)
	case err != nil:
		fmt.Fprintf(stderr, "withemulators: %v\n", err)
		return exitFailure
	}
	cmd := exec.Command(command, args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	code, err := runCommand(cmd, signals)
	if err := errors.Join(err, stop()); err != nil {
		fmt.Fprintf(stderr, "withemulators: %v\n", err)
		code = max(code, exitFailure)
	}
	return code
}

// interruptedError is the signal that came while the emulators were starting.
type interruptedError struct{ signal syscall.Signal }

func (e interruptedError) Error() string { return e.signal.String() }

// startEmulators starts both emulators at once. It returns the variables that name them, and what
// stops them.
func startEmulators(signals <-chan os.Signal) (env []string, stop func() error, err error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	var firestore, pubSub *emulator.Emulator
	ended := make(chan error, 1)
	go func() {
		var err error
		firestore, pubSub, err = emulator.StartBoth(ctx, nil)
		ended <- err
	}()
	select {
	case s := <-signals:
		cancel(interruptedError{s.(syscall.Signal)})
		if err := <-ended; err != nil {
			return nil, nil, context.Cause(ctx)
		}
	case err := <-ended:
		if err != nil {
			cancel(nil)
			return nil, nil, err
		}
	}
	stop = func() error {
		defer cancel(nil)
		return errors.Join(firestore.Stop(), pubSub.Stop())
	}
	if cause := context.Cause(ctx); cause != nil {
		_ = stop()
		return nil, nil, cause
	}
	return []string{
		"FIRESTORE_EMULATOR_HOST=" + firestore.Host(),
		"PUBSUB_EMULATOR_HOST=" + pubSub.Host(),
	}, stop, nil
}

// runCommand runs the command, to which it passes the signals on, and returns its exit code, as a
// shell would where it has none.
func runCommand(cmd *exec.Cmd, signals <-chan os.Signal) (int, error) {
	if err := cmd.Start(); err != nil {
		return exitCannotRun, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // fails only where the command has ended
		case err := <-ended:
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				return exitSignalBase + int(status.Signal()), nil
			}
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return exitFailure, err
			}
			return cmd.ProcessState.ExitCode(), nil
		}
	}
}
