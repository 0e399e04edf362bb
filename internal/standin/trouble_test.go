package standin_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

func accepted(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// DropDeliveries drops a share of the deliveries, or all within a time.
func TestDropDeliveries(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{})
	h := newHook(t, accepted)
	f.register(h.url)
	emit := func(n int) (dropped int) {
		t.Helper()
		for range n {
			results, err := f.Emit(t.Context(), standin.Event("batch.succeeded"))
			if err != nil || len(results) != 1 {
				t.Fatalf("results %+v, %v", results, err)
			}
			switch {
			case errors.Is(results[0].Err, standin.ErrDropped) && results[0].Attempts == 0:
				dropped++
			case results[0].Err != nil:
				t.Fatal(results[0].Err)
			}
		}
		return dropped
	}
	f.DropDeliveries(standin.Drop{Share: 0.3})
	if got := emit(20); got != 6 || len(h.got) != 14 {
		t.Errorf("of 20 deliveries %d are dropped and %d came, want 6 and 14", got, len(h.got))
	}
	now := f.clock.Now()
	f.DropDeliveries(standin.Drop{Share: 1, From: now.Add(time.Hour), Until: now.Add(2 * time.Hour)})
	for _, want := range []int{0, 3, 0} {
		if got := emit(3); got != want {
			t.Errorf("%d of 3 are dropped %s later, want %d", got, f.clock.Now().Sub(now), want)
		}
		_ = f.clock.Wait(t.Context(), time.Hour)
	}
	f.DropDeliveries(standin.Drop{})
	if got := emit(5); got != 0 {
		t.Errorf("%d are dropped after the end of it", got)
	}
}

// A webhook is disabled after as many failures as DisableAfter. One that a person disabled keeps
// its state.
func TestDisableAfterFailures(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{DisableAfter: 5})
	failing := true
	h := newHook(t, func(w http.ResponseWriter, r *http.Request) {
		if failing {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	path := f.register(h.url)
	results, err := f.Emit(t.Context(), standin.Event("batch.succeeded"))
	if err != nil || !errors.Is(results[0].Err, standin.ErrWithdrawn) || results[0].Attempts != 5 {
		t.Errorf("results %+v, %v, want it withdrawn after 5 attempts", results, err)
	}
	if got := f.must("GET", path, "")["state"]; got != standin.StateDisabledDueToFailedDeliveries {
		t.Errorf("the webhook is %v", got)
	}
	failing = false
	f.must("PATCH", path+"?update_mask=state", `{"state":"enabled"}`)
	if results, err := f.Emit(t.Context(), standin.Event("batch.succeeded")); err != nil || len(results) != 1 || results[0].Err != nil {
		t.Errorf("once it is enabled: %+v, %v", results, err)
	}
	f.Disable(id(path))
	if got := f.must("GET", path, "")["state"]; got != standin.StateDisabledDueToFailedDeliveries {
		t.Errorf("a webhook that was disabled is %v", got)
	}
	f.must("PATCH", path+"?update_mask=state", `{"state":"disabled"}`)
	f.Disable(id(path))
	if got := f.must("GET", path, "")["state"]; got != standin.StateDisabled {
		t.Errorf("a webhook that a person had disabled is %v", got)
	}
}

// A list can have empty pages that are not the last.
func TestEmptyPages(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{})
	for _, id := range []string{"a", "b", "c"} {
		f.AddBatch(standin.Batch{ID: id})
	}
	f.AddEmptyPages(2)
	var sizes []int
	for token := ""; ; {
		page := f.must("GET", "/v1beta/batches?pageSize=2&pageToken="+token, "")
		operations, _ := page["operations"].([]any)
		sizes = append(sizes, len(operations))
		next, more := page["nextPageToken"].(string)
		if !more {
			break
		}
		token = next
	}
	if want := [4]int{0, 0, 2, 1}; len(sizes) != 4 || [4]int(sizes) != want {
		t.Errorf("pages of %v batches, want %v", sizes, want)
	}
}

// A wait ends when the clock has moved far enough, or with its context.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
		clock := standin.NewClock(start)
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- clock.Wait(t.Context(), time.Hour) }()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { second <- clock.Wait(ctx, 2*time.Hour) }()
		synctest.Wait()
		if clock.Waiting() != 2 {
			t.Fatalf("%d wait, want 2", clock.Waiting())
		}
		clock.Advance(time.Hour)
		if err := <-first; err != nil {
			t.Errorf("a wait of an hour: %v", err)
		}
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("a wait that is cancelled: %v", err)
		}
		if got := clock.Now().Sub(start); got != time.Hour || clock.Waiting() != 0 {
			t.Errorf("it is %s later, and %d wait", got, clock.Waiting())
		}
		if err := clock.Wait(t.Context(), 0); err != nil {
			t.Errorf("no wait: %v", err)
		}
	})
}
