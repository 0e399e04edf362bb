package main

import (
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/ordeal"
)

func result() *ordeal.Result {
	return &ordeal.Result{
		Tally: &ordeal.Tally{
			Delivered: 990, Repeated: 330, Acknowledged: 990, Requests: 1100,
			WebhookIDs: 660, OnTopic: 660, Messages: 665, MarkedCopies: 5,
			Forged: 10, Refused: 10, P50: 12340 * time.Microsecond, P99: time.Second,
		},
		Took: time.Minute, Deaths: map[string]int{"": 60}, PeakMemory: []int64{50 << 20, 51 << 20, 49 << 20},
	}
}

func table(r *ordeal.Result) string {
	var text strings.Builder
	writeTable(&text, r)
	return text.String()
}

func TestTable(t *testing.T) {
	const want = `✓ delivered                       990, of which 330 repeats
✓ acknowledged                    990
✓ webhook-ids                     660
✓ on the topic                    660
✓ lost                            0
✓ duplicated, unmarked            0
✓ duplicated, marked              5
✓ published again once on record  0
✓ published by two at a time      0
✓ altered                         0
✓ forged                          10
✓ refused                         10
✓ answered requests               1100
✓ crashes                         60
✓ acknowledged in (p50, p99)      12.3 ms, 1000.0 ms
✓ peak memory per process, MiB    50.0, 51.0, 49.0
✓ took                            1m0s
`
	if got := table(result()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestBrokenPromisesAreSeen(t *testing.T) {
	for row, breakIt := range map[string]func(*ordeal.Tally){
		"acknowledged ":        func(t *ordeal.Tally) { t.Acknowledged-- },
		"on the topic":         func(t *ordeal.Tally) { t.OnTopic-- },
		"lost":                 func(t *ordeal.Tally) { t.Lost++ },
		"duplicated, unmarked": func(t *ordeal.Tally) { t.UnmarkedCopies++ },
		"published again":      func(t *ordeal.Tally) { t.PublishedAgain++ },
		"published by two":     func(t *ordeal.Tally) { t.TooClose++ },
		"altered":              func(t *ordeal.Tally) { t.Altered++ },
		"refused":              func(t *ordeal.Tally) { t.Refused-- },
		"refused ":             func(t *ordeal.Tally) { t.ForgedOnTopic++ },
	} {
		r := result()
		breakIt(r.Tally)
		if text := table(r); strings.Count(text, "✗") != 1 || !strings.Contains(text, "✗ "+row) {
			t.Errorf("want a cross at %q:\n%s", row, text)
		}
	}
}
