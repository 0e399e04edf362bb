package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

// A Need is something that a test needs, and that not every machine has.
type Need struct {
	Name string
	How  string // to get it
}

// What tests need.
var (
	Emulators  = Need{"emulators", emulator.ErrNotInstalled.Error()}
	Terraform  = Need{"Terraform", "install terraform 1.11 or later"}
	JavaScript = Need{"JavaScript", "install node and npm"}
	Python     = Need{"Python", "install python3"}
	Browser    = Need{"browser", "install chromium"}
)

// leftOutVariable names a file that takes a line for each test that is left out.
const leftOutVariable = "GEMHOOK_LEFT_OUT"

// LeaveOut skips a test for which something is missing, and says what and how to get it.
// scripts/test prints that in its last line. In CI, where the variable CI is true, the test fails
// instead: nothing may be left out there.
func LeaveOut(t testing.TB, missing Need) {
	t.Helper()
	reason := fmt.Sprintf("%s (%s)", missing.Name, missing.How)
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI is true, and in CI nothing may be left out; missing here: %s", reason)
	}
	if path := os.Getenv(leftOutVariable); path != "" {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := fmt.Fprintln(file, reason); err != nil {
			t.Fatal(err)
		}
	}
	t.Skip("not installed: " + reason)
}

// Program returns the path of the first of these programs that is installed. Where none is, it
// leaves the test out.
func Program(t testing.TB, need Need, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	LeaveOut(t, need)
	return ""
}
