// Package listen brings the events of a topic to a handler on this machine, for as long as it runs.
//
// A [Listener] makes a subscription of its own, which is deleted at the end. Each event is tried
// until the handler accepts it, and acknowledged then; whatever becomes of the machine, the network
// or the handler in between, an event is handed over at least once, and more than once only for a
// reason that is reported:
//
//	registry.go    knows the events by their message, so that what Pub/Sub brings again is no news
//	attempts.go    tries one event until it is accepted
//	connection.go  receives, notices a sleep or a lost connection, and connects again
//	backfill.go    brings first what the ledger has, and leaves no gap between that and the topic
package listen

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/retry"
)

// Options are those of New. Open, Topic, Deliver and Attempted are required.
type Options struct {
	// Open opens a client of Pub/Sub, which the listener closes. After a sleep or a lost connection
	// it is called again: the connections of the client before may be dead without knowing it.
	Open   func(context.Context) (*pubsub.Client, error)
	Topic  string // its id
	Filter messages.Filter

	// Deliver makes one attempt at the handler; it is called by several goroutines.
	Deliver  func(context.Context, handler.Event) inspect.Attempt
	Parallel int // how many attempts are made at the same time; 0 is 4

	// Since is from when on the events on record are brought first, by the time of their receipt;
	// zero brings none. Ledger has them.
	Since  time.Time
	Ledger *deliveries.Reader

	// Attempted and Note are told of each attempt, and in one line of what else happens. One call is
	// made at a time. The error of Attempted ends the listener.
	Attempted func(*Attempt) error
	Note      func(string)
	Following func() // is called once, when what is published from then on is brought

	Call func(context.Context) (context.Context, context.CancelFunc) // bounds one call of a backend; nil does not
	Now  func() time.Time                                            // nil is time.Now

	Backoff    time.Duration // before the second attempt, doubled before each further one; 0 is 1 s
	MaxBackoff time.Duration // 0 is 15 s
	Grace      time.Duration // for attempts under way at the end; 0 is 3 s
	CheckEvery time.Duration // how often the connection is looked at; 0 is 10 s
}

// An Event is one on its way to the handler.
type Event struct {
	handler.Event
	FromLedger bool // rather than from the topic
}

// Marked reports whether the event is marked as what may be a copy.
func (e *Event) Marked() bool { return e.Attributes[ledger.RedeliveredAttribute] == "true" }

// An Attempt is one at the handler.
type Attempt struct {
	*Event
	Number          int           // from 1; 0 for one that somebody asked for
	inspect.Attempt               // whose Reason says why there is another
	Retry           time.Duration // until the next one; 0 if there is none
}

// A Summary is what came of all events.
type Summary struct {
	Handled   int
	Unhandled []*Event // that were on their way at the end
}

// A Listener is one run. Its methods are safe for concurrent use.
type Listener struct {
	options      Options
	events       *registry
	slots        chan struct{} // one is taken by each attempt that is made
	held         chan struct{} // and by each event on its way
	attempts     context.Context
	subscription string // full name

	underWay sync.WaitGroup
	fail     context.CancelCauseFunc
	calls    sync.Mutex // one call of Note or Attempted at a time
}

// maxHeld bounds how many events are on their way at the same time. The rest waits at Pub/Sub.
const maxHeld = 1000

// New returns a listener. Nothing is contacted.
func New(options Options) *Listener {
	options.Parallel = cmp.Or(options.Parallel, 4)
	options.Backoff = cmp.Or(options.Backoff, time.Second)
	options.MaxBackoff = cmp.Or(options.MaxBackoff, 15*time.Second)
	options.Grace = cmp.Or(options.Grace, 3*time.Second)
	options.CheckEvery = cmp.Or(options.CheckEvery, 10*time.Second)
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Call == nil {
		options.Call = context.WithCancel
	}
	if options.Note == nil {
		options.Note = func(string) {}
	}
	if options.Following == nil {
		options.Following = func() {}
	}
	return &Listener{
		options: options, events: newRegistry(),
		slots: make(chan struct{}, options.Parallel), held: make(chan struct{}, maxHeld),
	}
}

// Run listens until ctx ends, which is no error. Attempts under way get a while to end then. Its
// subscription is gone when it returns. A listener runs once.
func (l *Listener) Run(ctx context.Context) (Summary, error) {
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	l.fail = fail
	attempts, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	l.attempts = attempts

	client, err := l.subscribe(ctx)
	if err != nil {
		return Summary{}, err
	}
	defer func() { l.unsubscribe(ctx, client) }()
	l.options.Following()
	if err = l.backfill(running); err == nil {
		err = l.follow(running, &client)
	}
	if ctx.Err() != nil {
		err = nil
	} else if err == nil {
		err = context.Cause(running) // Attempted's
	}
	fail(nil)
	grace := time.AfterFunc(l.options.Grace, stop)
	defer grace.Stop()
	l.underWay.Wait()
	return l.events.summary(), err
}

// subscribe makes the subscription. An interruption does not reach it: a subscription whose making
// was interrupted could be there all the same.
func (l *Listener) subscribe(ctx context.Context) (*pubsub.Client, error) {
	client, err := l.options.Open(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := l.options.Call(context.WithoutCancel(ctx))
	defer cancel()
	if l.subscription, err = messages.Subscribe(ctx, client, l.options.Topic, l.options.Filter); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

func (l *Listener) unsubscribe(ctx context.Context, client *pubsub.Client) {
	ctx, cancel := l.options.Call(context.WithoutCancel(ctx))
	defer cancel()
	if err := messages.Unsubscribe(ctx, client, l.subscription); err != nil {
		l.note(err.Error() + "; Pub/Sub does so after a day")
	}
	_ = client.Close() // there is nothing to lose
}

func (l *Listener) note(line string) {
	l.calls.Lock()
	defer l.calls.Unlock()
	l.options.Note(line)
}

// report hands on an attempt that has ended.
func (l *Listener) report(attempt *Attempt) {
	l.calls.Lock()
	defer l.calls.Unlock()
	if err := l.options.Attempted(attempt); err != nil {
		l.fail(err)
	}
}

// wait waits for a duration, and reports whether it has passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool { return retry.Wait(ctx, d) == nil }
