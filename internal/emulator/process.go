package emulator

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// guarded runs the command in its arguments with a watcher beside it, in one
// process group. The watcher reads file descriptor 3, a pipe to which nobody
// writes: it ends when the process at the other end does, however that
// happens, and then the watcher kills the group. Linux's parent-death signal
// would not do: it belongs to one thread of ours and reaches one process, but
// the emulators' scripts have Java as their child.
const guarded = `(read -r line <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-`

// javaOptions start the emulators in about two thirds of the time and cap their
// memory: in so short a life the second compiler, the parallel collector's
// threads and the file of performance counters cost more than they give.
const javaOptions = "-XX:+IgnoreUnrecognizedVMOptions" +
	" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -Xmx1g"

// A process is a command with all its descendants.
type process struct {
	cmd  *exec.Cmd
	hold *os.File // the watcher's pipe; open as long as the group may live
	out  head
	done chan struct{} // closed when the group is dead and err is set

	mu     sync.Mutex
	ended  bool
	killed bool
	err    error
}

// startProcess starts the command; log, which may be nil, gets its output.
func startProcess(path string, args []string, log io.Writer) (*process, error) {
	watched, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer watched.Close()

	p := &process{hold: hold, done: make(chan struct{})}
	p.cmd = exec.Command("/bin/sh", append([]string{"-c", guarded, "sh", path}, args...)...)
	p.cmd.Env = append(os.Environ(),
		strings.TrimSpace("JDK_JAVA_OPTIONS="+javaOptions+" "+os.Getenv("JDK_JAVA_OPTIONS")))
	p.cmd.ExtraFiles = []*os.File{watched}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = time.Second
	p.cmd.Stdout = &p.out
	if log != nil {
		p.cmd.Stdout = io.MultiWriter(&p.out, log)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		hold.Close()
		return nil, err
	}
	go p.wait()
	return p, nil
}

func (p *process) wait() {
	err := p.cmd.Wait()

	p.mu.Lock()
	defer p.mu.Unlock()
	// The watcher holds the group's id in use until the next line.
	p.signalGroup()
	p.hold.Close()
	p.ended = true
	if !p.killed {
		status := "exit status 0"
		if err != nil {
			status = err.Error()
		}
		p.err = fmt.Errorf("ended by itself: %s", status)
	}
	close(p.done)
}

// kill ends the process and its descendants and waits for that. The error
// tells that the process had ended by itself before.
func (p *process) kill() error {
	p.mu.Lock()
	if !p.ended {
		p.killed = true
		p.signalGroup()
	}
	p.mu.Unlock()
	<-p.done
	return p.err
}

func (p *process) signalGroup() {
	// The only possible error is that the group is gone.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
}

// A head keeps the first kilobyte written to it, where programs that cannot
// start tend to say why.
type head struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const headSize = 1 << 10

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf.Write(p[:min(len(p), headSize-h.buf.Len())])
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.TrimSpace(h.buf.String())
}
