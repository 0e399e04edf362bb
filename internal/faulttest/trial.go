package faulttest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
)

// A Trial is one run from the first delivery to the last message.
type Trial struct {
	Slots        int                  // processes that run at a time
	Crash        func(slot int) Crash // as for [NewFleet]
	Simultaneous int                  // requests under way at most
	Open         int                  // deliveries not yet acknowledged at most
	Next         func() (Event, bool) // the next delivery, false at the end
	Done         func()               // called after each delivery, from any goroutine; nil: nothing is
	Patience     time.Duration        // after which the trial is given up as never ending; 0: no limit

	// Firestore and PubSub are where the processes find the backends; empty is the emulators
	// themselves.
	Firestore, PubSub string
	Defect            string // what the processes do wrong: a name of the program in faultyfunction
}

// A Result is what came of a trial.
type Result struct {
	*Tally
	Took       time.Duration
	Crashes    map[string]int // by point; "" counts those at random times
	PeakMemory []int64        // in bytes, by slot
}

// Kills returns how many processes crashed.
func (r *Result) Kills() int {
	kills := 0
	for _, count := range r.Crashes {
		kills += count
	}
	return kills
}

var errNeverEnds = errors.New("some deliveries are never acknowledged")

// Run carries out a trial on the emulators at those addresses, with the program of [Build]. Its
// error is of what kept it from being carried out; what it found is in the tally.
func Run(ctx context.Context, program, firestore, pubSub string, t *Trial) (_ *Result, err error) {
	begun := time.Now()
	project, err := openProject(ctx, firestore, pubSub)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, project.Close()) }()
	keys, err := standin.NewKeys(rand.Reader)
	if err != nil {
		return nil, err
	}
	g := gemini.Start(keys, nil)
	defer g.Close()
	environment := environment(g, project.ID, cmp.Or(t.Firestore, firestore), cmp.Or(t.PubSub, pubSub), t.Defect)
	fleet, running, err := NewFleet(ctx, program, environment, t.Slots, t.Crash)
	if err != nil {
		return nil, err
	}
	defer fleet.Close()
	record := NewRecord()
	inbox := openInbox(running, project, record)
	sender, err := NewSender(keys, record, fleet.Addresses(), t.Simultaneous)
	if err != nil {
		return nil, err
	}
	defer sender.Close()

	if t.Patience > 0 {
		var cancel context.CancelFunc
		running, cancel = context.WithTimeoutCause(running, t.Patience, errNeverEnds)
		defer cancel()
	}
	t.deliver(running, sender)
	if running.Err() != nil {
		return nil, fmt.Errorf("deliver: %w", context.Cause(running))
	}
	if err := inbox.Drain(ctx); err != nil {
		return nil, err
	}
	fleet.Close()
	return &Result{record.Tally(), time.Since(begun), fleet.Crashes(), fleet.PeakMemory()}, nil
}

// deliver delivers all events.
func (t *Trial) deliver(ctx context.Context, sender *Sender) {
	open := make(chan struct{}, t.Open)
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for ctx.Err() == nil {
		event, more := t.Next()
		if !more {
			return
		}
		open <- struct{}{}
		deliveries.Go(func() {
			defer func() { <-open }()
			// An error is that of the context, or leaves the delivery unacknowledged, which the
			// tally shows.
			_ = sender.Deliver(ctx, event)
			if t.Done != nil {
				t.Done()
			}
		})
	}
}
