package peakmemory

import (
	"os"
	"runtime"
	"testing"
)

func TestOf(t *testing.T) {
	if !Known {
		t.Skip("this system has no proc(5)")
	}
	before, err := Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const much = 64 << 20
	held := make([]byte, before+much)
	for i := range held {
		held[i] = 1
	}
	after, err := Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after < before+much {
		t.Errorf("%d bytes before and %d after holding %d more", before, after, len(held))
	}
	runtime.KeepAlive(held)
	if _, err := Of(0); err == nil {
		t.Error("no error for a process that is not there")
	}
}

func TestParse(t *testing.T) {
	if peak, err := parse("Name:\tx\nVmPeak:\t  200 kB\nVmHWM:\t  100 kB\nVmRSS:\t 90 kB\n"); peak != 100<<10 || err != nil {
		t.Errorf("got %d, %v", peak, err)
	}
	if _, err := parse("Name:\tx\n"); err == nil {
		t.Error("no error without the line")
	}
}
