// Package failure says what an error means to the person who runs a command: the exit code, and
// what to do about it.
//
// Both are in one table, [kinds]. A command that knows more than the table adds its own advice with
// [Advise] or its own code with [WithCode]; both are found through any number of wrappings.
package failure

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// Exit codes, after sysexits.h where it has one.
const (
	Failed      = 1
	Usage       = 64 // EX_USAGE
	NotFound    = 66 // EX_NOINPUT
	Unavailable = 69 // EX_UNAVAILABLE
	Permission  = 77 // EX_NOPERM
	Settings    = 78 // EX_CONFIG

	signalled = 128 // and the number of the signal
)

// ErrShown ends a command that has printed already what failed, such as a check.
var ErrShown = errors.New("failed")

// An Interruption is the cause of a context that a signal ended.
type Interruption struct{ Signal syscall.Signal }

func (i Interruption) Error() string { return i.Signal.String() }

// Interrupted returns the signal that ended ctx, if one did.
func Interrupted(ctx context.Context) (Interruption, bool) {
	var interruption Interruption
	return interruption, ctx.Err() != nil && errors.As(context.Cause(ctx), &interruption)
}

type usageError struct{ error }

func (u *usageError) Unwrap() error { return u.error }

// Usagef returns the error of a command line that is wrong.
func Usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// IsUsage reports whether the command line is at fault.
func IsUsage(err error) bool {
	var wrong *usageError
	return errors.As(err, &wrong)
}

type advised struct {
	error
	advice string
}

func (a *advised) Unwrap() error { return a.error }

// Advise adds advice to an error, in place of the table's; nil stays nil. Lines are separated by
// line feeds.
func Advise(err error, advice string) error {
	if err == nil {
		return nil
	}
	return &advised{err, advice}
}

type coded struct {
	error
	code int
}

func (c *coded) Unwrap() error { return c.error }

// WithCode gives an error an exit code of its own; nil stays nil.
func WithCode(err error, code int) error {
	if err == nil {
		return nil
	}
	return &coded{err, code}
}

// ExitCode returns the exit code of a command that ran under ctx and ended with err.
func ExitCode(ctx context.Context, err error) int {
	var own *coded
	interruption, interrupted := Interrupted(ctx)
	switch {
	case err == nil:
		return 0
	case IsUsage(err):
		return Usage
	case errors.As(err, &own):
		return own.code
	case interrupted:
		return signalled + int(interruption.Signal)
	}
	for _, kind := range kinds {
		if kind.code != 0 && kind.is(err) {
			return kind.code
		}
	}
	return Failed
}

// Advice returns what to do about an error; empty if there is nothing to say.
func Advice(err error) string {
	if advice, given := OwnAdvice(err); given {
		return advice
	}
	for _, kind := range kinds {
		if kind.advice != nil && kind.is(err) {
			return kind.advice(err)
		}
	}
	return ""
}

// OwnAdvice returns the advice that was added with [Advise], if any was.
func OwnAdvice(err error) (advice string, given bool) {
	var own *advised
	if !errors.As(err, &own) {
		return "", false
	}
	return own.advice, true
}
