package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/bench/load"
)

// A Program is what is started: a command line, and the environment it gets besides PATH, HOME and PORT.
type Program struct {
	Arguments   []string
	Environment []string
}

// A Process is a program that answers on a port of loopback.
type Process struct {
	Address string

	command *exec.Cmd
	begun   time.Time
}

// Start starts a program on a free port. Its output goes nowhere. It ends with Stop or ctx.
func Start(ctx context.Context, program Program) (*Process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &Process{Address: net.JoinHostPort("127.0.0.1", port)}
	p.command = exec.CommandContext(ctx, program.Arguments[0], program.Arguments[1:]...)
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "PORT=" + port}, program.Environment...)
	p.begun = time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	return p, nil
}

// StartUp starts a program and waits for its first answer.
func StartUp(ctx context.Context, program Program) (*Process, error) {
	p, err := Start(ctx, program)
	if err != nil {
		return nil, err
	}
	if _, err := p.First(ctx, get, 200); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

var get = []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

// Get is a request for "/".
func Get() []byte { return bytes.Clone(get) }

// pollEvery is how long First waits between two attempts to connect: little beside what it measures, and enough to leave
// the starting program its cores.
const pollEvery = 200 * time.Microsecond

// startTimeout bounds First.
const startTimeout = 60 * time.Second

// First connects as soon as the program listens, sends one request, and returns the time from exec to its answer.
func (p *Process) First(ctx context.Context, request []byte, status int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := load.Dial(ctx, p.Address)
		if err == nil {
			defer conn.Close()
			got, err := conn.Do(request)
			if err == nil && got != status {
				err = fmt.Errorf("the first answer is %d, not %d", got, status)
			}
			return time.Since(p.begun), err
		}
		if ctx.Err() != nil {
			return 0, fmt.Errorf("the program does not answer: %w", err)
		}
		time.Sleep(pollEvery)
	}
}

// Stop kills the process and waits for its end. Further calls do nothing.
func (p *Process) Stop() {
	_ = p.command.Process.Kill()
	p.Wait()
}

// Wait waits for the process's end, however it comes.
func (p *Process) Wait() { _ = p.command.Wait() }

func freePort() (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.command.Process.Pid }

// restFor is how long a process that has come to rest has not run.
const restFor = 300 * time.Millisecond

// Rest waits until the process has done what it does by itself.
func (p *Process) Rest(ctx context.Context) error {
	last := int64(-1)
	for {
		used, err := p.processorTime()
		if err != nil || used == last {
			return err
		}
		last = used
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(restFor):
		}
	}
}

// processorTime is how long the process has run, in ticks of the kernel's.
func (p *Process) processorTime() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, err
	}
	// The name in brackets may hold spaces; user and system time are the 12th and 13th field after it (proc(5)).
	_, after, _ := strings.Cut(string(status), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("the process's stat has too few fields")
	}
	user, userErr := strconv.ParseInt(fields[11], 10, 64)
	system, systemErr := strconv.ParseInt(fields[12], 10, 64)
	return user + system, errors.Join(userErr, systemErr)
}
