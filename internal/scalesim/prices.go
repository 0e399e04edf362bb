package main

import "time"

// Prices are US dollars, list prices of us-central1 and us-east-1 without free tiers or discounts for volume. Where each is
// from, and when it was read, is in docs/scale.md.
const (
	perRunRequest = 0.40 / 1e6 // Cloud Run, billed by request
	perVCPUSecond = 0.000024
	perGiBSecond  = 0.0000025

	perWrite        = 0.09 / 1e5 // Firestore Standard
	perTTLDelete    = 0.01 / 1e5
	perStoredGiB    = 0.15 // a month
	perRecoveryGiB  = 0.15 // a month, point-in-time recovery
	perPubSubTiB    = 40.0 // in and out alike
	leastPublished  = 1000 // bytes that a publish is billed at least
	perLoggedGiB    = 0.50
	perLambda       = 0.20 / 1e6
	perLambdaGBs    = 0.0000133334 // arm64
	perEgressGB     = 0.09
	perCloudWatchGB = 0.50
)

// What cannot be measured here, and is assumed.
const (
	entryOverhead  = 600  // bytes that Cloud Logging adds to a line: resource, labels, names, times
	lambdaOverhead = 700  // bytes that Lambda logs of an invocation of its own
	egressOverhead = 1500 // bytes of a delivery's calls beside document and message: framing, headers, answers
)

// backend is how long the three calls take within a region: create, publish, update. Assumed, for nobody publishes it.
var backend = calls{
	{Median: 15 * time.Millisecond, P99: 75 * time.Millisecond},
	{Median: 20 * time.Millisecond, P99: 100 * time.Millisecond},
	{Median: 15 * time.Millisecond, P99: 75 * time.Millisecond},
}

// How the deployment is set by default, in terraform/.
const (
	retention    = 168 * time.Hour
	sweep        = 24 * time.Hour // how long the TTL policy may take
	concurrency  = 80
	maxInstances = 20
	vCPUs        = 1.0
	memoryGiB    = 0.5
	armorPerMin  = 6000 // requests per minute from one address, with a domain
)

// What the providers set.
const (
	autoscaled         = 0.6 // share of its concurrency and CPU at which Cloud Run adds an instance
	sequentialWrites   = 500 // writes per second to a collection with an indexed field that only grows
	rampStart          = 500 // operations per second that a new collection takes at once
	rampFactor         = 1.5
	rampStep           = 5 * time.Minute
	lambdaConcurrency  = 1000
	lambdaPerSecond    = 10 // requests per second to one environment
	loggedPerMinute    = 4.8e9
	loggedElsewhere    = 300e6 // in regions that are not named
	publishedPerSecond = 200e6 // bytes, in a large region
)

const (
	month = 730 * time.Hour
	gib   = 1 << 30
	tib   = 1 << 40
)

// writes is how many writes to Firestore a delivery costs: create and update.
const writes = 2
