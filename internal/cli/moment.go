package cli

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/failure"
)

// stampLayout is how times are shown to people.
const stampLayout = "2006-01-02 15:04:05Z"

// stamp shows a time to people; the zero time is not shown.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(stampLayout)
}

// layouts are the ways to write a moment: RFC 3339, whatever this command line prints, and the same
// without seconds; and as HTTP and time.Time print it.
var layouts = []string{
	time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly,
	"2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", http.TimeFormat, "2006-01-02 15:04:05 -0700 UTC",
}

// clockLayout is how tail prints the time of an event of today.
const clockLayout = "15:04:05Z"

// clocks are the ways to write a time of today, or of yesterday if it is yet to come.
var clocks = []string{clockLayout, "15:04:05", "15:04Z", "15:04"}

// unix is a moment in seconds, as a webhook-timestamp has it.
var unix = regexp.MustCompile(`^[0-9]{10}$`)

// moment reads the value of a flag that is a time, or how long ago it was, such as 90m, 2h or 1d. A
// time without a zone is UTC. Empty is the zero time.
func moment(flag, text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, strings.ToUpper(text)); err == nil {
			return at, nil
		}
	}
	for _, layout := range clocks {
		if clock, err := time.Parse(layout, strings.ToUpper(text)); err == nil {
			at := now.UTC().Truncate(24 * time.Hour).Add(clock.Sub(clock.Truncate(24 * time.Hour)))
			if at.After(now) {
				at = at.AddDate(0, 0, -1)
			}
			return at, nil
		}
	}
	if unix.MatchString(text) {
		seconds, err := strconv.ParseInt(text, 10, 64)
		return time.Unix(seconds, 0).UTC(), err
	}
	ago, err := parseAgo(text)
	if err != nil || ago < 0 {
		return time.Time{}, failure.Usagef("--%s is a time such as 2026-01-22T12:00:00Z, or how long ago, such as 90m, 2h or 1d", flag)
	}
	return now.Add(-ago), nil
}

// parseAgo reads a duration that can begin with days or weeks, such as 1d12h.
func parseAgo(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"w", 7 * day}, {"d", day}} {
		count, rest, found := strings.Cut(text, unit.letter)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(count, 10, 13) // more weeks would not fit into a Duration
		if err != nil || rest == "" {
			return time.Duration(n) * unit.length, err
		}
		remainder, err := parseAgo(rest)
		return time.Duration(n)*unit.length + remainder, err
	}
	return time.ParseDuration(text)
}
