package terraformtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An entry is a log entry: the path of a field to its value.
type entry map[string]any

// entryFor returns the fields that every log entry of a function's service has.
func entryFor(function string) entry {
	return entry{
		"resource.type": "cloud_run_revision", "resource.labels.service_name": "gemhook-" + function,
		"resource.labels.location": "us-central1",
	}
}

// entryOf returns the entry that Cloud Logging makes of a line that a function wrote.
func entryOf(t *testing.T, function, line string) entry {
	t.Helper()
	var payload map[string]any
	if err := json.Unmarshal([]byte(line), &payload); err != nil {
		t.Fatalf("the log has a line that is not JSON: %s", line)
	}
	e := entryFor(function)
	e["severity"] = payload["severity"]
	for name, value := range payload {
		e["jsonPayload."+name] = value
	}
	return e
}

var severities = []string{"DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"}

var comparison = regexp.MustCompile(`^(NOT )?([\w.]+) (=|>=) (.+)$`)

// matches reports whether an entry matches a filter of Cloud Logging's, of which it knows
// comparisons joined by AND, NOT, severities, and alternatives of one field.
func (e entry) matches(t *testing.T, filter string) bool {
	t.Helper()
	for _, term := range strings.Split(filter, " AND ") {
		parts := comparison.FindStringSubmatch(term)
		if parts == nil {
			t.Fatalf("the filter has a term that this test does not know: %s", term)
		}
		value := fmt.Sprint(e[parts[2]])
		matched := false
		for _, want := range strings.Split(strings.Trim(parts[4], "()"), " OR ") {
			want = strings.Trim(want, `"`)
			if parts[3] == "=" {
				matched = matched || value == want
			} else {
				matched = matched || slices.Index(severities, value) >= slices.Index(severities, want)
			}
		}
		if matched == (parts[1] != "") {
			return false
		}
	}
	return true
}
