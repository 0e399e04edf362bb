package faulttest

import (
	"context"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit/gemini"
)

// A busy machine may take longer to start a process than the process is meant to run.
func TestTimeOfAProcessBeginsWithItsStart(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	g := gemini.Start(testKeys(), nil)
	defer g.Close()
	const nowhere = "127.0.0.1:1" // nothing is delivered
	environment := environment(g, "faulttest", nowhere, nowhere, "")
	const crashes = 20
	crashed := make(chan struct{}, crashes)
	asked := 0
	fleet, running, err := NewFleet(t.Context(), path, environment, 1, func(int) Crash {
		if asked++; asked > crashes {
			close(crashed)
			return Crash{}
		}
		return Crash{After: time.Nanosecond}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	select {
	case <-crashed:
	case <-running.Done():
		t.Fatal(context.Cause(running))
	}
	if got := fleet.Crashes()[""]; got != crashes {
		t.Errorf("%d crashes, want %d", got, crashes)
	}
}
