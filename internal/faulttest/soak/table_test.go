package main

import (
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/faulttest"
)

func result() *faulttest.Result {
	return &faulttest.Result{
		Tally: &faulttest.Tally{
			Delivered: 990, Repeated: 330, Acknowledged: 990, Requests: 1100,
			WebhookIDs: 660, OnTopic: 660, Messages: 665, MarkedCopies: 5,
			Forged: 10, Refused: 10, P50: 12340 * time.Microsecond, P99: time.Second,
		},
		Took: time.Minute, Crashes: map[string]int{"": 60}, PeakMemory: []int64{50 << 20, 51 << 20, 49 << 20},
	}
}

func shown(r *faulttest.Result) string {
	return table(console.New(nil, nil, func(string) string { return "" }), r)
}

// The table shows every count, with a mark for each promise.
func TestTable(t *testing.T) {
	const want = `✓  delivered                       990, of which 330 repeats
✓  acknowledged                    990
✓  webhook-ids                     660
✓  on the topic                    660
✓  lost                            0
✓  duplicated, unmarked            0
✓  duplicated, marked              5
✓  published again once on record  0
✓  published by two at a time      0
✓  altered                         0
✓  forged                          10
✓  refused                         10
✓  answered requests               1100
✓  crashes                         60
✓  acknowledged in (p50, p99)      12.3 ms, 1000.0 ms
✓  peak memory per process, MiB    50.0, 51.0, 49.0
✓  took                            1m0s
`
	if got := shown(result()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Each broken promise is marked in the table, and nothing else.
func TestBrokenPromisesAreSeen(t *testing.T) {
	for row, breakIt := range map[string]func(*faulttest.Tally){
		"acknowledged ":        func(t *faulttest.Tally) { t.Acknowledged-- },
		"on the topic":         func(t *faulttest.Tally) { t.OnTopic-- },
		"lost":                 func(t *faulttest.Tally) { t.Lost++ },
		"duplicated, unmarked": func(t *faulttest.Tally) { t.UnmarkedCopies++ },
		"published again":      func(t *faulttest.Tally) { t.PublishedAgain++ },
		"published by two":     func(t *faulttest.Tally) { t.TooClose++ },
		"altered":              func(t *faulttest.Tally) { t.Altered++ },
		"refused":              func(t *faulttest.Tally) { t.Refused-- },
		"refused ":             func(t *faulttest.Tally) { t.ForgedOnTopic++ },
	} {
		t.Run(row, func(t *testing.T) {
			r := result()
			breakIt(r.Tally)
			if text := shown(r); strings.Count(text, "✗") != 1 || !strings.Contains(text, "✗  "+row) {
				t.Errorf("want a cross at %q:\n%s", row, text)
			}
		})
	}
}
