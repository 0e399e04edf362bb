package faulttest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// A Crash is how a process is to end, always by SIGKILL. The zero Crash is none.
type Crash struct {
	Point string        // one of Points: the process kills itself
	Visit int           // on which of its visits to that point, from 1 on
	After time.Duration // without a point: how long after its start it is killed
}

// runProcess runs a process of the program of [Build] to its end, and reports whether it crashed. A
// receiver serves on the listener, which is nil for a reconciler. peak, if not nil, is called with
// the most memory in bytes that the process has had, unless it killed itself. It fails if the
// process ends neither by a crash nor with exit code 0.
func runProcess(ctx context.Context, program string, environment []string, crash Crash, listener *os.File, peak func(int64)) (crashed bool, err error) {
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	// The other end of this pipe closes when this process ends, however it ends.
	parent, alive, err := os.Pipe()
	if err != nil {
		return false, err
	}
	defer alive.Close()
	defer parent.Close()
	var output testkit.Buffer
	command := exec.CommandContext(ctx, program)
	command.Cancel = func() error {
		if bytes, err := process.PeakMemory(command.Process.Pid); err == nil && peak != nil { // else it has just ended by itself
			peak(bytes)
		}
		return command.Process.Kill()
	}
	command.Env = append(slices.Clip(environment), "FAULTTEST_CRASH_POINT="+crash.Point, fmt.Sprintf("FAULTTEST_CRASH_VISIT=%d", crash.Visit))
	command.ExtraFiles = []*os.File{parent}
	if listener != nil {
		command.ExtraFiles = append(command.ExtraFiles, listener)
	}
	command.Stderr = &output
	if err := command.Start(); err != nil {
		return false, err
	}
	if crash.Point == "" && crash.After > 0 {
		// Its time begins now: on a busy machine the start alone can take longer.
		defer time.AfterFunc(crash.After, kill).Stop()
	}
	err = command.Wait()
	switch {
	case killed(command.ProcessState):
		return true, nil
	case command.ProcessState.Success(): // the error is that of a kill which came too late
		return false, nil
	}
	return false, fmt.Errorf("%w\n%s", err, output.String())
}

func killed(state *os.ProcessState) bool {
	status, known := state.Sys().(syscall.WaitStatus)
	return known && status.Signaled() && status.Signal() == syscall.SIGKILL
}
