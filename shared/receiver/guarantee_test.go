package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/topic"
)

// TestGuarantees has several senders deliver the same few events at the same time, again and again
// until each is acknowledged, while every step of the receiver is slow, fails, loses its answer or
// ends in a crash as a die decides. Whatever happens:
//
//   - an acknowledged event is on the topic, under the message id in the answer;
//   - nothing is published of an event that is settled;
//   - no two publishes of an event overlap;
//   - only the first message of an event can be without the mark.
func TestGuarantees(t *testing.T) {
	t.Parallel()
	const runs, events, senders = 40, 2, 4
	for seed := range uint64(runs) {
		synctest.Test(t, func(t *testing.T) {
			c := &chaos{T: t, die: rand.New(rand.NewPCG(seed, 0)), calmAt: time.Now().Add(10 * time.Minute), topic: map[string][]landed{}, publishing: map[string]bool{}, settled: map[ledger.Key]bool{}}
			b := newLiveFixture(t, func(b *fixture) {
				b.deps.Publisher = c
				b.deps.Ledger = ledger.New(&chaosStore{memoryledger.New(), c}, ledger.Options{Lease: lease, Retention: 168 * time.Hour})
			})
			var running sync.WaitGroup
			for i := range events * senders {
				running.Go(func() { c.deliver(b, fmt.Sprintf("msg_%d", i%events)) })
			}
			running.Wait()
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// chaos is the die, the topic, and what is known of each event.
type chaos struct {
	*testing.T
	calmAt time.Time // from when on nothing fails, so that the senders come to an end

	mu         sync.Mutex
	die        *rand.Rand
	topic      map[string][]landed // by webhook-id
	publishing map[string]bool
	settled    map[ledger.Key]bool
	messages   int
}

type landed struct {
	id     string
	marked bool
}

// deliver delivers an event until it is acknowledged.
func (c *chaos) deliver(b *fixture, id string) {
	for range 200 {
		if a := b.post("/", b.v1(b.delivery(id))); a.Code == http.StatusOK {
			c.mu.Lock()
			defer c.mu.Unlock()
			if !slices.ContainsFunc(c.topic[id], func(m landed) bool { return m.id == a.MessageID }) {
				c.Errorf("%s is acknowledged as %s message %s, and the topic has %v", id, a.Status, a.MessageID, c.topic[id])
			}
			return
		}
		elapse(c.roll(30 * time.Second))
	}
	c.Errorf("%s is never acknowledged", id)
}

// roll returns some time below the limit.
func (c *chaos) roll(limit time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.die.Int64N(int64(limit)))
}

var (
	errBefore = errors.New("failed before it was done")
	errAfter  = errors.New("done, but the answer was lost")
)

// step does something slowly, and perhaps fails before or after it is done, or crashes.
func (c *chaos) step(ctx context.Context, act func() error) error {
	fault := 0
	if time.Now().Before(c.calmAt) {
		fault = int(c.roll(10))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(c.roll(2 * receiver.Deadline / 5)):
		}
	}
	switch fault {
	case 1:
		return errBefore
	case 2:
		panic("crash before")
	}
	err := act()
	switch {
	case err != nil:
		return err
	case fault == 3:
		return errAfter
	case fault == 4:
		panic("crash after")
	}
	return nil
}

// Publish implements receiver.Publisher.
func (c *chaos) Publish(ctx context.Context, _ string, _ []byte, attributes map[string]string) (string, error) {
	id := attributes["ce-id"]
	c.mu.Lock()
	if c.publishing[id] {
		c.Errorf("two publishes of %s overlap", id)
	}
	c.publishing[id] = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.publishing[id] = false
	}()
	var message landed
	err := c.step(ctx, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.messages++
		message = landed{fmt.Sprintf("m-%d", c.messages), attributes["ce-redelivered"] == "true"}
		if c.settled[ledger.StaticKey(id)] {
			c.Errorf("%s is published as %v although it is settled", id, message)
		}
		if !message.marked && len(c.topic[id]) > 0 {
			c.Errorf("%s has %v on the topic and gets %v without a mark", id, c.topic[id], message)
		}
		c.topic[id] = append(c.topic[id], message)
		return nil
	})
	if errors.Is(err, errBefore) {
		err = fmt.Errorf("%w: %w", topic.ErrNotPublished, err)
	}
	return message.id, err
}

// chaosStore is a store whose writes go as the die decides.
type chaosStore struct {
	ledger.Store
	*chaos
}

func (s *chaosStore) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (version ledger.Version, err error) {
	err = s.step(ctx, func() (err error) {
		version, err = s.Store.Create(ctx, key, document)
		return err
	})
	return version, err
}

func (s *chaosStore) Replace(ctx context.Context, key ledger.Key, was ledger.Version, document *ledger.Document) (version ledger.Version, err error) {
	err = s.step(ctx, func() (err error) {
		version, err = s.Store.Replace(ctx, key, was, document)
		return err
	})
	return version, err
}

func (s *chaosStore) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	return s.step(ctx, func() error {
		err := s.Store.Finish(ctx, key, version, outcome)
		if err == nil && outcome.State == ledger.Published {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.settled[key] = true
		}
		return err
	})
}
