package e2e

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	handler "github.com/gemhook/gemhook/shared/receiver"
)

// floodReport is what came of a flood. The checks look at nothing else, so that a test can hand
// them a bad one.
type floodReport struct {
	took    time.Duration
	genuine []genuineOutcome
	topic   map[string]int // messages by webhook-id
	calls   map[string]int // of backends, by method
	fetches int            // of the key set, since the receiver started
	peaks   [2]int64       // memory after each half, in bytes; 0 is not known
	errors  []string       // log lines
	forged  map[string]forgedOutcome
}

type genuineOutcome struct {
	id     string
	answer string // status and outcome, or an error
	took   time.Duration
}

// forgedOutcome is of all forgeries of one kind.
type forgedOutcome struct {
	statuses map[int]int
	slowest  time.Duration
}

// floodChecks are what a flood must not change.
var floodChecks = map[string]func(*floodReport) error{
	"every genuine delivery is answered 200 and on the topic once": checkGenuine,
	"backends are called for genuine deliveries only":              checkCalls,
	"the key set is fetched once a minute at most":                 checkFetches,
	"every forgery is refused":                                     checkForgeries,
	"slow senders are shed":                                        checkShed,
	"memory stays flat":                                            checkMemory,
	"nothing is an error":                                          checkErrors,
}

func checkGenuine(r *floodReport) error {
	var errs []error
	topic := maps.Clone(r.topic)
	for _, g := range r.genuine {
		if g.answer != "200 published" {
			errs = append(errs, fmt.Errorf("%s: answer %s after %s", g.id, g.answer, g.took))
		}
		if g.took > handler.Deadline {
			errs = append(errs, fmt.Errorf("%s: answered after %s", g.id, g.took))
		}
		if n := topic[g.id]; n != 1 {
			errs = append(errs, fmt.Errorf("%s: %d messages", g.id, n))
		}
		delete(topic, g.id)
	}
	for id, n := range topic {
		errs = append(errs, fmt.Errorf("%s, which is not genuine: %d messages", id, n))
	}
	// A ticker that is late leaves some out, but not as many.
	if want := int(r.took / genuineEvery / 2); len(r.genuine) < max(want, 1) {
		errs = append(errs, fmt.Errorf("%d genuine deliveries, want %d at least", len(r.genuine), want))
	}
	return errors.Join(errs[:min(len(errs), 10)]...)
}

func checkCalls(r *floodReport) error {
	n := len(r.genuine)
	if want := map[string]int{"Commit": 2 * n, "Publish": n}; !maps.Equal(r.calls, want) {
		return fmt.Errorf("%v for %d genuine deliveries, want %v", r.calls, n, want)
	}
	return nil
}

// checkFetches allows one fetch for the start, and one in each minute that has begun.
func checkFetches(r *floodReport) error {
	if most := 2 + int(r.took/time.Minute); r.fetches < 1 || r.fetches > most {
		return fmt.Errorf("%d fetches in %s, want at most %d, and one at least", r.fetches, r.took, most)
	}
	return nil
}

func checkForgeries(r *floodReport) error {
	var errs []error
	for kind, forgery := range forgeries {
		statuses := r.forged[kind].statuses
		if len(statuses) == 0 {
			errs = append(errs, fmt.Errorf("%s: none was sent", kind))
		}
		for status, n := range statuses {
			if status != forgery.want && !(forgery.closes && status == closed) {
				errs = append(errs, fmt.Errorf("%s: %d times %s, want %d", kind, n, statusText(status), forgery.want))
			}
		}
	}
	return errors.Join(errs...)
}

func statusText(status int) string {
	switch status {
	case closed:
		return "closed"
	case noAnswer:
		return "no answer"
	}
	return fmt.Sprint(status)
}

// checkShed wants those who send a body slowly to be answered, and their connections closed, within
// a delivery's time.
func checkShed(r *floodReport) error {
	var errs []error
	for _, kind := range []string{"slow body", "silent body"} {
		if took := r.forged[kind].slowest; took == 0 || took > handler.Deadline {
			errs = append(errs, fmt.Errorf("%s: a connection lasted for %s", kind, took))
		}
	}
	return errors.Join(errs...)
}

func checkMemory(r *floodReport) error {
	if first, second := r.peaks[0], r.peaks[1]; first == 0 || float64(second) > 1.2*float64(first) {
		return fmt.Errorf("%d KiB at most until half of it was over, %d until all was", first, second)
	}
	return nil
}

func checkErrors(r *floodReport) error {
	if len(r.errors) > 0 {
		return fmt.Errorf("%d lines, such as %s", len(r.errors), r.errors[0])
	}
	return nil
}

// String are the figures of a flood.
func (r *floodReport) String() string {
	var took []time.Duration
	for _, g := range r.genuine {
		took = append(took, g.took)
	}
	slices.Sort(took)
	sent := 0
	var kinds strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(r.forged)) {
		fmt.Fprintf(&kinds, "\n  %-28s", kind)
		outcome := r.forged[kind]
		for _, status := range slices.Sorted(maps.Keys(outcome.statuses)) {
			sent += outcome.statuses[status]
			fmt.Fprintf(&kinds, " %7d × %s", outcome.statuses[status], statusText(status))
		}
		fmt.Fprintf(&kinds, ", %.1f s at most", outcome.slowest.Seconds())
	}
	quantile := func(q float64) string {
		return took[int(q*float64(len(took)-1))].Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%.0f s: %d genuine deliveries, median %s, 99th percentile %s, slowest %s; %d forgeries, %.0f a second\n"+
		"backend calls %v; key set fetched %d times; peak memory %d KiB after the first half, %d after the second (×%.2f)%s",
		r.took.Seconds(), len(r.genuine), quantile(0.5), quantile(0.99), quantile(1), sent, float64(sent)/r.took.Seconds(),
		r.calls, r.fetches, r.peaks[0]>>10, r.peaks[1]>>10, float64(r.peaks[1])/float64(max(r.peaks[0], 1)), &kinds)
}

