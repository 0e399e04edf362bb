// Package dev is all of gemhook on one machine, with nothing set up: a stand-in for Gemini, the
// receiver, the collector, the reconciler, and what they need behind them. It is what gemhook dev
// runs.
//
// [Run] starts everything, in this order, each on an address of its own on this machine:
//
//	backends.go  Firestore and Pub/Sub: Google's emulators, or stand-ins in this process
//	servers.go   the stand-in for Gemini, with a webhook registered; the functions; the bucket
//	inspect.go   the inspector, a page that shows each delivery
//	forward.go   hands each event to a handler on this machine, where there is one
//	folder.go    the secrets, the logs, and the settings for the command line
//
// Then it delivers genuine, repeated and forged events ([deliveries] has them and what is
// expected), has the results of three jobs collected (collect.go), and prints what came of each.
// What is not as expected is marked. Each run makes its own keys. At the end everything that it
// started is stopped.
package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/standin"
)

// ErrUnexpected is the error of a run whose table has a row that is not as expected.
var ErrUnexpected = errors.New("not everything was as expected")

// Options are those of Run.
type Options struct {
	Console *console.Console // for what is shown
	Log     io.Writer        // gets the functions' log, as a file in Folder does; may be nil
	Folder  string           // for secrets, settings and logs; made if it does not exist
	Port    int              // the first of the ports; 0 is any free ones
	Once    bool             // end after the table

	Inspect bool // serve the inspector

	ForwardTo string  // URL of a local handler, which gets each event; empty: there is none
	Respond   int     // status that a built-in handler answers, in place of ForwardTo; 0: there is none
	Drop      float64 // share of the deliveries that are never sent, from 0 to 1
	Duplicate float64 // share of the deliveries that are sent twice, and of the events that the handler gets twice
}

// An installation is one run.
type installation struct {
	out    *printer
	log    io.Writer // of the functions and the emulators, concurrently
	folder *folder
	port   int // the next to listen on; 0: any
	once   bool

	inspected *inspect.Log // what the inspector shows; nil: there is none
	rough     roughness

	now        func() time.Time
	rand       io.Reader
	deliveries func(*sender) ([]delivery, error)
}

// Run runs gemhook until ctx ends or, with Options.Once, until everything has been shown. When it
// returns, everything that it started has been stopped. The error is ErrUnexpected if a row is not
// as expected, and the cause of ctx if that ended before everything was shown.
func Run(ctx context.Context, options Options) error {
	folder, err := openFolder(options.Folder)
	if err != nil {
		return err
	}
	log := io.Writer(folder.log)
	if options.Log != nil {
		log = io.MultiWriter(folder.log, options.Log)
	}
	w := &installation{
		out: &printer{Console: options.Console}, log: &lockedWriter{to: log},
		folder: folder, port: options.Port, once: options.Once,
		rough: roughness{forwardTo: options.ForwardTo, respond: options.Respond, drop: options.Drop, duplicate: options.Duplicate},
		now:   time.Now, rand: rand.Reader, deliveries: deliveries,
	}
	if options.Inspect {
		w.inspected = inspect.NewLog(nil)
	}
	return errors.Join(w.run(ctx), folder.close())
}

func (w *installation) run(ctx context.Context) (err error) {
	w.out.title("gemhook: Gemini webhooks in, each verified and published once, on your topic out")
	w.out.line("")

	var started closers
	defer func() {
		if ctx.Err() != nil {
			w.out.line("stopping …")
		}
		if stopErr := started.close(); stopErr != nil {
			err = errors.Join(err, stopErr)
		}
	}()

	newKeys := sync.OnceValues(func() (*standin.Keys, error) { return standin.NewKeys(w.rand) })
	go func() { _, _ = newKeys() }() // takes a while, and the emulators do too
	backends, err := w.startBackends(ctx, &started)
	if err != nil {
		return err
	}
	keys, err := newKeys()
	if err != nil {
		return err
	}
	topics, err := openTopics(ctx, w.inspected, &started)
	if err != nil {
		return err
	}
	gemini, err := w.startGemini(keys, &started)
	if err != nil {
		return err
	}
	if err := w.startReceiver(ctx, backends, gemini, &started); err != nil {
		return err
	}
	forward, err := w.startForwarder(ctx, &started)
	if err != nil {
		return err
	}
	collector, err := w.startCollector(ctx, backends, gemini, &started)
	if err != nil {
		return err
	}
	if err := w.startReconciler(ctx, backends, gemini, &started); err != nil {
		return err
	}
	if err := w.folder.writeSettings(w.settings(backends, gemini, collector)); err != nil {
		return err
	}

	page, err := w.startInspector(ctx, backends, gemini, &started)
	if err != nil {
		return err
	}

	report, err := w.deliver(ctx, gemini, topics, forward)
	if err != nil {
		return err
	}
	w.out.report(report)
	collected, err := w.collect(ctx, gemini, collector, topics)
	if err != nil {
		return err
	}
	w.out.collected(collected)
	var outcome error
	if !report.asExpected() || !collected.asExpected() {
		outcome = ErrUnexpected
	}
	if w.once {
		return outcome
	}
	w.out.places(backends, gemini, collector, w.folder, page)
	forward.show()
	if err := w.stay(ctx, topics); err != nil {
		return err
	}
	w.out.line("")
	return outcome
}

// deliver sends every delivery and reports what came of it.
func (w *installation) deliver(ctx context.Context, from *sender, topics *inbox, forward *forwarder) (*report, error) {
	planned, err := w.deliveries(from)
	if err != nil {
		return nil, err
	}
	start := w.now()
	results := make([]*result, len(planned))
	var messageIDs []string
	for i, delivery := range planned {
		answers, err := from.deliver(ctx, delivery.path, delivery.signed)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		results[i] = newResult(delivery, answers)
		if len(answers) > 0 && answers[0].MessageID != "" {
			messageIDs = append(messageIDs, answers[0].MessageID)
		}
	}
	elapsed := w.now().Sub(start)
	if err := topics.await(ctx, messageIDs); err != nil {
		return nil, err
	}
	// Results of these events are on another topic: there are no such jobs.
	events := slices.DeleteFunc(topics.all(), func(m message) bool { return m.topic == resultsTopicID })
	if err := forward.await(ctx, events); err != nil {
		return nil, err
	}
	report := newReport(results, forward.handled(events), elapsed)
	report.handler = forward.url()
	return report, nil
}

// stay prints each message that arrives from now on, until ctx ends.
func (w *installation) stay(ctx context.Context, topics *inbox) error {
	for seen := len(topics.all()); ; {
		arrived := topics.arrival()
		messages := topics.all()
		for _, m := range messages[seen:] {
			w.out.arrival(w.now(), m)
		}
		seen = len(messages)
		select {
		case <-arrived:
		case err := <-topics.failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// closers are what was started, to be stopped in the opposite order.
type closers []func() error

func (c *closers) add(close func() error) { *c = append(*c, close) }

func (c *closers) close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		errs = append(errs, (*c)[i]())
	}
	*c = nil
	return errors.Join(errs...)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// A lockedWriter takes writes from several goroutines.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}
