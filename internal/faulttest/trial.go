package faulttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Trial is one run from the first delivery to the last message.
type Trial struct {
	Places       int                   // processes that run at a time
	Death        func(place int) Death // as for [NewFleet]
	Simultaneous int                   // requests under way at most
	Open         int                   // deliveries not yet acknowledged at most
	Next         func() (Parcel, bool) // the next delivery, false at the end
	Done         func()                // called after each delivery, from any goroutine; nil: nothing is
	Patience     time.Duration         // after which the trial is given up as never ending; 0: for ever

	// Firestore and PubSub are where the processes find the backends; empty is the emulators themselves.
	Firestore, PubSub string
	Defect            string // what the processes do wrong: see the program in mortal
}

// A Result is what came of a trial.
type Result struct {
	*Tally
	Took       time.Duration
	Deaths     map[string]int // by point; "" counts those at random times
	PeakMemory []int64        // in bytes, by place
}

// Kills is the number of deaths.
func (r *Result) Kills() int {
	kills := 0
	for _, count := range r.Deaths {
		kills += count
	}
	return kills
}

var errNeverEnds = errors.New("some deliveries are never acknowledged")

// Run carries out a trial on the emulators at those addresses, with the program of [Build]. Its error is of what kept it
// from being carried out; what it found is in the tally.
func Run(ctx context.Context, program, firestore, pubSub string, t *Trial) (_ *Result, err error) {
	begun := time.Now()
	backend, err := NewBackend(ctx, firestore, pubSub)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	gemini, err := NewGemini()
	if err != nil {
		return nil, err
	}
	defer gemini.Close()
	environment := gemini.Environment(backend, cmp.Or(t.Firestore, firestore), cmp.Or(t.PubSub, pubSub), t.Defect)
	fleet, running, err := NewFleet(ctx, program, environment, t.Places, t.Death)
	if err != nil {
		return nil, err
	}
	defer fleet.Close()
	account := NewAccount()
	inbox := backend.Open(running, account)
	sender, err := NewSender(gemini, account, fleet.Addresses(), t.Simultaneous)
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
	return &Result{account.Tally(), time.Since(begun), fleet.Deaths(), fleet.PeakMemory()}, nil
}

// deliver delivers all parcels.
func (t *Trial) deliver(ctx context.Context, sender *Sender) {
	open := make(chan struct{}, t.Open)
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for ctx.Err() == nil {
		parcel, more := t.Next()
		if !more {
			return
		}
		open <- struct{}{}
		deliveries.Go(func() {
			defer func() { <-open }()
			// An error is that of the context, or leaves the delivery unacknowledged, which the tally tells.
			_ = sender.Deliver(ctx, parcel)
			if t.Done != nil {
				t.Done()
			}
		})
	}
}
