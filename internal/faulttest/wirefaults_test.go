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

// weather decides which calls meet a fault: one in so many, each kind at each moment in turn, until there were enough.
type weather struct {
	every int
	kinds []proxy.Kind

	mu     sync.Mutex
	left   int
	calls  int
	seen   map[string]int
	random *rand.Rand
}

func newWeather(every, faults int) *weather {
	return &weather{every: every, kinds: proxy.Kinds, left: faults, seen: map[string]int{}, random: rand.New(rand.NewPCG(3, 4))}
}

func (w *weather) choose(string) *proxy.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.left == 0 || w.calls%w.every != 0 {
		return nil
	}
	w.left--
	fault := &proxy.Fault{
		Kind:   w.kinds[w.left%len(w.kinds)],
		Moment: proxy.Moments[w.left/len(w.kinds)%len(proxy.Moments)],
		// Less than what keeps two publishers apart: no bytes travel for longer than that here.
		Delay: time.Duration(w.random.Int64N(int64(minApart) * 4 / 5)),
	}
	w.seen[fmt.Sprintf("%s %s", fault.Kind, fault.Moment)]++
	return fault
}

func (w *weather) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.left == 0
}

// proxied leads a trial to the backends through two proxies, each with weather of its own.
func proxied(t *testing.T, trial *Trial, firestore, pubSub *weather) {
	t.Helper()
	for _, way := range []struct {
		weather *weather
		target  string
		address *string
	}{
		{firestore, testkit.FirestoreHost(t), &trial.Firestore},
		{pubSub, testkit.PubSubHost(t), &trial.PubSub},
	} {
		between, err := proxy.New(way.target, &proxy.Options{Choose: way.weather.choose})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(between.Close)
		*way.address = between.Address()
	}
}

func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	firestore, pubSub := newWeather(16, *faults/2), newWeather(8, *faults/2)
	trial := &Trial{
		Places: 8, Simultaneous: 48, Open: 1000,
		Next: delivering(func() bool { return firestore.over() && pubSub.over() }),
	}
	proxied(t, trial, firestore, pubSub)
	result := run(t, trial)
	keptPromises(t, result)
	for backend, weather := range map[string]*weather{"Firestore": firestore, "Pub/Sub": pubSub} {
		if kinds := len(proxy.Kinds) * len(proxy.Moments); len(weather.seen) != kinds {
			t.Errorf("on the way to %s there were %v, want all %d", backend, weather.seen, kinds)
		}
		t.Logf("on the way to %s: %v", backend, weather.seen)
	}
	if result.MarkedCopies == 0 {
		t.Error("no copies: the faults have not put anything to the test")
	}
}

// TestASilentConnectionIsGivenUp has one process, so that no other can take over its deliveries. Half a minute is enough, more
// beside the other trials; a connection that is not given up stays for a quarter of an hour.
func TestASilentConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	hole := func(every, faults int) *weather {
		w := newWeather(every, faults)
		w.kinds = []proxy.Kind{proxy.BlackHole}
		return w
	}
	for backend, weathers := range map[string][2]*weather{
		"Firestore": {hole(9, 1), hole(1, 0)},
		"Pub/Sub":   {hole(1, 0), hole(5, 1)},
	} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			trial := &Trial{Places: 1, Simultaneous: 2, Open: 2, Next: some(20), Patience: 5 * time.Minute}
			proxied(t, trial, weathers[0], weathers[1])
			result := run(t, trial)
			keptPromises(t, result)
			if weathers[0].left+weathers[1].left != 0 {
				t.Error("no connection has gone silent")
			}
		})
	}
}
