package faulttest

import (
	"math/rand/v2"
	"time"
)

// soakPlaces is how many processes a soak runs, of which one dies each second.
const soakPlaces = 3

// Soak is the trial of so many deliveries: a third of them repeats of others, recent or long past, and one in a hundred
// forged. done, if not nil, is called after each, from any goroutine.
func Soak(deliveries int, done func()) *Trial {
	return &Trial{
		Places:       soakPlaces,
		Death:        everySecond(),
		Simultaneous: 64,
		Open:         4096,
		Next:         soakPlan(deliveries),
		Done:         done,
	}
}

// everySecond has the places die in turn, one each second.
func everySecond() func(place int) Death {
	var before [soakPlaces]bool // each is used by its place only
	return func(place int) Death {
		if !before[place] {
			before[place] = true
			return Death{After: time.Duration(place+1) * time.Second}
		}
		return Death{After: soakPlaces * time.Second}
	}
}

func soakPlan(deliveries int) func() (Parcel, bool) {
	random := rand.New(rand.NewPCG(5, 6))
	i := -1
	return func() (Parcel, bool) {
		i++
		switch {
		case i >= deliveries:
			return Parcel{}, false
		case i%100 == 50:
			return Parcel{Number: i, Forged: true}, true
		case i%3 == 2:
			return Parcel{Number: repeated(i, random)}, true
		}
		return Parcel{Number: i}, true
	}
}

// repeated is the number of a genuine delivery before the i-th that is no repeat itself: half the time one of the last ten,
// which may still be under way.
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
