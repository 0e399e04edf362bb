package interleavings_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain collects garbage seldom: an execution leaves much of it and holds on to little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
