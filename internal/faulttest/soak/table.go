package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/faulttest"
)

// writeTable writes what a soak came to.
func writeTable(w io.Writer, r *faulttest.Result) {
	peaks := make([]string, len(r.PeakMemory))
	for i, bytes := range r.PeakMemory {
		peaks[i] = fmt.Sprintf("%.1f", float64(bytes)/(1<<20))
	}
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
		{"peak memory per process, MiB", strings.Join(peaks, ", "), true}, // 0.0 where the system does not tell
		{"took", r.Took.Round(time.Second).String(), true},
	} {
		mark := "✓"
		if !row.healthy {
			mark = "✗"
		}
		fmt.Fprintf(w, "%s %-31s %s\n", mark, row.name, row.value)
	}
}

func count(n int) string { return fmt.Sprint(n) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
