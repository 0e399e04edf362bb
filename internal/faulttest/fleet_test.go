package faulttest

import (
	"context"
	"testing"
	"time"
)

// A busy machine may take longer to start a process than the process is meant to live.
func TestAProcessIsBornBeforeItsTimeRunsOut(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	gemini, err := NewGemini()
	if err != nil {
		t.Fatal(err)
	}
	defer gemini.Close()
	const nowhere = "127.0.0.1:1" // nothing is delivered
	environment := gemini.Environment(&Backend{Project: "ordeal"}, nowhere, nowhere, "")
	const deaths = 20
	died := make(chan struct{}, deaths)
	asked := 0
	fleet, running, err := NewFleet(t.Context(), path, environment, 1, func(int) Death {
		if asked++; asked > deaths {
			close(died)
			return Death{}
		}
		return Death{After: time.Nanosecond}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	select {
	case <-died:
	case <-running.Done():
		t.Fatal(context.Cause(running))
	}
	if got := fleet.Deaths()[""]; got != deaths {
		t.Errorf("%d deaths, want %d", got, deaths)
	}
}
