package faulttest

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// executioner sentences so many processes, to each point in turn and every eighth to a random time, and then no more.
type executioner struct {
	mu     sync.Mutex
	left   int
	random *rand.Rand
}

func newExecutioner(sentences int) *executioner {
	return &executioner{left: sentences, random: rand.New(rand.NewPCG(1, 2))}
}

func (e *executioner) next(int) Death {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left == 0 {
		return Death{}
	}
	e.left--
	turn := e.left % (len(Points) + 1)
	if turn == len(Points) {
		return Death{After: time.Duration(100+e.random.IntN(400)) * time.Millisecond}
	}
	return Death{Point: Points[turn], Passage: 1 + e.random.IntN(12)}
}

func (e *executioner) done() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.left == 0
}

// delivering returns the parcels of a trial that lasts until something is done: each third one a repeat.
func delivering(until func() bool) func() (Parcel, bool) {
	var count atomic.Int64
	return func() (Parcel, bool) {
		n := int(count.Add(1))
		if n%3 == 0 {
			return Parcel{Number: n - 2}, true
		}
		return Parcel{Number: n}, !until()
	}
}

func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	const places = 3
	executioner := newExecutioner(*kills)
	result := run(t, &Trial{
		Places: places, Simultaneous: 48, Open: 2000,
		Death: executioner.next,
		Next:  delivering(executioner.done),
	})
	keptPromises(t, result)
	// The last sentences are served only if enough deliveries are left.
	if result.Kills() < *kills-places {
		t.Errorf("%d kills, want %d", result.Kills(), *kills)
	}
	for _, point := range append(Points, "") {
		if result.Deaths[point] == 0 {
			t.Errorf("nobody died %q", point)
		}
	}
	t.Logf("deaths, those at random times first: %v", result.Deaths)
	if result.MarkedCopies == 0 {
		t.Error("no copies: the deaths have not put anything to the test")
	}
}
