// Package promql runs scripts of queries over made-up series, in the language of Prometheus' own
// tests (https://pkg.go.dev/github.com/prometheus/prometheus/promql/promqltest). TestMeasuredAlerts
// of the package above writes them and calls this one with go test.
package promql

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
)

// TestScripts runs the scripts in the folder that GEMHOOK_PROMQL_SCRIPTS names, and wants every
// expectation in them to hold.
func TestScripts(t *testing.T) {
	folder := os.Getenv("GEMHOOK_PROMQL_SCRIPTS")
	if folder == "" {
		t.Skip("GEMHOOK_PROMQL_SCRIPTS names no folder: run TestMeasuredAlerts of the package above")
	}
	scripts, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%s has no scripts: %v", folder, err)
	}
	for _, path := range scripts {
		t.Run(filepath.Base(path), func(t *testing.T) {
			script, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			promqltest.RunTest(t, string(script), promqltest.NewTestEngine(t, false, 5*time.Minute, 100_000))
		})
	}
}
