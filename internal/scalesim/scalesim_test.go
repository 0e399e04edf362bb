package main

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/emulator"
	"github.com/gemhook/gemhook/shared/geminitest"
	"github.com/gemhook/gemhook/shared/ledger"
)

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

func random() *rand.Rand { return rand.New(rand.NewChaCha8([32]byte{1})) }

// TestPage wants every table of docs/scale.md to be what is printed now.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, false, 0); err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSpace(out.String()), "\n\n")
	if len(all) != 5 {
		t.Errorf("%d tables were printed, want 5", len(all))
	}
	for _, table := range all {
		if !strings.Contains(string(page), "\n\n"+strings.TrimSpace(table)+"\n\n") {
			t.Errorf("docs/scale.md does not have this table; go run ./internal/scalesim prints it:\n%s", table)
		}
	}
}

// TestDefaults compares what is assumed of a deployment with what terraform/ makes.
func TestDefaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file, variable string
		want           float64
	}{
		{"receiver", "concurrency", concurrency},
		{"receiver", "max_instances", maxInstances},
		{"receiver", "cpu", vCPUs},
		{"receiver", "memory", memoryGiB * 1024},
		{"lambda", "memory_mb", memoryGiB * 1024},
		{"backend", "retention_hours", retention.Hours()},
		{"edge", "requests_per_minute", armorPerMin},
	} {
		source, err := os.ReadFile("../../terraform/modules/" + test.file + "/variables.tf")
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`variable "` + test.variable + `" \{[^}]*?\n  default += "?(\d+)`).FindSubmatch(source)
		if found == nil {
			t.Errorf("%s: no default of %s", test.file, test.variable)
			continue
		}
		if got, _ := strconv.ParseFloat(string(found[1]), 64); got != test.want {
			t.Errorf("%s: the default of %s is %v, not %v", test.file, test.variable, got, test.want)
		}
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	got, err := measure(t.Context(), rand.NewChaCha8([32]byte{2}))
	if err != nil {
		t.Fatal(err)
	}
	var bodies float64
	for _, eventType := range geminitest.EventTypes() {
		bodies += float64(len(geminitest.EventAt(eventType, resourceID, at)))
	}
	if body := bodies / float64(len(geminitest.EventTypes())); got.Body != body {
		t.Errorf("body %v, want %v", got.Body, body)
	}
	// The message has the body and more, the document the message and more.
	if !(got.Body < got.Message && got.Message < got.Document) || got.Index == 0 || got.Line < 200 {
		t.Errorf("sizes %+v", got)
	}
	other, err := measure(t.Context(), rand.NewChaCha8([32]byte{3}))
	if err != nil {
		t.Fatal(err)
	}
	if other != got {
		t.Errorf("other random ids of the same length give %+v, not %+v", other, got)
	}
}

// TestStored reckons by hand, with the sizes of https://firebase.google.com/docs/firestore/storage-size.
func TestStored(t *testing.T) {
	t.Parallel()
	settledAt := at
	document := &ledger.Document{
		State: ledger.Published, Type: "batch.succeeded", Tenant: "acme", Payload: []byte("{}"),
		Attributes: map[string]string{"ce-id": "m"}, SettledAt: &settledAt,
	}
	size, index := stored("static!m", document)
	const name = 11 + 9 + 16 // "deliveries", "static!m", each and one, and 16
	names := 0
	for _, field := range []string{
		"state", "attempt", "lease_expires_at", "webhook_id", "tenant", "scheme", "type", "resource_id", "topic", "payload",
		"attributes", "received_at", "expires_at", "settled_at", "message_id",
	} {
		names += len(field) + 1
	}
	// "published", "acme" and "batch.succeeded", five empty texts, the attempt, four times, the payload, "ce-id" and "m".
	values := 10 + 5 + 16 + 5*1 + 8 + 4*8 + 2 + 6 + 2
	if want := name + 32 + names + values; size != want {
		t.Errorf("size %d, want %d", size, want)
	}
	// received_at alone, with its name; then after state, tenant and type.
	if want := 4*(name+8+32) + 12 + 10 + 5 + 16; index != want {
		t.Errorf("index %d, want %d", index, want)
	}
	document.SettledAt = nil
	if unsettled, _ := stored("static!m", document); unsettled != size-7 {
		t.Errorf("without settled_at the size is %d, want %d", unsettled, size-7)
	}
}

