package terraformtest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Series are written as in promqltest: a value each minute, "0+2x60" for one that grows by 2.
const (
	deliveries = `logging_googleapis_com:user_gemhook_deliveries{monitored_resource="cloud_run_revision",outcome=%q} `
	latency    = `logging_googleapis_com:user_gemhook_latency_bucket{monitored_resource="cloud_run_revision",outcome="published",le=%q} `
	requests   = `run_googleapis_com:request_count{monitored_resource="cloud_run_revision",service_name="gemhook-%s",response_code_class=%q} `
	uptime     = `monitoring_googleapis_com:uptime_check_check_passed{monitored_resource="uptime_url",host="hooks.example.com",checker_location=%q} `
	deadLetter = `pubsub_googleapis_com:subscription_num_undelivered_messages{subscription_id="gemhook-dead-letters"} `
	backlog    = `pubsub_googleapis_com:subscription_oldest_unacked_message_age{subscription_id="gemhook-all"} `
)

// TestMeasuredAlerts wants each alert on a metric to fire over series of the breakage that it is
// for, and not over others that look like them.
func TestMeasuredAlerts(t *testing.T) {
	series := fmt.Sprintf
	scripts := t.TempDir()
	tests := map[string]struct{ fires, quiet [][]string }{
		"signature-failures": {
			fires: [][]string{
				{series(deliveries, "bad_signature") + "0+3x60"},
				{series(deliveries, "bad_token") + "0+2x60", series(deliveries, "stale_timestamp") + "0+1x60"},
			},
			quiet: [][]string{{series(deliveries, "bad_signature") + "0+1x60"}, {series(deliveries, "published") + "0+50x60"}, {}},
		},
		"server-errors": {
			fires: [][]string{{series(requests, "receiver", "5xx") + "0x50 1x10"}}, // one is enough
			quiet: [][]string{
				{series(requests, "receiver", "4xx") + "0+9x60"}, {series(requests, "collect", "5xx") + "0+9x60"},
				{series(requests, "receiver", "5xx") + "0x10 7x50"}, {},
			},
		},
		"availability": {
			fires: [][]string{
				{series(deliveries, "ledger_unavailable") + "0+1x60", series(deliveries, "published") + "0+4x60"}, // a fifth fails
				{series(deliveries, "internal") + "0+1x60", series(deliveries, "duplicate") + "0x60"},
			},
			quiet: [][]string{
				{series(deliveries, "ledger_unavailable") + "0+1x60", series(deliveries, "published") + "0+19x60"},
				// It is over: nothing has failed for ten minutes.
				{series(deliveries, "keys_unavailable") + "0+9x50 450x10", series(deliveries, "published") + "0+9x60"},
				{series(deliveries, "bad_signature") + "0+9x60", series(deliveries, "published") + "0+1x60"}, {},
			},
		},
		"latency": {
			fires: [][]string{{series(latency, "1000") + "0+4x60", series(latency, "8000") + "0+10x60", series(latency, "+Inf") + "0+10x60"}},
			quiet: [][]string{{series(latency, "1000") + "0+9x60", series(latency, "8000") + "0+10x60", series(latency, "+Inf") + "0+10x60"}, {}},
		},
		"uptime": {
			fires: [][]string{{series(uptime, "eur") + "0x60", series(uptime, "usa") + "0x60", series(uptime, "apac") + "1x60"}},
			quiet: [][]string{{series(uptime, "eur") + "0x60", series(uptime, "usa") + "1x60", series(uptime, "apac") + "1x60"}},
		},
		"no-delivery": {
			fires: [][]string{{}, {series(deliveries, "published") + "7x400"}, {series(deliveries, "bad_signature") + "0+1x400"}},
			quiet: [][]string{{series(deliveries, "published") + "0x300 1x100"}, {series(deliveries, "duplicate") + "0+1x400"}},
		},
		"dead-letters": {
			fires: [][]string{{deadLetter + "1x60"}},
			quiet: [][]string{{deadLetter + "0x60"}, {}},
		},
		"backlog-age": {
			fires: [][]string{{backlog + "901x60"}},
			quiet: [][]string{{backlog + "899x60"}, {}},
		},
		"collect-failing": {
			fires: [][]string{{series(requests, "collect", "5xx") + "0+1x60"}},
			quiet: [][]string{{series(requests, "collect", "5xx") + "0x40 3x20"}, {series(requests, "receiver", "5xx") + "0+1x60"}, {}},
		},
		"reconcile-missing": {
			fires: [][]string{{}, {series(requests, "reconcile", "5xx") + "0+1x400"}, {series(requests, "reconcile", "2xx") + "0x100 4x300"}},
			quiet: [][]string{{series(requests, "reconcile", "2xx") + "0x300 1x100"}},
		},
	}
	read := readAlerts(t)
	sameSet(t, "the alerts on metrics", slices.Collect(maps.Keys(read.Measured)), "this test", slices.Collect(maps.Keys(tests)))
	for key, test := range tests {
		var script strings.Builder
		write := func(cases [][]string, expectation string) {
			for _, series := range cases {
				at := "60m"
				if strings.Contains(strings.Join(series, ""), "400") || key == "no-delivery" || key == "reconcile-missing" {
					at = "400m"
				}
				if len(series) > 0 {
					fmt.Fprintf(&script, "load 1m\n  %s\n\n", strings.Join(series, "\n  "))
				}
				fmt.Fprintf(&script, "eval instant at %s count(%s)\n%s\nclear\n\n", at, read.Measured[key].Query, expectation)
			}
		}
		write(test.fires, "  {} 1\n")
		write(test.quiet, "")
		if err := os.WriteFile(filepath.Join(scripts, key), []byte(script.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-vet=off", ".")
	run.Dir = "promql"
	run.Env = append(os.Environ(), "GEMHOOK_PROMQL_SCRIPTS="+scripts, "CGO_ENABLED=0")
	if output, err := run.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
