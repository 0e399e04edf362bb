package receiver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
)

// clock stands still until it is moved. A nil clock is the system's.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	if c == nil {
		return time.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// ledgerSpy is a ledger that a test can break. If a function returns an error, the step fails with
// that and is not done.
type ledgerSpy struct {
	*ledger.Ledger
	onClaim    func(context.Context) error
	onSettle   func(context.Context) error
	onRelease  func(context.Context) error
	afterwards func(*ledger.Claim) // changes a claim before the receiver gets it

	mu       sync.Mutex
	claims   []ledger.Key
	settles  int
	releases int
}

func (l *ledgerSpy) Claim(ctx context.Context, message ledger.Message) (ledger.ClaimResult, error) {
	l.mu.Lock()
	l.claims = append(l.claims, message.Key)
	l.mu.Unlock()
	if l.onClaim != nil {
		if err := l.onClaim(ctx); err != nil {
			return ledger.ClaimResult{}, err
		}
	}
	result, err := l.Ledger.Claim(ctx, message)
	if err == nil && result.Standing == ledger.Mine && l.afterwards != nil {
		l.afterwards(result.Claim)
	}
	return result, err
}

func (l *ledgerSpy) Settle(ctx context.Context, claim *ledger.Claim, messageID string) error {
	l.mu.Lock()
	l.settles++
	l.mu.Unlock()
	if l.onSettle != nil {
		if err := l.onSettle(ctx); err != nil {
			return err
		}
	}
	return l.Ledger.Settle(ctx, claim, messageID)
}

func (l *ledgerSpy) Release(ctx context.Context, claim *ledger.Claim) error {
	l.mu.Lock()
	l.releases++
	l.mu.Unlock()
	if l.onRelease != nil {
		if err := l.onRelease(ctx); err != nil {
			return err
		}
	}
	return l.Ledger.Release(ctx, claim)
}

// count returns how often anything was claimed.
func (l *ledgerSpy) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.claims)
}

// A message is one that was published, or would have been.
type message struct {
	id         string
	topic      string
	data       []byte
	attributes map[string]string
}

// publisherSpy collects what is published. If onPublish returns an error, the publish fails with
// that.
type publisherSpy struct {
	onPublish func(context.Context) error

	mu       sync.Mutex
	messages []message // whatever came of them
}

func (p *publisherSpy) Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	p.mu.Lock()
	id := fmt.Sprintf("m-%d", len(p.messages)+1)
	p.messages = append(p.messages, message{id, topicID, bytes.Clone(data), maps.Clone(attributes)})
	p.mu.Unlock()
	if p.onPublish != nil {
		if err := p.onPublish(ctx); err != nil {
			return "", err
		}
	}
	return id, nil
}

func (p *publisherSpy) all() []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

// hang is a backend that does not answer.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// hanging and broken are sources of keys that do not answer, or fail.
type (
	hanging[T any] struct{}
	broken[T any]  struct{ err error }
)

func (hanging[T]) Get(ctx context.Context) (*T, error)      { return nil, hang(ctx) }
func (hanging[T]) Refresh(ctx context.Context, stale *T) *T { _ = hang(ctx); return stale }
func (b broken[T]) Get(context.Context) (*T, error)         { return nil, b.err }
func (broken[T]) Refresh(_ context.Context, stale *T) *T    { return stale }

// logBuffer collects log lines.
type logBuffer struct{ testkit.Buffer }

// last returns the last line.
func (l *logBuffer) last() map[string]any {
	lines := strings.Split(strings.TrimSpace(l.String()), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		panic("the last log line is not JSON")
	}
	return line
}

// gate is a step that signals when it is reached, and goes on when it may.
func gate(reached chan<- struct{}, goOn <-chan struct{}) func(context.Context) error {
	return func(context.Context) error {
		close(reached)
		<-goOn
		return nil
	}
}
