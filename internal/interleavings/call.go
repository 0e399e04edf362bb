package interleavings

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/topic"
)

// errNoAnswer is the error of a call that may or may not have had its effect.
var errNoAnswer = errors.New("no answer")

// A verdict is how a call comes back.
type verdict int

const (
	answered verdict = iota // with the result of its effect
	noAnswer                // with errNoAnswer
	refused                 // with topic.ErrNotPublished, without effect
	crashed                 // not at all: the instance is gone
)

// A call is one that a delivery waits for, or has given up and whose effect is still to come.
type call struct {
	delivery *delivery
	name     string
	deadline time.Time // zero: none
	begun    time.Time
	writes   bool // a read has no effect that could come late
	publish  bool

	effect func() error // run by the exploration, at most once
	acted  bool
	result error         // of the effect
	seen   func() string // the result as the caller gets it, for the fingerprint
	intent func() string // what the effect would be, likewise

	verdict chan verdict
}

// ended reports whether the call's time is over.
func (c *call) ended() bool { return !c.deadline.IsZero() && !time.Now().Before(c.deadline) }

// do makes a call: it waits for the exploration's verdict. Without faults to come it is done at
// once.
func (d *delivery) do(ctx context.Context, c *call) error {
	w := d.execution
	w.mu.Lock()
	defer w.mu.Unlock()
	c.delivery, c.begun = d, time.Now()
	c.deadline, _ = ctx.Deadline()
	err := ctx.Err()
	if err == nil && c.ended() {
		err = context.DeadlineExceeded // its timer is due at this very instant, and it would be chance which comes first
	}
	if err != nil {
		// As with gRPC, a call whose time is over before it begins is not sent.
		if c.publish {
			return fmt.Errorf("%w: %w", topic.ErrNotPublished, err)
		}
		return err
	}
	if w.over {
		runtime.Goexit()
	}
	if w.calm {
		w.read = false
		return c.effect()
	}
	c.verdict = make(chan verdict)
	d.call = c
	d.rest()
	w.mu.Unlock()
	v := <-c.verdict
	w.mu.Lock()
	d.history = append(d.history, c)
	switch v {
	case crashed:
		runtime.Goexit()
	case refused:
		return fmt.Errorf("%w: as the exploration has it", topic.ErrNotPublished)
	case noAnswer:
		c.seen = func() string { return "?" }
		return errNoAnswer
	}
	return c.result
}

// gatedStore is the store as one delivery reaches it.
type gatedStore struct{ delivery *delivery }

func (s gatedStore) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	w := s.delivery.execution
	return s.write(ctx, "create", func() string { return w.textOf(document) }, func() (ledger.Version, error) {
		return w.store.Create(context.Background(), key, document)
	})
}

func (s gatedStore) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	w := s.delivery.execution
	var document *ledger.Document
	var version ledger.Version
	c := &call{name: "read"}
	c.effect = func() (err error) {
		document, version, err = w.store.Read(context.Background(), key)
		return err
	}
	c.seen = func() string {
		if c.result != nil {
			return c.result.Error()
		}
		return w.textOf(document) + w.textOfVersion(version)
	}
	err := s.delivery.do(ctx, c)
	return document, version, err
}

func (s gatedStore) Replace(ctx context.Context, key ledger.Key, version ledger.Version, document *ledger.Document) (ledger.Version, error) {
	w := s.delivery.execution
	intent := func() string { return w.textOf(document) + w.textOfVersion(version) }
	return s.write(ctx, "take over", intent, func() (ledger.Version, error) {
		return w.store.Replace(context.Background(), key, version, document)
	})
}

func (s gatedStore) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	w := s.delivery.execution
	name := "settle"
	if outcome.State == ledger.Released {
		name = "release"
	}
	intent := func() string { return fmt.Sprint(outcome.State, outcome.MessageID, w.textOfVersion(version)) }
	_, err := s.write(ctx, name, intent, func() (ledger.Version, error) {
		return ledger.Version{}, w.store.Finish(context.Background(), key, version, outcome)
	})
	return err
}

func (s gatedStore) write(ctx context.Context, name string, intent func() string, effect func() (ledger.Version, error)) (ledger.Version, error) {
	var version ledger.Version
	c := &call{name: name, writes: true, intent: intent}
	c.effect = func() (err error) {
		version, err = effect()
		return err
	}
	c.seen = func() string {
		if c.result != nil {
			return c.result.Error()
		}
		return s.delivery.execution.textOfVersion(version)
	}
	err := s.delivery.do(ctx, c)
	return version, err
}

// gatedTopic is the topic as one delivery reaches it.
type gatedTopic struct{ delivery *delivery }

func (p gatedTopic) Publish(ctx context.Context, topicID string, _ []byte, attributes map[string]string) (string, error) {
	w := p.delivery.execution
	marked := attributes[ledger.RedeliveredAttribute] == "true"
	var id string
	c := &call{name: "publish", writes: true, publish: true}
	c.intent = func() string { return fmt.Sprint(topicID, marked) }
	c.seen = func() string { return id }
	c.effect = func() error {
		id = w.publish(p.delivery, topicID, marked)
		return nil
	}
	err := p.delivery.do(ctx, c)
	return id, err
}