// Each check of the flood fails on what it is for, and on nothing else.
func TestFloodChecksCanFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plant  func(*floodReport)
		caught string // by which check; empty: there is nothing to catch
	}{
		"nothing":                      {func(*floodReport) {}, ""},
		"closed where that may be":     {func(r *floodReport) { r.forged["huge body"].statuses[closed] = 3 }, ""},
		"a minute and a fetch more":    {func(r *floodReport) { *r = goodReport(61*time.Second, 3) }, ""},
		"a delivery refused":           {func(r *floodReport) { r.genuine[3].answer = "401 bad_signature" }, "every genuine delivery is answered 200 and on the topic once"},
		"a delivery not answered":      {func(r *floodReport) { r.genuine[3].answer = "EOF" }, "every genuine delivery is answered 200 and on the topic once"},
		"a delivery late":              {func(r *floodReport) { r.genuine[3].took = 10 * time.Second }, "every genuine delivery is answered 200 and on the topic once"},
		"a message lost":               {func(r *floodReport) { delete(r.topic, "msg_3") }, "every genuine delivery is answered 200 and on the topic once"},
		"a message twice":              {func(r *floodReport) { r.topic["msg_3"] = 2 }, "every genuine delivery is answered 200 and on the topic once"},
		"a message of a forgery":       {func(r *floodReport) { r.topic["forged"] = 1 }, "every genuine delivery is answered 200 and on the topic once"},
		"a look into the ledger":       {func(r *floodReport) { r.calls["BatchGetDocuments"] = 1 }, "backends are called for genuine deliveries only"},
		"a claim":                      {func(r *floodReport) { r.calls["Commit"]++ }, "backends are called for genuine deliveries only"},
		"a publish":                    {func(r *floodReport) { r.calls["Publish"]++ }, "backends are called for genuine deliveries only"},
		"calls not counted":            {func(r *floodReport) { r.calls = nil }, "backends are called for genuine deliveries only"},
		"a fetch too many":             {func(r *floodReport) { r.fetches++ }, "the key set is fetched once a minute at most"},
		"a fetch too many in a minute": {func(r *floodReport) { *r = goodReport(119*time.Second, 4) }, "the key set is fetched once a minute at most"},
		"fetches not counted":          {func(r *floodReport) { r.fetches = 0 }, "the key set is fetched once a minute at most"},
		"a forgery accepted":           {func(r *floodReport) { r.forged["v1 junk"].statuses[200] = 1 }, "every forgery is refused"},
		"a forgery fails the receiver": {func(r *floodReport) { r.forged["v1 junk"].statuses[500] = 1 }, "every forgery is refused"},
		"a backend away by a forgery":  {func(r *floodReport) { r.forged["v1 junk"].statuses[503] = 1 }, "every forgery is refused"},
		"a forgery not answered":       {func(r *floodReport) { r.forged["v1 junk"].statuses[noAnswer] = 1 }, "every forgery is refused"},
		"a forgery cut off":            {func(r *floodReport) { r.forged["v1 junk"].statuses[closed] = 1 }, "every forgery is refused"},
		"a kind not sent":              {func(r *floodReport) { delete(r.forged, "v1 junk") }, "every forgery is refused"},
		"a slow sender kept":           {func(r *floodReport) { r.slow("slow body", 20*time.Second) }, "slow senders are shed"},
		"slow senders not timed":       {func(r *floodReport) { r.slow("silent body", 0) }, "slow senders are shed"},
		"memory grows":                 {func(r *floodReport) { r.peaks[1] = r.peaks[0]*6/5 + 1 }, "memory stays flat"},
		"memory not known":             {func(r *floodReport) { r.peaks = [2]int64{} }, "memory stays flat"},
		"a panic":                      {func(r *floodReport) { r.errors = []string{"panic"} }, "nothing is an error"},
	} {
		t.Run(name, func(t *testing.T) {
			report := goodReport(15*time.Second, 2)
			test.plant(&report)
			for check, judge := range floodChecks {
				if err := judge(&report); (err != nil) != (check == test.caught) {
					t.Errorf("that %s: %v", check, err)
				}
			}
		})
	}
}

func (r *floodReport) slow(kind string, took time.Duration) {
	outcome := r.forged[kind]
	outcome.slowest = took
	r.forged[kind] = outcome
}

// goodReport is of a flood that has changed nothing.
func goodReport(took time.Duration, fetches int) floodReport {
	r := floodReport{
		took: took, fetches: fetches, peaks: [2]int64{40 << 20, 44 << 20}, topic: map[string]int{}, forged: map[string]forgedOutcome{},
	}
	for i := range int(took / genuineEvery) {
		id := fmt.Sprintf("msg_%d", i)
		r.genuine = append(r.genuine, genuineOutcome{id, "200 published", 20 * time.Millisecond})
		r.topic[id] = 1
	}
	r.calls = map[string]int{"Commit": 2 * len(r.genuine), "Publish": len(r.genuine)}
	for kind, forgery := range forgeries {
		r.forged[kind] = forgedOutcome{map[int]int{forgery.want: 100}, 3 * time.Second}
	}
	return r
}
