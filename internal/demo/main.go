// Command demo is gemhook's main job on one machine, with nothing set up:
//
//	go run ./internal/demo --once
//
// It runs the receiver with Firestore and Pub/Sub beside it, has a stand-in for Gemini sign and deliver genuine, repeated
// and forged events, reads from the topics' subscriptions what came out, and prints each delivery with its answer and its
// message. What is not as it should be is marked and makes the exit code 1.
//
// [deliveries] is what it delivers and what it expects. Everything listens on loopback, keys are made afresh for each run,
// and all that was started is stopped at the end or on an interrupt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/gemhook/gemhook/internal/ending"
)

const usage = `usage: scripts/run [--once] [--verbose]

Runs gemhook on this machine: the receiver, Firestore, Pub/Sub, and a stand-in
for Gemini that signs and delivers events, and prints what each delivery was
answered and what came out of the topic. Then it stays up until Ctrl-C, to be
sent more.

  --once     end after the table; the exit code is 0 only if all was as expected
  --verbose  show the receiver's log, which otherwise only goes to a file

Firestore and Pub/Sub are Google's emulators where they are installed (a Java
runtime, and gcloud components install cloud-firestore-emulator pubsub-emulator)
and stand-ins within the program otherwise.
`

// Exit codes; an interrupt before the table adds the signal to the last, as shells do.
const (
	exitFailure    = 1
	exitUsage      = 64 // EX_USAGE of sysexits.h
	exitSignalBase = 128
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr *os.File) int {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the usage is below
	once := flags.Bool("once", false, "")
	verbose := flags.Bool("verbose", false, "")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "scripts/run: %v\n%s", err, usage)
		return exitUsage
	}

	log, err := os.CreateTemp("", "gemhook-demo-*.log")
	if err != nil {
		fmt.Fprintf(stderr, "scripts/run: create the log: %v\n", err)
		return exitFailure
	}
	defer log.Close()
	d := newDemo(&printer{to: stdout, palette: palette{on: wantsColour(stdout, os.Getenv)}}, log)
	d.once, d.logPath = *once, log.Name()
	if *verbose {
		d.log = io.MultiWriter(log, stderr)
	}

	ctx, release := interruptible(context.Background())
	defer release()
	return exitCode(d.run(ctx), stderr)
}

// exitCode tells a person what went wrong, unless the table has told or the person did it.
func exitCode(err error, stderr io.Writer) int {
	var interrupted interruption
	switch {
	case err == nil:
		return 0
	case errors.As(err, &interrupted):
		return exitSignalBase + int(interrupted.signal)
	case err != errUnexpected:
		fmt.Fprintf(stderr, "scripts/run: %v\n", err)
	}
	return exitFailure
}

// An interruption is the cause of a context that a signal ended.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return i.signal.String() }

// interruptible returns a context that ends with the first signal that asks for it, or when nobody reads the output any more;
// the next SIGINT or SIGTERM ends the process, should stopping hang.
func interruptible(parent context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := ending.Notify(os.Stdout)
	go func() {
		select {
		case s := <-signals:
			cancel(interruption{s.(syscall.Signal)})
		case <-ctx.Done():
		}
		for again := range signals {
			if again == os.Interrupt || again == syscall.SIGTERM {
				os.Exit(exitFailure)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
