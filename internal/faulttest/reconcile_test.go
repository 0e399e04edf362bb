package faulttest

import (
	"context"
	"crypto/rand"
	"flag"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/retry"
)

var (
	left     = flag.Int("left", 3, "how many deliveries are left between claim and publish, and as many between publish and settle")
	runKills = flag.Int("runkills", 4, "how many runs of the reconciler to kill")
)

// leavingSlots is how many receivers leave deliveries at a time.
const leavingSlots = 2

// A leftovers is a project in which receivers were killed and Gemini has given up.
type leftovers struct {
	*testing.T
	program     string
	project     *backend.Project
	keys        *standin.Keys
	record      *Record
	deliveries  int
	receivers   []string // environment
	reconcilers []string
}

// leave has a receiver killed in the middle of each delivery: half of them between claim and
// publish, and half between publish and settle.
func leave(t *testing.T, deliveries int, defect string) (*leftovers, *Inbox) {
	t.Helper()
	firestore, pubSub := testkit.FirestoreHost(t), testkit.PubSubHost(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	project, err := openProject(t.Context(), firestore, pubSub)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = project.Close() })
	keys, err := standin.NewKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := gemini.Start(keys, nil)
	t.Cleanup(g.Close)
	l := &leftovers{
		T: t, program: path, project: project, keys: keys, record: NewRecord(), deliveries: deliveries,
		receivers:   environment(g, project.ID, firestore, pubSub, ""),
		reconcilers: append(environment(g, project.ID, firestore, pubSub, defect), "FUNCTION_TARGET=reconcile", "GEMHOOK_FIND_AFTER=0"),
	}
	inbox := openInbox(t.Context(), project, l.record)

	points := [2]string{"after claim", "after publish"}
	var begun [leavingSlots]int // each is used by its slot only
	fleet, running, err := NewFleet(t.Context(), path, l.receivers, leavingSlots, func(slot int) Crash {
		number := begun[slot]*leavingSlots + slot
		begun[slot]++
		if number >= deliveries {
			return Crash{}
		}
		return Crash{Point: points[number%2], Visit: 1}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	var slots sync.WaitGroup
	for slot, address := range fleet.Addresses() {
		sender := l.sender(address)
		slots.Go(func() {
			for number := slot; number < deliveries; number += leavingSlots {
				if sender.Try(running, Event{Number: number}) == nil {
					t.Errorf("delivery %d was acknowledged by a receiver that was to be killed", number)
				}
			}
		})
	}
	slots.Wait()
	if running.Err() != nil {
		t.Fatal(context.Cause(running))
	}
	return l, inbox
}

func (l *leftovers) sender(addresses ...string) *Sender {
	l.Helper()
	sender, err := NewSender(l.keys, l.record, addresses, len(addresses))
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(sender.Close)
	return sender
}

// documents returns those of the ledger.
func (l *leftovers) documents() []ledger.Document {
	l.Helper()
	found, err := l.project.Documents.Collection("deliveries").Documents(l.Context()).GetAll()
	if err != nil {
		l.Fatal(err)
	}
	documents := make([]ledger.Document, len(found))
	for i, snapshot := range found {
		if err := snapshot.DataTo(&documents[i]); err != nil {
			l.Fatal(err)
		}
	}
	return documents
}

// awaitLeases waits until the job finish takes over what has been left: until every lease has been
// over for as long as it lasted.
func (l *leftovers) awaitLeases() {
	l.Helper()
	var last time.Time
	for _, document := range l.documents() {
		if !document.State.Settled() && document.LeaseExpiresAt.After(last) {
			last = document.LeaseExpiresAt
		}
	}
	if err := retry.Wait(l.Context(), time.Until(last.Add(Lease))); err != nil {
		l.Fatal(err)
	}
}

// reconcile does one run of the reconciler, and reports whether it crashed.
func (l *leftovers) reconcile(crash Crash) (crashed bool) {
	crashed, err := runProcess(l.Context(), l.program, l.reconcilers, crash, nil, nil)
	if err != nil {
		l.Errorf("the reconciler ended: %v", err)
	}
	return crashed
}

// killRuns kills runs of the reconciler, two at a time, at random points and times, while a third
// of the deliveries come again.
func (l *leftovers) killRuns(kills int) {
	l.Helper()
	fleet, running, err := NewFleet(l.Context(), l.program, l.receivers, leavingSlots, nil)
	if err != nil {
		l.Fatal(err)
	}
	defer fleet.Close()
	sender := l.sender(fleet.Addresses()...)
	random := mathrand.New(mathrand.NewPCG(7, 8))
	again := random.Perm(l.deliveries)[:l.deliveries/3]
	var mu sync.Mutex // of again and random
	var retries, runners sync.WaitGroup
	next := func() Crash {
		mu.Lock()
		defer mu.Unlock()
		arriving := min(len(again), 1+l.deliveries/3/kills)
		for _, number := range again[:arriving] {
			retries.Go(func() { _ = sender.Deliver(running, Event{Number: number}) }) // the tally shows a failure
		}
		again = again[arriving:]
		if random.IntN(3) == 0 {
			return Crash{After: time.Duration(20+random.IntN(500)) * time.Millisecond}
		}
		return Crash{Point: Points[random.IntN(len(Points)-1)], Visit: 1 + random.IntN(8)}
	}
	var killed atomic.Int64
	for range 2 {
		runners.Go(func() {
			for killed.Load() < int64(kills) && !l.Failed() {
				if l.reconcile(next()) {
					killed.Add(1)
				}
			}
		})
	}
	runners.Wait()
	retries.Wait()
	if running.Err() != nil {
		l.Fatal(context.Cause(running))
	}
	l.Logf("%d runs were killed", killed.Load())
}

// tally adds up the messages. What the ledger has as settled must be on the topic.
func (l *leftovers) tally(inbox *Inbox) *Tally {
	l.Helper()
	for _, document := range l.documents() {
		if document.State == ledger.Published {
			l.record.settled(document.WebhookID)
		}
	}
	if err := inbox.Drain(l.Context()); err != nil {
		l.Fatal(err)
	}
	return l.record.Tally()
}

// TestReconcileAfterKills wants one run of the reconciler to finish what killed receivers have
// left, whatever other runs were killed before, two at a time, and although Gemini's retries come
// in.
func TestReconcileAfterKills(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		deliveries, kills int
		defect            string
		want              string // of the broken promises; empty: none
	}{
		"one run":              {2 * *left, 0, "", ""},
		"killed runs":          {2 * *left, *runKills, "", ""},
		"the mark is left out": {2, 0, "unmarked", "unmarked copies (G4)"},
		"to another topic":     {2, 0, "astray", "lost (G1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, inbox := leave(t, test.deliveries, test.defect)
			l.awaitLeases()
			if test.kills > 0 {
				l.killRuns(test.kills)
				l.awaitLeases()
			}
			if l.reconcile(Crash{}) {
				t.Fatal("a run crashed that was not killed")
			}
			tally := l.tally(inbox)
			t.Logf("%+v", *tally)
			if err := tally.Err(); test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the tally says %v, want %q", err, test.want)
			}
			// Without kills of runs, each message whose receiver was killed after it published has
			// a copy.
			if test.want == "" && test.kills == 0 && (tally.Messages != test.deliveries*3/2 || tally.MarkedCopies != test.deliveries/2) {
				t.Errorf("%d messages, %d of them marked copies, want %d and %d", tally.Messages, tally.MarkedCopies, test.deliveries*3/2, test.deliveries/2)
			}
		})
	}
}
