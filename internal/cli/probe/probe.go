// Package probe finds out whether a receiver accepts deliveries signed with a secret, without
// having it publish anything.
//
// It puts a document into the ledger that says a delivery of its own is published already, and
// sends that delivery. A receiver that knows the secret takes it for a duplicate. One that does not
// know it refuses the signature, and never looks at the ledger. Nothing reaches the topic either
// way. Only a receiver with another ledger publishes the probe, once, which shows that it has one.
package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// ErrOtherLedger is returned for a receiver that has published the probe.
var ErrOtherLedger = errors.New("the receiver published a probe: its ledger is another one than this command's")

// Type is the event type of a probe, in the ledger and in its body.
const Type = "gemhook.probe"

// Size is how many bytes the body of a probe has: as many as an ordinary event with its
// user_metadata may have. So a receiver that refuses ordinary events for their size refuses probes.
const Size = 4096

// kept is how long the ledger keeps a probe whose command was killed.
const kept = time.Hour

// A Marker writes and deletes the ledger's document of a probe.
type Marker interface {
	Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error)
	Delete(ctx context.Context, key ledger.Key) error
}

// Options are the settings of a probe.
type Options struct {
	URL    string // of the static endpoint
	Client *http.Client
	Now    func() time.Time
	Rand   io.Reader
}

// A Probe is one delivery that counts as published. It is safe for concurrent use.
type Probe struct {
	options    Options
	marker     Marker
	id         string
	unanswered atomic.Bool // a delivery was posted, and its answer did not come
}

// Lay puts a probe into the ledger. The caller must Remove it.
func Lay(ctx context.Context, marker Marker, options Options) (*Probe, error) {
	id, err := standin.NewID(options.Rand)
	if err != nil {
		return nil, err
	}
	p := &Probe{options: options, marker: marker, id: "gemhook-probe-" + id}
	now := options.Now()
	_, err = marker.Create(ctx, ledger.StaticKey(p.id), &ledger.Document{
		State: ledger.Published, Attempt: 1, WebhookID: p.id, Scheme: standin.SchemeV1, Type: Type,
		ReceivedAt: now, SettledAt: &now, LeaseExpiresAt: now, ExpiresAt: now.Add(kept),
	})
	if err != nil {
		return nil, fmt.Errorf("write a probe into the ledger: %w", err)
	}
	return p, nil
}

// Remove takes the probe out of the ledger. It fails, and leaves the probe, if an answer of the
// receiver's did not come: the receiver may be at work on the probe still, and would publish it if
// the ledger did not have it.
func (p *Probe) Remove(ctx context.Context) error {
	if p.unanswered.Load() {
		return errors.New("a probe is left in the ledger, because the receiver may still be at work on it")
	}
	if err := p.marker.Delete(ctx, ledger.StaticKey(p.id)); err != nil {
		return fmt.Errorf("remove a probe from the ledger: %w", err)
	}
	return nil
}

// An UnexpectedError is an answer that says neither that the secret is known nor that it is not.
type UnexpectedError struct {
	StatusCode int
	Code       string // of the receiver; empty if it is something else that answered
	Message    string
}

func (e *UnexpectedError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("the receiver's URL answers %d, and not as gemhook does", e.StatusCode)
	}
	return fmt.Sprintf("the receiver answers %d %s: %s", e.StatusCode, e.Code, e.Message)
}

// Accepts reports whether the receiver accepts a delivery signed with a secret. Its error is an
// [*UnexpectedError], ErrOtherLedger, or that of a request without an answer.
func (p *Probe) Accepts(ctx context.Context, secret string) (bool, error) {
	now := p.options.Now()
	body := standin.EventAt(Type, "probe", now)
	body = append(body, bytes.Repeat([]byte(" "), Size-len(body))...)
	delivery, err := (&standin.Keys{}).SignV1(standin.Delivery{ID: p.id, Time: now, Body: body}, secret)
	if err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	// A request that was sent is not cancelled: see Remove. The client has a time limit.
	answer, err := standin.Send(context.WithoutCancel(ctx), p.options.Client, p.options.URL, delivery)
	switch {
	case err != nil:
		if dial := (*net.OpError)(nil); !errors.As(err, &dial) || dial.Op != "dial" {
			p.unanswered.Store(true)
		}
		return false, fmt.Errorf("probe the receiver: %w", err)
	case answer.StatusCode == http.StatusOK && answer.Status == "duplicate":
		return true, nil
	case answer.StatusCode == http.StatusUnauthorized && answer.Error == "bad_signature":
		return false, nil
	case answer.StatusCode == http.StatusOK && answer.Status != "":
		return false, ErrOtherLedger
	}
	return false, &UnexpectedError{StatusCode: answer.StatusCode, Code: answer.Error, Message: answer.Message}
}
