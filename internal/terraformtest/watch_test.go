package terraformtest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// alerts are those of the module.
type alerts struct {
	Logged   map[string]struct{ Title, Filter, Advice string } `json:"logged"`
	Measured map[string]struct{ Title, Query, Advice string }  `json:"measured"`
	Lines    string                                            `json:"delivery_lines"`
}

func readAlerts(t *testing.T) alerts {
	t.Helper()
	var read alerts
	evaluate(t, repository(t), "alerts", map[string]any{
		"project_id": "my-project", "name": "gemhook",
		"receiver": map[string]string{
			"service": "gemhook-receiver", "region": "us-central1", "host": "hooks.example.com", "signing_secrets": "gemhook-signing-secrets",
		},
		"collect":       map[string]string{"service": "gemhook-collect", "region": "us-central1"},
		"reconcile":     map[string]string{"service": "gemhook-reconcile", "region": "us-central1"},
		"subscriptions": map[string]string{"all": "gemhook-all"}, "dead_letter_subscription": "gemhook-dead-letters",
		"thresholds": map[string]float64{
			"signature_failures": 20, "server_errors": 0, "backlog_age_seconds": 900,
			"no_delivery_hours": 6, "availability": 0.99, "latency_ms": 5000,
		},
	}, &read)
	return read
}

// A watch is all that raises an alarm: the alerts of Google Cloud, and CloudWatch's alarms.
type watch struct {
	alerts alerts
	alarms alarms
	raised map[string]bool // those on log lines that a test has raised: "alert KEY" or "alarm NAME"
}

func readWatch(t *testing.T) watch {
	t.Helper()
	return watch{readAlerts(t), readAlarms(t), map[string]bool{}}
}

// wantRaised checks which alerts and which alarms the log lines raise that a function wrote within
// a few minutes.
func (w watch) wantRaised(t *testing.T, function, logged string, alerts, alarms []string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(logged) {
		got = append(got, w.alerts.matching(t, entryOf(t, function, line))...)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, alerts) {
		t.Errorf("alerts %v, want %v, on\n%s", got, alerts, logged)
	}
	if got := w.alarms.raised(t, function, logged); !slices.Equal(got, alarms) {
		t.Errorf("alarms %v, want %v, on\n%s", got, alarms, logged)
	}
	for _, key := range alerts {
		w.raised["alert "+key] = true
	}
	for _, name := range alarms {
		w.raised["alarm "+name] = true
	}
}

// wantEachRaised checks that the test has raised each alert and each alarm on the lines of the
// function.
func (w watch) wantEachRaised(t *testing.T, function string) {
	t.Helper()
	var all []string
	for key, alert := range w.alerts.Logged {
		if strings.Contains(alert.Filter, `"gemhook-`+function+`"`) {
			all = append(all, "alert "+key)
		}
	}
	for name := range w.alarms.Logged[function] {
		all = append(all, "alarm "+name)
	}
	sameSet(t, "Terraform", all, "this test", slices.Collect(maps.Keys(w.raised)))
}

// matching returns the alerts on log lines that an entry raises.
func (a alerts) matching(t *testing.T, entry entry) []string {
	t.Helper()
	var keys []string
	for key, alert := range a.Logged {
		if entry.matches(t, alert.Filter) {
			keys = append(keys, key)
		}
	}
	return keys
}

var selector = regexp.MustCompile(`_deliveries\{[^}]*outcome=~"([^"]*)"`)

// counting returns the alerts on metrics of deliveries whose query selects one of the receiver's
// lines.
func (a alerts) counting(t *testing.T, logged string) []string {
	t.Helper()
	counting := map[string]bool{}
	for line := range strings.Lines(logged) {
		entry := entryOf(t, "receiver", line)
		if !entry.matches(t, a.Lines) {
			continue
		}
		outcome, _ := entry["jsonPayload.outcome"].(string)
		for key, alert := range a.Measured {
			for _, selected := range selector.FindAllStringSubmatch(alert.Query, -1) {
				counting[key] = counting[key] || regexp.MustCompile("^("+selected[1]+")$").MatchString(outcome)
			}
		}
	}
	maps.DeleteFunc(counting, func(_ string, counts bool) bool { return !counts })
	return slices.Sorted(maps.Keys(counting))
}
