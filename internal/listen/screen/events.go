package screen

import (
	"time"

	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/listen"
)

// What is kept in memory: the newest events with the newest attempts at each.
const (
	maxEvents   = 500
	maxAttempts = 20
	maxBytes    = 64 << 20 // of bodies
)

// An event is one that was handed over, perhaps several times.
type event struct {
	*listen.Event
	at       time.Time         // of the first attempt
	attempts []*listen.Attempt // at least one
	made     int               // attempts, with those that are not kept
	sending  bool              // again, by hand
	handled  bool              // the listener is done with it
	bytes    int
}

func (e *event) latest() *listen.Attempt { return e.attempts[len(e.attempts)-1] }

// events are those that can be shown, with one selected.
type events struct {
	all      []*event // oldest first
	known    map[*listen.Event]*event
	bytes    int
	selected int // index in all
}

// current is the event that is selected, nil if there is none.
func (e *events) current() *event {
	if len(e.all) == 0 {
		return nil
	}
	return e.all[e.selected]
}

func (e *events) selectBy(by int) {
	e.selected = max(0, min(e.selected+by, len(e.all)-1))
}

// add adds an attempt. While the newest event is selected, the selection moves on to what is newer.
func (e *events) add(a *listen.Attempt) {
	to := e.known[a.Event]
	if to == nil {
		to = &event{Event: a.Event, at: a.At, bytes: len(a.Data)}
		if e.known == nil {
			e.known = map[*listen.Event]*event{}
		}
		e.known[a.Event] = to
		if e.selected == len(e.all)-1 {
			e.selected++
		}
		e.all = append(e.all, to)
		e.bytes += to.bytes
	}
	to.made++
	to.handled = to.handled || a.Number > 0 && handler.Accepted(&a.Attempt)
	to.attempts = append(to.attempts, a)
	e.grow(to, size(a))
	if len(to.attempts) > maxAttempts {
		e.grow(to, -size(to.attempts[0]))
		to.attempts[0], to.attempts = nil, to.attempts[1:]
	}
	for len(e.all) > 1 && (len(e.all) > maxEvents || e.bytes > maxBytes) {
		oldest := e.all[0]
		e.bytes -= oldest.bytes
		delete(e.known, oldest.Event)
		e.all[0], e.all = nil, e.all[1:]
		e.selectBy(-1)
	}
}

func (e *events) grow(one *event, by int) {
	one.bytes += by
	e.bytes += by
}

// size is about how many bytes of memory an attempt takes.
func size(a *listen.Attempt) int { return 2000 + len(a.Request.Body) + len(a.Answer.Body) }

// unhandled returns how many events the handler has not accepted yet.
func (e *events) unhandled() int {
	sum := 0
	for _, one := range e.all {
		if !one.handled {
			sum++
		}
	}
	return sum
}
