package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// errUnexpected is the outcome of a run whose table has a row that is not as expected.
var errUnexpected = errors.New("not everything was as expected")

// A demo is one run.
type demo struct {
	out     *printer
	log     io.Writer // of the receiver
	rawLog  io.Writer // of the emulators, concurrently
	logPath string
	once    bool // end after the table

	now        func() time.Time
	rand       io.Reader
	deliveries func(*sender) ([]delivery, error)
}

// newDemo returns a run with the usual deliveries. Everything that is started logs to log, also concurrently.
func newDemo(out *printer, log io.Writer) *demo {
	return &demo{out: out, log: log, rawLog: log, now: time.Now, rand: rand.Reader, deliveries: deliveries}
}

// run starts everything, delivers, prints the table and, unless once is set, stays up until ctx ends. Whatever it returns,
// all that it started is stopped. The error is errUnexpected if a row is not as expected, and the cause of ctx if that
// ended before the table was complete.
func (d *demo) run(ctx context.Context) (err error) {
	d.out.title("gemhook: Gemini webhooks in, each verified and published once, on your topic out")
	d.out.line("")

	var started closers
	defer func() {
		if ctx.Err() != nil {
			d.out.line("stopping …")
		}
		if stopErr := started.close(); stopErr != nil {
			err = errors.Join(err, stopErr)
		}
	}()

	newKeys := sync.OnceValues(func() (*standin.Keys, error) { return standin.NewKeys(d.rand) })
	go func() { _, _ = newKeys() }() // takes a while, and the emulators do too
	backends, err := d.startBackends(ctx, &started)
	if err != nil {
		return err
	}
	keys, err := newKeys()
	if err != nil {
		return err
	}
	topics, err := openTopics(ctx, &started)
	if err != nil {
		return err
	}
	gemini, err := d.startGemini(keys, &started)
	if err != nil {
		return err
	}
	if err := d.startReceiver(ctx, backends, gemini, &started); err != nil {
		return err
	}

	report, err := d.deliver(ctx, gemini, topics)
	if err != nil {
		return err
	}
	d.out.report(report)
	var outcome error
	if !report.asExpected() {
		outcome = errUnexpected
	}
	if d.once {
		d.out.note("The receiver's log: " + d.logPath)
		return outcome
	}
	d.out.places(backends, gemini, d.logPath)
	if err := d.stay(ctx, topics); err != nil {
		return err
	}
	d.out.line("")
	return outcome
}

// deliver sends every delivery once and reports what came of it.
func (d *demo) deliver(ctx context.Context, from *sender, topics *inbox) (*report, error) {
	planned, err := d.deliveries(from)
	if err != nil {
		return nil, err
	}
	start := d.now()
	results := make([]*result, len(planned))
	var messageIDs []string
	for i, delivery := range planned {
		answer, err := from.send(ctx, delivery.path, delivery.signed)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		results[i] = &result{delivery: delivery, answer: answer}
		if answer.MessageID != "" {
			messageIDs = append(messageIDs, answer.MessageID)
		}
	}
	elapsed := d.now().Sub(start)
	if err := topics.await(ctx, messageIDs); err != nil {
		return nil, err
	}
	return newReport(results, topics.all(), elapsed), nil
}

// stay prints each message that arrives from now on, until ctx ends.
func (d *demo) stay(ctx context.Context, topics *inbox) error {
	for seen := len(topics.all()); ; {
		arrived := topics.arrival()
		messages := topics.all()
		for _, m := range messages[seen:] {
			d.out.arrival(d.now(), m)
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
