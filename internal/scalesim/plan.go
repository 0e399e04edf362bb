package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A plan is what a rate of deliveries takes and costs.
type plan struct {
	Rate      float64 // deliveries per second
	Instances int
	Ramp      time.Duration // from an empty collection to the rate
	Lambdas   int           // execution environments
	Observed  observed      // of one instance
	Items     []item
	AWS       []item // instead of those of Items that are the function's
}

// An item is one line of the monthly bill.
type item struct {
	Name     string
	USD      float64
	Function bool // of the platform that runs the receiver; the others are the backend's
}

// perInstance is how many deliveries per second one instance takes before Cloud Run adds another: its concurrency divided
// by the latency (Little's law), or what its CPU has time for.
func perInstance(cpu time.Duration) float64 {
	return autoscaled * min(concurrency/backend.mean().Seconds(), vCPUs/cpu.Seconds())
}

// perEnvironment is the same for Lambda, where an environment takes one request at a time.
func perEnvironment() float64 { return min(lambdaPerSecond, 1/backend.mean().Seconds()) }

// ramp is how long a new collection takes to bear so many operations per second under the 500/50/5 rule.
func ramp(operations float64) time.Duration {
	steps := math.Ceil(math.Log(operations/rampStart) / math.Log(rampFactor))
	return time.Duration(max(0, steps)) * rampStep
}

// newPlan plans for a rate, with the footprint of a delivery and the CPU time it takes.
func newPlan(r *rand.Rand, rate float64, each footprint, cpu time.Duration) plan {
	p := plan{
		Rate:      rate,
		Instances: int(math.Ceil(rate / perInstance(cpu))),
		Ramp:      ramp(rate * writes),
		Lambdas:   int(math.Ceil(rate / perEnvironment())),
	}
	p.Observed = simulate(r, rate/float64(p.Instances), concurrency, 200_000, backend)

	n := rate * month.Seconds()
	kept := rate * (retention + sweep).Seconds() * (each.Document + each.Index) / gib
	instanceSeconds := float64(p.Instances) * p.Observed.Billed * month.Seconds()
	p.Items = []item{
		{Name: "Firestore, two writes", USD: n * writes * perWrite},
		{Name: "Firestore, TTL delete", USD: n * perTTLDelete},
		{Name: "Firestore, storage", USD: kept * perStoredGiB},
		{Name: "Firestore, point-in-time recovery", USD: kept * perRecoveryGiB},
		{Name: "Pub/Sub, in and out once", USD: n * (max(leastPublished, each.Message) + each.Message) / tib * perPubSubTiB},
		{Name: "Cloud Logging, one line", USD: n * (each.Line + entryOverhead) / gib * perLoggedGiB, Function: true},
		{Name: "Cloud Run, requests", USD: n * perRunRequest, Function: true},
		{Name: "Cloud Run, CPU and memory", USD: instanceSeconds * (vCPUs*perVCPUSecond + memoryGiB*perGiBSecond), Function: true},
	}
	p.AWS = []item{
		{Name: "Lambda, requests", USD: n * perLambda, Function: true},
		{Name: "Lambda, duration", USD: n * backend.mean().Seconds() * memoryGiB * perLambdaGBs, Function: true},
		{Name: "AWS, data transfer out", USD: n * (each.Document + each.Message + egressOverhead) / 1e9 * perEgressGB, Function: true},
		{Name: "CloudWatch, logs", USD: n * (each.Line + lambdaOverhead) / 1e9 * perCloudWatchGB, Function: true},
	}
	return p
}

// monthly is the bill on Google Cloud alone.
func (p plan) monthly() float64 {
	var sum float64
	for _, i := range p.Items {
		sum += i.USD
	}
	return sum
}

// monthlyAWS is the bill with the function on Lambda.
func (p plan) monthlyAWS() float64 {
	var sum float64
	for _, i := range p.AWS {
		sum += i.USD
	}
	for _, i := range p.Items {
		if !i.Function {
			sum += i.USD
		}
	}
	return sum
}

// perMillion is a monthly amount's share of a million deliveries.
func (p plan) perMillion(usd float64) float64 { return usd / (p.Rate * month.Seconds()) * 1e6 }

// A limit is a rate of deliveries per second at which something gives.
type limit struct {
	Rate float64
	What string
	Turn string
}

// limits are all of them, the lowest first.
func limits(each footprint, cpu time.Duration) []limit {
	entry := each.Line + entryOverhead
	all := []limit{
		{armorPerMin / 60, "Cloud Armor, from one source address (only with `domain`)", "`domain.requests_per_minute`, up to 1,000,000"},
		{sequentialWrites / writes, "Firestore, the indexes on `received_at`", "`listing = false`; or several gemhooks, each with its own `name`"},
		{rampStart / writes, "Firestore, a new collection's first five minutes", "raise the load by half every five minutes"},
		{maxInstances * perInstance(cpu), "Cloud Run, 20 instances", "`function.max_instances`, up to 1,000, and the project's CPU quota"},
		{lambdaConcurrency * perEnvironment(), "Lambda, 1,000 environments of an account", "ask for more"},
		{loggedElsewhere / 60 / entry, "Cloud Logging, 300 MB a minute in its smaller regions", "`region`, one of the eleven with 4.8 GB; ask for more"},
		{loggedPerMinute / 60 / entry, "Cloud Logging, 4.8 GB a minute", "ask for more; there is nothing else to turn"},
		{publishedPerSecond / max(leastPublished, each.Message), "Pub/Sub, 200 MB a second in a large region", "ask for more"},
	}
	slices.SortStableFunc(all, func(a, b limit) int { return cmp.Compare(a.Rate, b.Rate) })
	return all
}

// rounded writes an amount with three digits that count.
func rounded(v float64) string {
	if v <= 0 {
		return "0"
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	v = math.Round(v/unit) * unit
	if v < 10 {
		return fmt.Sprintf("%.2f", v)
	}
	if v < 100 {
		return fmt.Sprintf("%.1f", v)
	}
	return thousands(int(math.Round(v)))
}

// thousands writes a number in groups of three digits.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
