package emulator

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gemhook/gemhook/internal/testkit/process"
)

// startTimeout bounds a start where the context does not. The emulators answer within a second or
// two, and on a machine that is busy with other things after half a minute.
const startTimeout = 90 * time.Second

const (
	pollInterval = 20 * time.Millisecond
	callTimeout  = 5 * time.Second
)

// awaitReady returns when the emulator at host has answered a call.
func awaitReady(ctx context.Context, k kind, host string, p *process.Process, out *head) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout,
		fmt.Errorf("no answer on %s within %s: %w", host, startTimeout, context.DeadlineExceeded))
	defer cancel()

	answered := make(chan error, 1)
	go func() { answered <- poll(ctx, k, host) }()
	select {
	case err := <-answered:
		return err
	case <-p.Done():
		// The end of ctx ends the process too, and is then the reason to give.
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%w: %s", p.Stop(), out)
	}
}

// poll calls until a call succeeds. It returns the cause of ctx where that ends first.
func poll(ctx context.Context, k kind, host string) error {
	conn, err := grpc.NewClient("passthrough:///"+host,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: pollInterval, Multiplier: 1, MaxDelay: pollInterval},
			MinConnectTimeout: callTimeout,
		}))
	if err != nil {
		return err
	}
	defer conn.Close()

	pause := time.NewTicker(pollInterval)
	defer pause.Stop()
	for {
		// A call waits for the connection; one that failed got a connection to a server that was
		// not up yet.
		callCtx, cancel := context.WithTimeout(ctx, callTimeout)
		err := k.probe(callCtx, conn)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last call: %v)", context.Cause(ctx), err)
		case <-pause.C:
		}
	}
}

// reservePort finds a free port, or makes sure that the wanted one is free. A second emulator on a
// taken port does not always fail: the one that has the port would answer for it.
func reservePort(port int) (int, error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// awaitFree returns when port is free, or after a second. The system may close the sockets of a
// killed process a moment after its parent has ended.
func awaitFree(port int) {
	deadline := time.NewTimer(time.Second)
	defer deadline.Stop()
	pause := time.NewTicker(pollInterval)
	defer pause.Stop()
	for {
		if _, err := reservePort(port); err == nil {
			return
		}
		select {
		case <-deadline.C:
			return
		case <-pause.C:
		}
	}
}

// A head keeps the first kilobyte written to it, where programs that cannot start tend to say why.
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
