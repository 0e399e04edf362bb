package faulttest

import (
	"math/rand/v2"
	"time"
)

// soakSlots is how many processes a soak runs, of which one is killed each second.
const soakSlots = 3

// Soak is the trial of a number of deliveries: a third of them repeats of others, recent or old,
// and one in a hundred forged. done, if not nil, is called after each, from any goroutine.
func Soak(deliveries int, done func()) *Trial {
	return &Trial{
		Slots:        soakSlots,
		Crash:        everySecond(),
		Simultaneous: 64,
		Open:         4096,
		Next:         soakPlan(deliveries),
		Done:         done,
	}
}

// everySecond has a process killed each second, in one slot after the other.
func everySecond() func(slot int) Crash {
	var before [soakSlots]bool // each is used by its slot only
	return func(slot int) Crash {
		if !before[slot] {
			before[slot] = true
			return Crash{After: time.Duration(slot+1) * time.Second}
		}
		return Crash{After: soakSlots * time.Second}
	}
}

func soakPlan(deliveries int) func() (Event, bool) {
	random := rand.New(rand.NewPCG(5, 6))
	i := -1
	return func() (Event, bool) {
		i++
		switch {
		case i >= deliveries:
			return Event{}, false
		case i%100 == 50:
			return Event{Number: i, Forged: true}, true
		case i%3 == 2:
			return Event{Number: repeated(i, random)}, true
		}
		return Event{Number: i}, true
	}
}

// repeated is the number of a genuine delivery before the i-th that is not a repeat itself: half
// the time one of the last ten, which may still be under way.
func repeated(i int, random *rand.Rand) int {
	back := i
	if random.IntN(2) == 0 {
		back = min(i, 10)
	}
	number := i - 1 - random.IntN(back)
	for number%3 == 2 || number%100 == 50 {
		number--
	}
	return number
}
