package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/faulttest"
)

// table shows what a soak came to.
func table(screen *console.Console, r *faulttest.Result) string {
	peaks := make([]string, len(r.PeakMemory))
	for i, bytes := range r.PeakMemory {
		peaks[i] = fmt.Sprintf("%.1f", float64(bytes)/(1<<20))
	}
	var rows [][]console.Cell
	for _, row := range []struct {
		name, value string
		healthy     bool
	}{
		{"delivered", fmt.Sprintf("%d, of which %d repeats", r.Delivered, r.Repeated), true},
		{"acknowledged", count(r.Acknowledged), r.Acknowledged == r.Delivered},
		{"webhook-ids", count(r.WebhookIDs), true},
		{"on the topic", count(r.OnTopic), r.OnTopic == r.WebhookIDs},
		{"lost", count(r.Lost), r.Lost == 0},
		{"duplicated, unmarked", count(r.UnmarkedCopies), r.UnmarkedCopies == 0},
		{"duplicated, marked", count(r.MarkedCopies), true},
		{"published again once on record", count(r.PublishedAgain), r.PublishedAgain == 0},
		{"published by two at a time", count(r.TooClose), r.TooClose == 0},
		{"altered", count(r.Altered), r.Altered == 0},
		{"forged", count(r.Forged), true},
		{"refused", count(r.Refused), r.Refused == r.Forged && r.ForgedOnTopic == 0},
		{"answered requests", count(r.Requests), true},
		{"crashes", count(r.Kills()), true},
		{"acknowledged in (p50, p99)", fmt.Sprintf("%s, %s", milliseconds(r.P50), milliseconds(r.P99)), true},
		{"peak memory per process, MiB", strings.Join(peaks, ", "), true}, // 0.0 where the system does not say
		{"took", r.Took.Round(time.Second).String(), true},
	} {
		mark := console.Cell{Text: "✓", Colour: console.Green}
		if !row.healthy {
			mark = console.Cell{Text: "✗", Colour: console.Red}
		}
		rows = append(rows, []console.Cell{mark, {Text: row.name}, {Text: row.value}})
	}
	return screen.Table(make([]string, 3), rows)
}

func count(n int) string { return fmt.Sprint(n) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
