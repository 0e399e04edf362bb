package dev

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/tap"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/retry"
)

// A roughness is what goes wrong on purpose, and which local handler gets the events.
type roughness struct {
	forwardTo       string
	respond         int
	drop, duplicate float64
}

const (
	handlerTail = "-handler" // of the subscription that is forwarded

	firstWait, longestWait = time.Second, 15 * time.Second // between two attempts

	// atOnce is how many attempts are made at the same time.
	atOnce = 8
)

// twiceReason is why a handler gets an event that it has accepted.
const twiceReason = "Pub/Sub may bring a message twice (--duplicate)"

// A forwarder hands each event to a local handler until that accepts it. A nil *forwarder hands
// over nothing.
type forwarder struct {
	handler   *handler.Handler
	inspected *inspect.Log // nil: there is no inspector
	out       *printer
	slots     chan struct{} // one is taken by each attempt

	mu      sync.Mutex
	shown   bool // print each attempt whose outcome differs from that of the attempt before
	twice   standin.Share
	latest  map[string]attempts // by the message's id
	changed chan struct{}       // closed by the next attempt
}

// attempts are the attempts to hand over one message.
type attempts struct {
	number int
	latest inspect.Attempt
}

// startForwarder begins to hand over events, if there is a handler for them.
func (w *installation) startForwarder(ctx context.Context, started *closers) (*forwarder, error) {
	url := w.rough.forwardTo
	if w.rough.respond != 0 {
		var err error
		if url, err = w.listen(responder(w.rough.respond), started); err != nil {
			return nil, fmt.Errorf("start the handler: %w", err)
		}
	}
	if url == "" {
		return nil, nil
	}
	local, err := handler.New(handler.Options{URL: url, Now: w.now})
	if err != nil {
		return nil, err
	}
	f := &forwarder{
		handler: local, inspected: w.inspected, out: w.out, slots: make(chan struct{}, atOnce),
		twice: standin.Share{Of: w.rough.duplicate}, latest: map[string]attempts{}, changed: make(chan struct{}),
	}
	w.out.up("local handler", local.URL())
	return f, w.subscribe(ctx, topicID+handlerTail, f.forward, started)
}

// responder answers every request with a status.
func responder(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "gemhook dev answers %d to everything (--respond)\n", status)
	})
}

// forward hands over a message until the handler accepts it. It fails only if ctx ends before that.
func (f *forwarder) forward(ctx context.Context, m *pubsub.Message) error {
	reason := ""
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		attempt := f.attempt(ctx, m, reason)
		if handler.Accepted(&attempt) {
			break
		}
		if err := retry.Wait(ctx, wait); err != nil {
			return err
		}
		reason = handler.Outcome(&attempt)
	}
	f.mu.Lock()
	again := f.twice.Next()
	f.mu.Unlock()
	if again {
		f.attempt(ctx, m, twiceReason)
	}
	return nil
}

// attempt hands over a message once.
func (f *forwarder) attempt(ctx context.Context, m *pubsub.Message, reason string) inspect.Attempt {
	f.slots <- struct{}{}
	defer func() { <-f.slots }()
	attempt := f.handler.Deliver(ctx, handler.Event{ID: m.ID, PublishTime: m.PublishTime, Data: m.Data, Attributes: m.Attributes})
	attempt.Reason = reason
	if f.inspected != nil {
		tap.Attempt(f.inspected, inspect.Message{ID: m.ID, Topic: topicID, PublishTime: m.PublishTime, Data: m.Data, Attributes: m.Attributes}, attempt)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.latest[m.ID]
	all := attempts{number: before.number + 1, latest: attempt}
	f.latest[m.ID] = all
	close(f.changed)
	f.changed = make(chan struct{})
	if f.shown && (before.number == 0 || handler.Outcome(&before.latest) != handler.Outcome(&attempt)) {
		f.out.attempt(m.ID, all)
	}
	return attempt
}

// show has attempts printed from now on.
func (f *forwarder) show() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown = true
}

// url is the handler's; empty for none.
func (f *forwarder) url() string {
	if f == nil {
		return ""
	}
	return f.handler.URL()
}

// await returns once the handler has got each of the events among the messages, or after
// arrivalLimit: it may hang.
func (f *forwarder) await(ctx context.Context, messages []message) error {
	if f == nil {
		return nil
	}
	limit := time.NewTimer(arrivalLimit)
	defer limit.Stop()
	for {
		f.mu.Lock()
		changed := f.changed
		missing := slices.ContainsFunc(messages, func(m message) bool { return m.topic == topicID && f.latest[m.id].number == 0 })
		f.mu.Unlock()
		if !missing {
			return nil
		}
		select {
		case <-changed:
		case <-limit.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// handled returns the messages with the handler's answers.
func (f *forwarder) handled(messages []message) []message {
	if f == nil {
		return messages
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range messages {
		m := &messages[i]
		all := f.latest[m.id]
		switch {
		case all.number > 0:
			m.handled, m.accepted = all.String(), handler.Accepted(&all.latest)
		case m.topic == topicID:
			m.handled = "no answer yet"
		}
	}
	return messages
}

// String returns the outcome of the latest attempt, and how many there were.
func (a attempts) String() string {
	outcome := handler.Outcome(&a.latest)
	if a.number > 1 {
		outcome += fmt.Sprintf(", %d attempts", a.number)
	}
	return outcome
}

// attempt prints the latest attempt to hand over a message.
func (p *printer) attempt(messageID string, all attempts) {
	colour := console.Red
	if handler.Accepted(&all.latest) {
		colour = console.Green
	}
	p.line(fmt.Sprintf("  %s  %s  %s  %s", p.Paint(console.Dim, clock(all.latest.At)),
		console.Pad("at the handler", 27), console.Pad("message "+messageID, 11), p.Paint(colour, all.String())))
}
