package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A call is how long one of the three backend calls takes: log-normal, given by two points of its distribution.
type call struct {
	Median, P99 time.Duration
}

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

func (c call) sigma() float64 { return math.Log(float64(c.P99)/float64(c.Median)) / z99 }

// mean is the expected time of the call.
func (c call) mean() time.Duration {
	s := c.sigma()
	return time.Duration(float64(c.Median) * math.Exp(s*s/2))
}

func (c call) draw(r *rand.Rand) time.Duration {
	return time.Duration(float64(c.Median) * math.Exp(c.sigma()*r.NormFloat64()))
}

// calls are what a delivery waits for, one after the other.
type calls []call

func (cs calls) mean() time.Duration {
	var sum time.Duration
	for _, c := range cs {
		sum += c.mean()
	}
	return sum
}

// observed is what came out of a simulation of one instance.
type observed struct {
	Mean, P50, P99 time.Duration // of a delivery's latency
	InFlight       float64       // deliveries at a time, mean
	Full           float64       // share of deliveries that found the instance at its concurrency
	Billed         float64       // share of the time that is billed by request: something in flight, rounded up to 100 ms
}

// billedIn is the granularity of Cloud Run's billing (https://cloud.google.com/run/pricing).
const billedIn = 100 * time.Millisecond

// simulate sends n deliveries at random to one instance, rate of them per second in the mean, and watches. Nothing in it
// waits for anything but its calls: the receiver has no queue and no lock of its own.
func simulate(r *rand.Rand, rate float64, concurrency, n int, backend calls) observed {
	var now, sum, busyUntil, billed time.Duration
	var full int
	var ends []time.Duration // of what is in flight, soonest first
	latencies := make([]time.Duration, n)
	for i := range n {
		now += time.Duration(r.ExpFloat64() / rate * float64(time.Second))
		gone, _ := slices.BinarySearch(ends, now)
		ends = slices.Delete(ends, 0, gone)
		if len(ends) >= concurrency {
			full++
		}
		var took time.Duration
		for _, c := range backend {
			took += c.draw(r)
		}
		latencies[i] = took
		sum += took
		end := now + took
		place, _ := slices.BinarySearch(ends, end)
		ends = slices.Insert(ends, place, end)

		// Time is billed in steps from when an idle instance gets something to do.
		if now > busyUntil {
			busyUntil = now
		}
		if end > busyUntil {
			steps := (end - busyUntil + billedIn - 1) / billedIn
			billed += steps * billedIn
			busyUntil += steps * billedIn
		}
	}
	slices.Sort(latencies)
	return observed{
		Mean:     sum / time.Duration(n),
		P50:      latencies[n/2],
		P99:      latencies[n*99/100],
		InFlight: float64(sum) / float64(now),
		Full:     float64(full) / float64(n),
		Billed:   min(1, float64(billed)/float64(now)),
	}
}
