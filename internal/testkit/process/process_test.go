package process_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gemhook/gemhook/internal/testkit/process"
)

// A kill that does not reach the descendants leaves emulators behind after every test run.
func TestStopOfAGroupReachesDescendants(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := process.StartGroup(t.Context(),
		exec.Command("/bin/sh", "-c", `(exec >"$1"; echo up; sleep 3600); exit`, "sh", fifo))
	if err != nil {
		t.Fatal(err)
	}
	descendant, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer descendant.Close()
	if _, err := io.ReadFull(descendant, make([]byte, len("up\n"))); err != nil {
		t.Fatalf("the descendant did not come up: %v", err)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if _, err := descendant.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the descendant's output after Stop: %v, want EOF", err)
	}
}

// Stop reports a process that had ended by itself.
func TestStopSaysThatItHadEnded(t *testing.T) {
	p, err := process.Start(t.Context(), exec.Command("/bin/sh", "-c", "exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Stop returns %v, want that it had ended with exit status 3", err)
	}
}
