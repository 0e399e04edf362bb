// Package interleavings runs the receiver through every interleaving of several deliveries of one
// webhook-id, with every fault at every point, and checks the four guarantees in every state that
// can come of it.
//
// What runs is the receiver and the ledger themselves, over the in-process store and a topic that
// records. Each call that they make to either is two steps, its effect and its answer. Before,
// between and after them anything else can happen: another delivery's step, the passing of time,
// the loss of the answer, a failure before the effect, an effect that comes after the caller has
// given up, or the end of the caller. Time is that of a bubble of package synctest: it passes when
// the exploration says so, from one instant at which something ends (a deadline, a lease, the pause
// before a retry) to the next, and then the receiver's own timers fire.
//
// The search is breadth first, so a violation is reported with a shortest way to it. Each execution
// starts from nothing, follows a list of choices and takes one step more, which saves another
// execution. Two executions that have led to the same state are continued once. A state is all that
// can make a difference later: the document, the topic, and of each delivery that is still going on
// everything it has observed.
//
// When no step is left, the faults are over and the sender retries: every delivery must then be
// acknowledged.
package interleavings

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/once"
)

// NoLimit lets as many faults happen as there are points for them.
const NoLimit = 1 << 30

// Settings are what is explored.
type Settings struct {
	Deliveries int           // of one webhook-id, to instances of their own
	Finishes   int           // by reconcile, before, after or among the deliveries
	Replays    int           // by "gemhook replay" of what is not settled, likewise
	Faults     int           // how many faults one execution can have at most
	Lease      time.Duration // of the ledger
	// Skew is how far the instances' clocks lie apart: every second one is ahead by it.
	Skew time.Duration
	// Transit is how much later than its deadline a publish that was given up can take effect.
	Transit time.Duration
	// Body is that of the deliveries; nil is an event.
	Body []byte
	// Broken puts a defect in; nil is the receiver as it is.
	Broken *Defect
	// Want, if set, ends the exploration at the first violation of that guarantee.
	Want Guarantee
}

// A Defect changes what a delivery runs with. A nil function changes nothing.
type Defect struct {
	Store     func(*memoryledger.Store) ledger.Store
	Ledger    func(once.Ledger) once.Ledger
	Publisher func(once.Publisher) once.Publisher
}

// A Guarantee is a promise that is checked.
type Guarantee string

// The promises: the four of gemhook's contract, that a copy has a fault behind it (the first half
// of G4), and that nothing is stuck once the faults are over.
const (
	G1       Guarantee = "G1: acknowledged, so on a topic"
	G2       Guarantee = "G2: published, so not published again"
	G3       Guarantee = "G3: two never publish at the same time"
	G4       Guarantee = "G4: unmarked, so the first"
	G4Reason Guarantee = "G4: a copy, so a crash or a lost answer between publish and settle"
	Liveness Guarantee = "liveness: without faults and with retries, acknowledged"
)

// A Violation is a broken promise and the steps that led to it.
type Violation struct {
	Guarantee Guarantee
	Detail    string
	Steps     []string
}

func (v *Violation) String() string {
	return fmt.Sprintf("%s\n%s, after %d steps:\n  %s", v.Guarantee, v.Detail, len(v.Steps), strings.Join(v.Steps, "\n  "))
}

// A Report is what was explored.
type Report struct {
	Executions int // each from nothing, by another list of choices
	States     int // different ones
	Ends       int // of the states, those in which no step was left
	Depth      int // steps of the longest execution
	Violations map[Guarantee]*Violation
}

func (r *Report) String() string {
	return fmt.Sprintf("%d executions, %d distinct states, %d of them final, up to %d steps",
		r.Executions, r.States, r.Ends, r.Depth)
}

// fingerprint identifies a state.
type fingerprint [16]byte

// arrival is where an execution came to.
type arrival struct {
	choices    []byte
	state      fingerprint
	open       int // how many steps can follow
	violations []*Violation
	ahead      *arrival // after the first of those steps; nil if it was not taken
}

// Run explores, on all processors.
func Run(t *testing.T, settings Settings) *Report {
	t.Helper()
	report := &Report{Violations: map[Guarantee]*Violation{}}
	seen := map[fingerprint]bool{}
	fixture := newFixture(t, settings)
	frontier, ahead := [][]byte{nil}, []*arrival(nil)
	for ; len(frontier)+len(ahead) > 0; report.Depth++ {
		report.Executions += len(frontier)
		reachedNow := append(executeAll(t, fixture, frontier, seen), ahead...)
		frontier, ahead = nil, nil
		for _, reached := range reachedNow {
			for _, v := range reached.violations {
				if report.Violations[v.Guarantee] == nil {
					report.Violations[v.Guarantee] = v
				}
			}
			if seen[reached.state] {
				continue
			}
			seen[reached.state] = true
			if reached.open == 0 {
				report.Ends++
			}
			first := 0
			if reached.ahead != nil {
				first, ahead = 1, append(ahead, reached.ahead)
			}
			for choice := first; choice < reached.open; choice++ {
				frontier = append(frontier, with(reached.choices, choice))
			}
		}
		report.States = len(seen)
		if settings.Want != "" && report.Violations[settings.Want] != nil {
			return report
		}
	}
	report.Depth--
	return report
}

// with returns a list of choices with another at its end.
func with(choices []byte, choice int) []byte {
	return append(choices[:len(choices):len(choices)], byte(choice))
}

// executeAll follows each list of choices. The results are in the order of the lists.
func executeAll(t *testing.T, f *fixture, lists [][]byte, seen map[fingerprint]bool) []*arrival {
	reached := make([]*arrival, len(lists))
	const batch = 64
	var mu sync.Mutex
	taken := 0
	take := func() (from, to int) {
		mu.Lock()
		defer mu.Unlock()
		from = taken
		taken = min(taken+batch, len(lists))
		return from, taken
	}
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 1+len(lists)/batch) {
		workers.Go(func() {
			synctest.Test(t, func(t *testing.T) {
				for {
					from, to := take()
					if from == to {
						return
					}
					for i := from; i < to; i++ {
						reached[i] = f.execute(lists[i], seen)
					}
				}
			})
		})
	}
	workers.Wait()
	return reached
}

// execute follows one list of choices and returns where it led. If that is new, it takes another
// step.
func (f *fixture) execute(choices []byte, seen map[fingerprint]bool) *arrival {
	w := f.newExecution()
	w.mu.Lock()
	defer w.end()
	for _, choice := range choices {
		w.take(w.steps()[choice])
	}
	reached := w.arrive(choices)
	if reached.open > 0 && !seen[reached.state] {
		w.take(w.steps()[0])
		reached.ahead = w.arrive(with(choices, 0))
	}
	return reached
}

// arrive returns where the execution is. In a final state it also checks what comes of that.
func (w *execution) arrive(choices []byte) *arrival {
	reached := &arrival{choices: choices, open: len(w.steps()), state: w.fingerprint()}
	if reached.open == 0 {
		w.calmDown()
	}
	reached.violations = slices.Clip(w.violations)
	return reached
}

func (w *execution) fingerprint() fingerprint {
	sum := sha256.Sum256([]byte(w.text()))
	return fingerprint(sum[:16])
}