// TestSimulation holds the simulation to what queueing theory knows of arrivals at random that wait for nobody.
func TestSimulation(t *testing.T) {
	t.Parallel()
	const n = 200_000
	fixed := calls{{50 * time.Millisecond, 50 * time.Millisecond}}

	got := simulate(random(), 500, 1000, n, backend)
	if want := 500 * backend.mean().Seconds(); !near(got.InFlight, want, 0.01) { // Little's law
		t.Errorf("%v in flight, want %v", got.InFlight, want)
	}
	if !near(float64(got.Mean), float64(backend.mean()), 0.01) {
		t.Errorf("mean latency %v, want %v", got.Mean, backend.mean())
	}
	if got.Full != 0 || got.Billed != 1 {
		t.Errorf("%v found it full and %v of the time was billed, want 0 and 1", got.Full, got.Billed)
	}

	one := simulate(random(), 100, 1000, n, backend[:1])
	if !near(float64(one.P50), float64(backend[0].Median), 0.01) || !near(float64(one.P99), float64(backend[0].P99), 0.03) {
		t.Errorf("one call took %v and %v, want %v and %v", one.P50, one.P99, backend[0].Median, backend[0].P99)
	}

	// Of 20 a second that stay for 50 ms, one is there in the mean, and nobody with probability 1/e.
	if got := simulate(random(), 20, 1, n, fixed).Full; !near(got, 1-1/math.E, 0.01) {
		t.Errorf("%v met another, want %v", got, 1-1/math.E)
	}
	// Those that come alone are billed 100 ms for their 50.
	if got := simulate(random(), 0.01, 1, n, fixed).Billed; !near(got, 0.01*0.1, 0.02) {
		t.Errorf("%v of the time was billed, want 0.001", got)
	}
}

func TestSimulationIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	first := simulate(random(), 100, 80, 10_000, backend)
	if second := simulate(random(), 100, 80, 10_000, backend); first != second {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestRamp(t *testing.T) {
	t.Parallel()
	for operations, minutes := range map[float64]float64{20: 0, 500: 0, 501: 5, 750: 5, 751: 10, 2000: 20, 200_000: 75} {
		if got := ramp(operations).Minutes(); got != minutes {
			t.Errorf("to %v operations a second in %v minutes, want %v", operations, got, minutes)
		}
	}
}

func TestInstances(t *testing.T) {
	t.Parallel()
	// 60 % of 80 at a time; of one CPU.
	if got, want := perInstance(time.Microsecond), 48/backend.mean().Seconds(); !near(got, want, 1e-9) {
		t.Errorf("%v a second to an instance with CPU to spare, want %v", got, want)
	}
	if got := perInstance(10 * time.Millisecond); !near(got, 60, 1e-9) {
		t.Errorf("%v a second to an instance short of CPU, want 60", got)
	}
}

// TestBill is one delivery a second, 2,628,000 a month, of round sizes.
func TestBill(t *testing.T) {
	t.Parallel()
	p := newPlan(random(), 1, footprint{Message: 500, Document: 1000, Index: 500, Line: 400}, time.Millisecond)
	want := map[string]float64{
		"Firestore, two writes":             4.7304,
		"Firestore, TTL delete":             0.2628,
		"Firestore, storage":                0.14484, // 8 days of 1,500 B, 0.966 GiB
		"Firestore, point-in-time recovery": 0.14484,
		"Pub/Sub, in and out once":          0.14341, // 1,000 B in, 500 B out
		"Cloud Logging, one line":           1.22376,
		"Cloud Run, requests":               1.0512,
		"Lambda, requests":                  0.5256,
		"AWS, data transfer out":            0.70956,
		"CloudWatch, logs":                  1.4454,
	}
	sum := 0.0
	for _, item := range append(p.Items, p.AWS...) {
		if usd, given := want[item.Name]; given && !near(item.USD, usd, 0.0005) {
			t.Errorf("%s: $%.5f, want $%.5f", item.Name, item.USD, usd)
		}
		delete(want, item.Name)
	}
	for name := range want {
		t.Errorf("%s is not on the bill", name)
	}
	for _, item := range p.Items {
		sum += item.USD
	}
	if !near(p.monthly(), sum, 1e-9) || !near(p.perMillion(2.628), 1, 1e-9) {
		t.Errorf("monthly $%v of $%v, $2.628 are $%v a million", p.monthly(), sum, p.perMillion(2.628))
	}
	sum = 0
	for _, item := range append(p.Items[:5:5], p.AWS...) { // Firestore and Pub/Sub come first
		sum += item.USD
	}
	if !near(p.monthlyAWS(), sum, 1e-9) {
		t.Errorf("with Lambda $%v, want $%v", p.monthlyAWS(), sum)
	}
}

func TestRounded(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{
		0: "0", 1.234: "1.23", 9.999: "10.0", 12.34: "12.3", 99.96: "100", 123.4: "123", 1234: "1,230", 777_999: "778,000", 2_628_000: "2,630,000",
	} {
		if got := rounded(value); got != want {
			t.Errorf("%v is written %q, want %q", value, got, want)
		}
	}
}

// TestCPUTime delivers a few to the receiver on the emulators.
func TestCPUTime(t *testing.T) {
	t.Parallel()
	each, err := cpuTime(t.Context(), 500)
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if each <= 0 || each > 50*time.Millisecond {
		t.Errorf("a delivery takes %v of CPU", each)
	}
}
