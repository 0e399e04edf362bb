package emulator

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestProcessThatEndedByItself(t *testing.T) {
	p, err := startProcess("/bin/sh", []string{"-c", "exit 3"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	for range 2 {
		if err := p.kill(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("kill tells %v, want that it had ended with exit status 3", err)
		}
	}
}

func TestKillReachesDescendants(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := startProcess("/bin/sh",
		[]string{"-c", `(exec >"$1"; echo up; sleep 3600); exit`, "sh", fifo}, nil)
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

	if err := p.kill(); err != nil {
		t.Errorf("kill: %v", err)
	}
	if _, err := descendant.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the descendant's output after kill: %v, want EOF", err)
	}
}

func TestHeadKeepsTheBeginning(t *testing.T) {
	var h head
	long := strings.Repeat("x", headSize)
	for _, s := range []string{"cause ", long, "consequence"} {
		if n, err := h.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write = %d, %v; want %d", n, err, len(s))
		}
	}
	if got, want := h.String(), ("cause " + long)[:headSize]; got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
}
