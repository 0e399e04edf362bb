package listen

import (
	"strings"
	"sync"

	"github.com/gemhook/gemhook/internal/handler"
)

// maxKnown is how many handled events are known again. Pub/Sub brings a message again within
// minutes, unless the acknowledgement was lost.
const maxKnown = 100_000

// An entry is an event of a registry.
type entry struct {
	event *Event        // nil once it is handled
	first string        // the reason for its first attempt, empty for what is no copy
	done  chan struct{} // closed when nothing more happens to it
	// handled is whether the handler has accepted it. It is not read before done is closed.
	handled bool
	id, key string
}

// A registry knows the events that have come: the same message, and another message with the same
// event that is not marked as a copy, are no news. It is safe for concurrent use.
type registry struct {
	limit int

	mu      sync.Mutex
	byID    map[string]*entry // by the message's id
	byKey   map[string]*entry // by what identifies the event
	known   []*entry          // that are handled, the oldest first
	handled int
}

func newRegistry() *registry {
	return &registry{limit: maxKnown, byID: map[string]*entry{}, byKey: map[string]*entry{}}
}

// keyOf identifies an event by its attributes; empty for one that has none to go by. A token does
// not sign the webhook-id, so that says nothing there.
func keyOf(event *Event) string {
	id := event.Attributes["ce-id"]
	if id == "" || event.Attributes["ce-signaturescheme"] == "jwt" {
		return ""
	}
	return strings.Join([]string{event.Attributes["ce-source"], id, event.Attributes["ce-type"]}, "\n")
}

// find returns the entry of an event, nil for one that is new.
func (r *registry) find(event *Event) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.findLocked(event)
}

func (r *registry) findLocked(event *Event) *entry {
	if same := r.byID[event.ID]; same != nil {
		return same
	}
	if key := keyOf(event); key != "" && !event.Marked() {
		return r.byKey[key]
	}
	return nil
}

// begin enters an event, and reports whether it is new.
func (r *registry) begin(event *Event) (e *entry, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if same := r.findLocked(event); same != nil {
		return same, false
	}
	e = &entry{event: event, done: make(chan struct{}), id: event.ID, key: keyOf(event)}
	if e.key != "" && r.byKey[e.key] != nil {
		e.first = "the message is marked as one that may be a copy"
	}
	r.byID[e.id] = e
	if e.key != "" {
		r.byKey[e.key] = e
	}
	return e, true
}

// end records what has become of an event.
func (r *registry) end(e *entry, handled bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.handled = handled; handled {
		e.event = nil
		r.handled++
		r.known = append(r.known, e)
	}
	close(e.done)
	for len(r.known) > r.limit {
		oldest := r.known[0]
		r.known[0], r.known = nil, r.known[1:]
		delete(r.byID, oldest.id)
		if r.byKey[oldest.key] == oldest {
			delete(r.byKey, oldest.key)
		}
	}
}

func (r *registry) summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	summary := Summary{Handled: r.handled}
	for _, e := range r.byID {
		if e.event != nil {
			summary.Unhandled = append(summary.Unhandled, e.event)
		}
	}
	return summary
}

// numbered returns what the handler gets at an attempt.
func numbered(event *Event, number int) handler.Event {
	e := event.Event
	e.Attempt = number
	return e
}
