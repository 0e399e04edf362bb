// Bench is the program behind scripts/bench: it measures gemhook beside what it is held against.
//
// What is measured is in package suite, how it is shown in package report; package rig sets up what they need.
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
	"github.com/gemhook/gemhook/internal/bench/rig"
	"github.com/gemhook/gemhook/internal/bench/suite"
)

const usage = `usage: scripts/bench [--rounds N] [--only REGEXP] [--markdown FILE] [--quick]

Measures gemhook side by side with what it is held against, on this machine, and
prints a table: each figure, what it was measured beside, the ratio of the two
as the median over the rounds, its spread, and what is wanted of it. It starts
and stops all that it needs. What cannot be measured here is left out, with a
line that says why.

  --rounds    how many rounds, whose sides take turns (default 5)
  --only      only the benchmarks whose name matches:
              %s
  --markdown  also write the table there, and again whenever a row arrives
  --quick     a tenth of the work: to see that all is in order, not to quote

Exits with 0 if every row is as wanted, with 1 if one is not or on an error.
`

// Exit codes: that of sysexits.h for a wrong command line, and the shell's for an interrupt.
const (
	exitUsage     = 64
	exitInterrupt = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
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

	rows, err := measure(ctx, *root, *markdown, suite.Options{
		Rounds: *rounds, Quick: *quick, Only: pattern,
		Progress: func(text string) { fmt.Fprintln(stderr, text) },
	})
	if len(rows) > 0 {
		fmt.Fprintf(stdout, "\n%s\n\n%s", heading(*rounds, *quick), report.Terminal(rows))
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
	r, err := rig.New(root)
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
		text += " Quick: a tenth of the work, not to be quoted."
	}
	return text
}

// verdict names the rows that are not as wanted.
func verdict(rows []*report.Row, stderr io.Writer) int {
	code := 0
	for _, row := range rows {
		if row.Missed() {
			fmt.Fprintf(stderr, "bench: not as wanted: %s\n", row.Name())
			code = 1
		}
	}
	return code
}
