package console

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// delay is how long work goes on before a person wants to see that it does.
	delay = 500 * time.Millisecond
	frame = 120 * time.Millisecond
	bar   = 24 // characters
)

// Progress shows that work goes on: a bar where its total is known, else a spinner. It shows
// nothing where standard error is not a terminal, and nothing for work that is done at once. Its
// label must not come from outside. It is safe for concurrent use.
type Progress struct {
	to      io.Writer
	live    bool
	label   string
	total   int
	stopped chan struct{}
	ended   chan struct{}

	mu   sync.Mutex
	done int
}

// Working shows that something goes on, until the returned function is called. It may be called
// more than once.
func (c *Console) Working(on string) (done func()) { return c.Progress(on, 0).Stop }

// Progress begins to show work. total 0 is unknown. The caller must Stop it.
func (c *Console) Progress(label string, total int) *Progress {
	p := &Progress{
		to: c.err, live: c.live, label: label, total: total,
		stopped: make(chan struct{}), ended: make(chan struct{}),
	}
	if !p.live {
		close(p.ended)
		return p
	}
	go p.run()
	return p
}

// Add counts work that is done.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// Stop ends the progress and clears its line. It may be called more than once, by one goroutine at
// a time.
func (p *Progress) Stop() {
	select {
	case <-p.stopped:
	default:
		close(p.stopped)
	}
	<-p.ended
}

func (p *Progress) run() {
	defer close(p.ended)
	select {
	case <-time.After(delay):
	case <-p.stopped:
		return
	}
	ticker := time.NewTicker(frame)
	defer ticker.Stop()
	for i := 0; ; i++ {
		fmt.Fprint(p.to, "\r\x1b[K"+p.line(i))
		select {
		case <-ticker.C:
		case <-p.stopped:
			fmt.Fprint(p.to, "\r\x1b[K")
			return
		}
	}
}

// line is what is shown at the i-th frame.
func (p *Progress) line(i int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total == 0 {
		return string([]rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[i%10]) + " " + p.label
	}
	filled := bar * min(p.done, p.total) / p.total
	return fmt.Sprintf("%s %s%s %d of %d", p.label, strings.Repeat("█", filled), strings.Repeat("░", bar-filled), p.done, p.total)
}
