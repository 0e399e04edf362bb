package setup

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/gemhook/gemhook/internal/bench/load"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// A Program is what is started: a command line, and its environment but for PATH, HOME and PORT.
type Program struct {
	Arguments   []string
	Environment []string
}

// A Process is a program that answers on a port of loopback.
type Process struct {
	*process.Process
	Address string

	begun time.Time
}

// Start starts a program on a free port. Its output goes nowhere. It ends with Stop or ctx.
func Start(ctx context.Context, program Program) (*Process, error) {
	port, err := process.FreePort()
	if err != nil {
		return nil, err
	}
	command := exec.Command(program.Arguments[0], program.Arguments[1:]...)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "PORT=" + port}, program.Environment...)
	begun := time.Now()
	started, err := process.Start(ctx, command)
	if err != nil {
		return nil, err
	}
	return &Process{started, net.JoinHostPort("127.0.0.1", port), begun}, nil
}

// StartUp starts a program and waits for its first answer.
func StartUp(ctx context.Context, program Program) (*Process, error) {
	p, err := Start(ctx, program)
	if err != nil {
		return nil, err
	}
	if _, err := p.First(ctx, get, 200); err != nil {
		_ = p.Stop()
		return nil, err
	}
	return p, nil
}

var get = []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

// Get is a request for "/".
func Get() []byte { return bytes.Clone(get) }

// pollEvery is how long First waits between two attempts to connect: short compared with what it
// measures, and long enough to leave the starting program its cores.
const pollEvery = 200 * time.Microsecond

// startTimeout bounds First.
const startTimeout = 60 * time.Second

// First connects as soon as the program listens, sends one request, and returns the time from exec
// to its answer.
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
