package faulttest

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crashPlan has a number of processes crash, at each point in turn and every eighth at a random
// time.
type crashPlan struct {
	mu     sync.Mutex
	left   int
	random *rand.Rand
}

func newCrashPlan(crashes int) *crashPlan {
	return &crashPlan{left: crashes, random: rand.New(rand.NewPCG(1, 2))}
}

func (p *crashPlan) next(int) Crash {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 {
		return Crash{}
	}
	p.left--
	turn := p.left % (len(Points) + 1)
	if turn == len(Points) {
		return Crash{After: time.Duration(100+p.random.IntN(400)) * time.Millisecond}
	}
	return Crash{Point: Points[turn], Visit: 1 + p.random.IntN(12)}
}

func (p *crashPlan) done() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left == 0
}

// delivering returns the events of a trial that goes on until a function returns true. Every third
// event is a repeat.
func delivering(until func() bool) func() (Event, bool) {
	var count atomic.Int64
	return func() (Event, bool) {
		n := int(count.Add(1))
		if n%3 == 0 {
			return Event{Number: n - 2}, true
		}
		return Event{Number: n}, !until()
	}
}

// The guarantees hold when processes are killed before and after each step of a delivery.
func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	const slots = 3
	plan := newCrashPlan(*kills)
	result := run(t, &Trial{
		Slots: slots, Simultaneous: 48, Open: 2000,
		Crash: plan.next,
		Next:  delivering(plan.done),
	})
	wantPromisesKept(t, result)
	// The last crashes happen only if enough deliveries are left.
	if result.Kills() < *kills-slots {
		t.Errorf("%d kills, want %d", result.Kills(), *kills)
	}
	for _, point := range append(Points, "") {
		if result.Crashes[point] == 0 {
			t.Errorf("no process crashed %q", point)
		}
	}
	t.Logf("crashes, those at random times first: %v", result.Crashes)
	if result.MarkedCopies == 0 {
		t.Error("no copies: the crashes have tested nothing")
	}
}
