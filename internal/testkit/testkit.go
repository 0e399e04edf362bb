// Package testkit is the one kit of the tests of this repository, and of the programs that only
// developers run. This package has what takes a *testing.T, and small things; a job of its own has
// a package of its own:
//
//   - process starts a program and waits for it;
//   - emulator starts Google's emulators of Firestore and Pub/Sub, and backend opens a project on
//     them, or stand-ins within the process where they are not installed;
//   - gemini is the stand-in for Gemini with its keys, which signs deliveries;
//   - proxy stands between a client and its server, and breaks connections;
//   - npm installs JavaScript packages;
//   - lambdaruntime is the AWS Lambda service as a function sees it;
//   - withemulators is a command that runs another one with emulators.
//
// Most tests share the emulators that scripts/test starts once for all of them and names in the
// environment; they keep apart by using projects of their own. A test that must stop or restart an
// emulator starts one itself.
package testkit

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit/process"
	"github.com/gemhook/gemhook/shared/retry"
)

// Patience is how long a test waits, before it fails, for what takes milliseconds on a machine that
// is not busy. It is long, as a test must not fail because much else runs beside it.
const Patience = 2 * time.Minute

// WaitBriefly is a function to wait with, for what would otherwise wait for seconds: it waits for
// d, but 20 ms at most.
func WaitBriefly(ctx context.Context, d time.Duration) error {
	return retry.Wait(ctx, min(d, 20*time.Millisecond))
}

// AwaitTrue returns when condition does, which it calls again and again. It fails the test, which
// says what it waited for, after Patience.
func AwaitTrue(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for !condition() {
		if retry.Wait(ctx, 10*time.Millisecond) != nil {
			t.Fatalf("waited %s without success: %s", Patience, what)
		}
	}
}

// FreePort returns a port of 127.0.0.1 on which nothing listens at the moment.
func FreePort(t testing.TB) string {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// A Clock is the system's clock, ahead of it by as much as a test says. The zero Clock is not
// ahead. It is safe for concurrent use.
type Clock struct{ ahead atomic.Int64 }

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock forward.
func (c *Clock) Advance(by time.Duration) { c.ahead.Add(int64(by)) }
