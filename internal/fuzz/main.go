// Fuzz is the program behind scripts/fuzz: it runs the module's fuzz targets one after the other, each for a while.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

const usage = `usage: scripts/fuzz [--time DURATION] [REGEXP]

Runs the native fuzz targets whose names match REGEXP, or all, one after the
other, and prints a line about each. It stops at the first input that makes a
target fail, says in which file that input is, and exits with 1.

  --time  for how long each target is fuzzed (default 3m); building and the
          known inputs come on top
`

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 64 // EX_USAGE of sysexits.h
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	root := flags.String("root", ".", "the module; set by the script")
	each := flags.Duration("time", 3*time.Minute, "")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 1 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(1))
	}
	if err == nil && *each <= 0 {
		err = fmt.Errorf("--time %s is no time", *each)
	}
	var wanted *regexp.Regexp
	if err == nil {
		wanted, err = regexp.Compile(flags.Arg(0))
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "fuzz: %v\n%s", err, usage)
		return exitUsage
	}
	if err := fuzzAll(ctx, *root, wanted, *each, stdout); err != nil {
		fmt.Fprintf(stderr, "fuzz: %v\n", err)
		return exitFailure
	}
	return 0
}

// fuzzAll fuzzes the targets until one fails.
func fuzzAll(ctx context.Context, root string, wanted *regexp.Regexp, each time.Duration, stdout io.Writer) error {
	targets, err := list(ctx, root, wanted)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return fmt.Errorf("no fuzz target matches %q", wanted)
	}
	names, folders := 0, 0
	for _, target := range targets {
		names, folders = max(names, len(target.name)), max(folders, len(target.folder))
	}
	for _, target := range targets {
		// The name first: whoever waits wants to know for what.
		fmt.Fprintf(stdout, "%-*s  %-*s", names, target.name, folders, target.folder)
		result, err := target.fuzz(ctx, root, each)
		if err != nil {
			fmt.Fprintln(stdout, "  FAILED")
			return err
		}
		fmt.Fprintf(stdout, "  %s\n", result)
	}
	return nil
}
