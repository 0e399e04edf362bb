package faulttest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/proxy"
)

// faultPlan decides which calls have a fault: one in a number of calls, each kind at each moment in
// turn, until there were enough.
type faultPlan struct {
	every int
	kinds []proxy.Kind

	mu     sync.Mutex
	left   int
	calls  int
	seen   map[string]int
	random *rand.Rand
}

func newFaultPlan(every, faults int) *faultPlan {
	return &faultPlan{every: every, kinds: proxy.Kinds, left: faults, seen: map[string]int{}, random: rand.New(rand.NewPCG(3, 4))}
}

func (p *faultPlan) choose(string) *proxy.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.left == 0 || p.calls%p.every != 0 {
		return nil
	}
	p.left--
	fault := &proxy.Fault{
		Kind:   p.kinds[p.left%len(p.kinds)],
		Moment: proxy.Moments[p.left/len(p.kinds)%len(proxy.Moments)],
		// Below minApart, which assumes that no bytes travel for longer.
		Delay: time.Duration(p.random.Int64N(int64(minApart) * 4 / 5)),
	}
	p.seen[fmt.Sprintf("%s %s", fault.Kind, fault.Moment)]++
	return fault
}

func (p *faultPlan) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left == 0
}

// proxied connects a trial to the backends through two proxies, each with its own plan.
func proxied(t *testing.T, trial *Trial, firestore, pubSub *faultPlan) {
	t.Helper()
	for _, way := range []struct {
		plan    *faultPlan
		target  string
		address *string
	}{
		{firestore, testkit.FirestoreHost(t), &trial.Firestore},
		{pubSub, testkit.PubSubHost(t), &trial.PubSub},
	} {
		between, err := proxy.New(way.target, &proxy.Options{Choose: way.plan.choose})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(between.Close)
		*way.address = between.Address()
	}
}

// The guarantees hold when connections to the backends break before, during and after calls.
func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	firestore, pubSub := newFaultPlan(16, *faults/2), newFaultPlan(8, *faults/2)
	trial := &Trial{
		Slots: 8, Simultaneous: 48, Open: 1000,
		Next: delivering(func() bool { return firestore.over() && pubSub.over() }),
	}
	proxied(t, trial, firestore, pubSub)
	result := run(t, trial)
	wantPromisesKept(t, result)
	for backend, plan := range map[string]*faultPlan{"Firestore": firestore, "Pub/Sub": pubSub} {
		t.Run(backend, func(t *testing.T) {
			if kinds := len(proxy.Kinds) * len(proxy.Moments); len(plan.seen) != kinds {
				t.Errorf("on the way to %s there were %v, want all %d", backend, plan.seen, kinds)
			}
			t.Logf("on the way to %s: %v", backend, plan.seen)
		})
	}
	if result.MarkedCopies == 0 {
		t.Error("no copies: the faults have tested nothing")
	}
}

// TestASilentConnectionIsGivenUp has one process, so that no other can take over its deliveries.
// Half a minute is enough, more beside the other trials; a connection that is not given up stays
// open for 15 minutes.
func TestASilentConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	hole := func(every, faults int) *faultPlan {
		w := newFaultPlan(every, faults)
		w.kinds = []proxy.Kind{proxy.BlackHole}
		return w
	}
	for backend, plans := range map[string][2]*faultPlan{
		"Firestore": {hole(9, 1), hole(1, 0)},
		"Pub/Sub":   {hole(1, 0), hole(5, 1)},
	} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			trial := &Trial{Slots: 1, Simultaneous: 2, Open: 2, Next: some(20), Patience: 5 * time.Minute}
			proxied(t, trial, plans[0], plans[1])
			result := run(t, trial)
			wantPromisesKept(t, result)
			if plans[0].left+plans[1].left != 0 {
				t.Error("no connection has gone silent")
			}
		})
	}
}
