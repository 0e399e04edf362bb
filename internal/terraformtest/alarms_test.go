package terraformtest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// alarms are those of CloudWatch: function to name to alarm.
type alarms struct {
	Logged map[string]map[string]struct {
		Pattern, Description string
		Above                int // how many lines in five minutes are no alarm yet
	} `json:"logged"`

	// Function to the description of the alarm on Lambda's count of its errors, and of its calls.
	Errors map[string]string `json:"errors"`
	Idle   map[string]string `json:"idle"`
}

func readAlarms(t *testing.T) alarms {
	t.Helper()
	var read alarms
	evaluate(t, repository(t), "alarms", nil, &read)
	return read
}

var runbookLink = regexp.MustCompile(`/docs/runbook/([a-z-]+)\.md$`)

// TestRunbookOnAWS wants the description of each alarm to lead to a page that says what to type on
// AWS.
func TestRunbookOnAWS(t *testing.T) {
	read := readAlarms(t)
	for _, counted := range []map[string]string{read.Errors, read.Idle} {
		for function, description := range counted {
			wantPageOnAWS(t, function, description, "")
		}
	}
	for function, logged := range read.Logged {
		for _, alarm := range logged {
			wantPageOnAWS(t, function, alarm.Description, alarm.Pattern)
		}
	}
}

var logCommand = regexp.MustCompile(`(?s)\naws logs tail /aws/lambda/gemhook-(\w+) .*?--filter-pattern '(\{.*?\})'`)

// wantPageOnAWS checks the page that an alarm's description names: it shows the function's log
// lines by the alarm's own pattern, if there is one.
func wantPageOnAWS(t *testing.T, function, description, pattern string) {
	t.Helper()
	link := runbookLink.FindStringSubmatch(description)
	if link == nil {
		t.Errorf("%s: the alarm names no page: %s", function, description)
		return
	}
	page, err := os.ReadFile(filepath.Join(repository(t), "docs", "runbook", link[1]+".md"))
	if err != nil {
		t.Error(err)
		return
	}
	shown := logCommand.FindStringSubmatch(string(page))
	if shown == nil || shown[1] != function || pattern != "" && shown[2] != pattern {
		t.Errorf("docs/runbook/%s.md does not show the lines of %s in CloudWatch that match %s", link[1], function, pattern)
	}
}

// raised returns the alarms that the lines of a function's log raise, if all are of five minutes.
func (a alarms) raised(t *testing.T, function, logged string) []string {
	t.Helper()
	matching := map[string]int{}
	for line := range strings.Lines(logged) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("the log has a line that is no JSON: %s", line)
		}
		for name, alarm := range a.Logged[function] {
			if matchesPattern(t, fields, strings.Trim(alarm.Pattern, "{} ")) {
				matching[name]++
			}
		}
	}
	maps.DeleteFunc(matching, func(name string, lines int) bool { return lines <= a.Logged[function][name].Above })
	return slices.Sorted(maps.Keys(matching))
}

var property = regexp.MustCompile(`^\$\.(\w+) (?:(=|!=) "([^"]*)"|IS TRUE)$`)

// matchesPattern reports whether the fields of a line match the pattern of a metric filter, of
// which it knows comparisons with a string, IS TRUE, and alternatives in parentheses, joined by &&.
func matchesPattern(t *testing.T, fields map[string]any, pattern string) bool {
	t.Helper()
	for _, all := range strings.Split(pattern, " && ") {
		matched := false
		for _, term := range strings.Split(strings.Trim(all, "()"), " || ") {
			parts := property.FindStringSubmatch(term)
			if parts == nil {
				t.Fatalf("the pattern has a term that this test does not know: %s", term)
			}
			value, present := fields[parts[1]]
			switch parts[2] {
			case "=":
				matched = matched || value == parts[3]
			case "!=":
				matched = matched || present && value != parts[3]
			default:
				matched = matched || value == true
			}
		}
		if !matched {
			return false
		}
	}
	return true
}
