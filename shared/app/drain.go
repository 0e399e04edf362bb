package app

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// drainTime is how long running requests have after SIGTERM. Cloud Run ends the process ten seconds
// after the signal (https://cloud.google.com/run/docs/container-contract#instance-shutdown).
const drainTime = 9900 * time.Millisecond

// ExitOnSIGTERM returns a handler that serves like h. On SIGTERM the process finishes the requests
// that run, up to the platform's limit, and exits: the server of the Functions Framework would cut
// them off.
func ExitOnSIGTERM(h http.Handler) http.Handler {
	d := &drainer{handler: h}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		d.drain(ctx)
		os.Exit(0)
	}()
	return d
}

// A drainer counts the requests that run.
type drainer struct {
	handler http.Handler

	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when none runs any more; nil before drain
}

// ServeHTTP implements http.Handler. A request counts as running until its answer is sent, not only
// written to a buffer.
func (d *drainer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.count(1)
	defer d.count(-1)
	d.handler.ServeHTTP(w, r)
	_ = http.NewResponseController(w).Flush() // fails where the server has no buffer
}

func (d *drainer) count(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running += by
	d.closeIfIdle()
}

// drain waits until no request runs, or until ctx ends.
func (d *drainer) drain(ctx context.Context) {
	d.mu.Lock()
	d.idle = make(chan struct{})
	idle := d.idle
	d.closeIfIdle()
	d.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

func (d *drainer) closeIfIdle() {
	if d.running == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
}
