package cli

import (
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/failure"
)

// A time is read in the forms that commands print, or as a duration before now. All else is a usage
// error.
func TestMoment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for text, want := range map[string]time.Time{
		"":                                    {},
		"2026-01-20T08:30:00Z":                at("2026-01-20T08:30:00Z"),
		"2026-01-20t08:30:00z":                at("2026-01-20T08:30:00Z"),
		"2026-01-20T08:30:00.123456789Z":      at("2026-01-20T08:30:00.123456789Z"),
		"2026-01-20T08:30:00+02:00":           at("2026-01-20T06:30:00Z"),
		"2026-01-20 08:30:00Z":                at("2026-01-20T08:30:00Z"), // as tables have it
		"2026-01-20 08:30:00 UTC":             at("2026-01-20T08:30:00Z"), // as doctor has it
		" 2026-01-20 08:30:00 ":               at("2026-01-20T08:30:00Z"),
		"2026-01-20":                          at("2026-01-20T00:00:00Z"),
		"11:59:59Z":                           at("2026-01-22T11:59:59Z"), // as tail has it
		"12:00:01Z":                           at("2026-01-21T12:00:01Z"), // not yet today
		"2026-01-20 08:30":                    at("2026-01-20T08:30:00Z"),
		"2026-01-20T08:30Z":                   at("2026-01-20T08:30:00Z"),
		"11:30":                               at("2026-01-22T11:30:00Z"),
		"12:00:01":                            at("2026-01-21T12:00:01Z"),
		"1769083200":                          at("2026-01-22T12:00:00Z"), // as a webhook-timestamp
		"Thu, 22 Jan 2026 12:00:00 GMT":       at("2026-01-22T12:00:00Z"), // as HTTP has it
		"2026-01-22 12:00:00.5 +0000 UTC":     at("2026-01-22T12:00:00.5Z"),
		"8191w":                               now.Add(-8191 * 7 * 24 * time.Hour),
		"90m":                                 at("2026-01-22T10:30:00Z"),
		"1d":                                  at("2026-01-21T12:00:00Z"),
		"2w":                                  at("2026-01-08T12:00:00Z"),
		"1w1d12h":                             at("2026-01-14T00:00:00Z"),
		stamp(at("2026-01-20T08:30:00Z")):     at("2026-01-20T08:30:00Z"),
		now.Format("2006-01-02 15:04:05 UTC"): now,
	} {
		t.Run(text, func(t *testing.T) {
			got, err := moment("since", text, now)
			if err != nil || !got.Equal(want) {
				t.Errorf("%q is %s, %v; want %s", text, got, err, want)
			}
		})
	}
	for _, text := range []string{"yesterday", "-1h", "1", "d", "1d1", "1x", "99999d", "30501w", "2026-13-01", "25:00:00Z",
		"2026-01-20 08:30:00 PST", "176908320", "17690832000"} {
		t.Run(text, func(t *testing.T) {
			if got, err := moment("since", text, now); !failure.IsUsage(err) {
				t.Errorf("%q is %s, %v; want a usage error", text, got, err)
			}
		})
	}
}
