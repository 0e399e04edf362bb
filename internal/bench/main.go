// Bench is the program of scripts/bench: it measures gemhook and things to compare it with.
//
// What is measured is in package suite, how it is shown in package report; package setup starts
// what they need.
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
	"strings"
	"syscall"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/setup"
	"github.com/gemhook/gemhook/internal/bench/suite"
	"github.com/gemhook/gemhook/internal/cli/console"
)

const usage = `usage: scripts/bench [--rounds N] [--only REGEXP] [--markdown FILE] [--quick]

Measures gemhook and things to compare it with on this machine, in turn, and
prints a table: each figure, the same of the other thing, the ratio of the two
as the median over the rounds, its spread, and its target. It starts and stops
all that it needs. What cannot be measured here is left out, with a line that
says why.

  --rounds    how many rounds, whose sides take turns (default 5)
  --only      only the benchmarks whose name matches:
              %s
  --markdown  also write the table there, and again whenever a row arrives
  --quick     a fiftieth of the work, to see that everything works; not to be quoted

Exits with 0 if every row meets its target, with 1 if one does not or on an error.
`

// Exit codes: that of sysexits.h for a wrong command line, and the shell's for an interrupt.
const (
	exitUsage     = 64
	exitInterrupt = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// A closed pipe must not end this process before it has stopped what it started.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	help := fmt.Sprintf(usage, strings.Join(suite.Names(), ", "))
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	root := flags.String("root", ".", "the repository; set by the script")
	rounds := flags.Int("rounds", 5, "")
	only := flags.String("only", "", "")
	markdown := flags.String("markdown", "", "")
	quick := flags.Bool("quick", false, "")
	err := flags.Parse(args)
	pattern, patternErr := regexp.Compile(*only)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return 0
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *rounds < 1:
		err = fmt.Errorf("--rounds %d: at least 1", *rounds)
	case patternErr != nil:
		err = fmt.Errorf("--only: %w", patternErr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n%s", err, help)
		return exitUsage
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := measure(ctx, *root, *markdown, suite.Options{
		Rounds: *rounds, Quick: *quick, Only: pattern,
		Progress: func(text string) {
			if _, err := fmt.Fprintln(stderr, text); err != nil {
				cancel() // nobody reads any more
			}
		},
	})
	if len(rows) > 0 {
		screen := console.New(stdout, stderr, os.Getenv)
		if err := screen.Print(nil, func() string {
			return "\n" + heading(*rounds, *quick) + "\n\n" + report.Terminal(screen, rows)
		}); err != nil {
			cancel() // nobody reads any more
		}
	}
	switch {
	case ctx.Err() != nil:
		return exitInterrupt
	case err != nil:
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return verdict(rows, stderr)
}

// measure runs the suite, and keeps the file at markdown up to date if there is one.
func measure(ctx context.Context, root, markdown string, options suite.Options) ([]*report.Row, error) {
	r, err := setup.New(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var writeErr error
	options.Arrived = func(rows []*report.Row) {
		if markdown != "" {
			text := report.Markdown(heading(options.Rounds, options.Quick), rows)
			writeErr = os.WriteFile(markdown, []byte(text), 0o644)
		}
	}
	rows, err := suite.Run(ctx, r, options)
	return rows, errors.Join(err, writeErr)
}

// heading says what the figures are of.
func heading(rounds int, quick bool) string {
	text := fmt.Sprintf("Measured on %s; medians of %d rounds, spread from smallest to largest.", report.Machine(), rounds)
	if quick {
		text += " Quick: a fiftieth of the work, not to be quoted."
	}
	return text
}

// verdict names the rows that miss their target.
func verdict(rows []*report.Row, stderr io.Writer) int {
	code := 0
	for _, row := range rows {
		if row.Missed() {
			fmt.Fprintf(stderr, "bench: misses its target: %s\n", row.Name())
			code = 1
		}
	}
	return code
}
