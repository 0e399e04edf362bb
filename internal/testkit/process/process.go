// Package process starts programs, waits until they answer, and ends them: receivers, emulators,
// functions and whatever else a test or a program for developers runs beside itself.
//
//	p, err := process.Start(ctx, exec.Command(program))
//	if err != nil {
//		return err
//	}
//	defer p.Stop()
//	err = p.AwaitHTTP(ctx, "http://"+address)
//
// [StartGroup] is for programs that have children, or that must not outlive this process however
// it ends. The package needs a POSIX system: Linux or macOS.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// A Process is a program that runs, or has ended. Its methods may be called concurrently.
type Process struct {
	cmd    *exec.Cmd
	signal func(syscall.Signal) error
	ended  func() // called with mu held once the program has ended
	unlink func() bool
	done   chan struct{}

	mu     sync.Mutex
	over   bool
	killed bool
	err    error
}

// HeedSignals has the programs that are started from now on heed SIGINT and SIGHUP. Where this one
// was started to ignore them, as under nohup, they would ignore them too: a program inherits which
// signals are ignored, but not which are handled.
func HeedSignals() {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// Start starts a command that has not been started. It is killed when ctx ends.
func Start(ctx context.Context, cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, ended: func() {}}
	p.signal = func(s syscall.Signal) error { return cmd.Process.Signal(s) }
	return p, p.start(ctx)
}

// guarded runs the command in its arguments with a watcher beside it, in one process group. The
// watcher reads file descriptor 3, a pipe to which nobody writes: it ends when the process at the
// other end does, however that happens, and then the watcher kills the group. Linux's parent-death
// signal is not enough: it belongs to one thread of this process and reaches one process, but the
// emulators' scripts have Java as their child.
const guarded = `(read -r line <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-`

// StartGroup is Start for a command with its descendants: a signal, the end of ctx and the end of
// this process, even by SIGKILL, reach all of them. The command must have neither ExtraFiles nor
// SysProcAttr. An interrupt that is typed at the terminal does not reach it.
func StartGroup(ctx context.Context, cmd *exec.Cmd) (*Process, error) {
	watched, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer watched.Close()
	group := exec.Command("/bin/sh", append([]string{"-c", guarded, "sh", cmd.Path}, cmd.Args[1:]...)...)
	group.Dir, group.Env = cmd.Dir, cmd.Env
	group.Stdin, group.Stdout, group.Stderr = cmd.Stdin, cmd.Stdout, cmd.Stderr
	group.ExtraFiles = []*os.File{watched}
	group.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group.WaitDelay = time.Second

	p := &Process{cmd: group}
	p.signal = func(s syscall.Signal) error { return syscall.Kill(-group.Process.Pid, s) }
	p.ended = func() {
		// The watcher keeps the group's id in use until the next line.
		_ = p.signal(syscall.SIGKILL)
		_ = hold.Close()
	}
	if err := p.start(ctx); err != nil {
		_ = hold.Close()
		return nil, err
	}
	return p, nil
}

func (p *Process) start(ctx context.Context) error {
	p.done = make(chan struct{})
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.unlink = context.AfterFunc(ctx, p.kill)
	go p.wait()
	return nil
}

func (p *Process) wait() {
	err := p.cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unlink()
	p.ended()
	p.over = true
	if !p.killed {
		status := "exit status 0"
		if err != nil {
			status = err.Error()
		}
		p.err = fmt.Errorf("ended by itself: %s", status)
	}
	close(p.done)
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal. To a process that has ended it does nothing.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return nil
	}
	return p.signal(s)
}

func (p *Process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.killed = true
		_ = p.signal(syscall.SIGKILL) // fails only where the process has ended
	}
}

// Stop kills the process and waits for its end. Further calls do nothing and return the same.
//
// The error says that the process had ended by itself before, and how.
func (p *Process) Stop() error {
	p.kill()
	<-p.done
	return p.err
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end of the process, however it comes, and returns its state.
func (p *Process) Wait() *os.ProcessState {
	<-p.done
	return p.cmd.ProcessState
}
