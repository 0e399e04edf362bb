// Package ledger decides who may publish a delivery.
//
// Gemini delivers at least once, to any of many instances at the same time, and each of them can die at any point. The
// ledger keeps one document per delivery and lets exactly one claimant at a time publish it:
//
//	claim    create the document, or take over one that was released or whose lease has run out
//	publish  (not the ledger's) once, ending before Claim.PublishBy
//	settle   write down that it is on a topic: from then on the delivery is a duplicate
//	release  give the claim up after a publish that surely published nothing
//
// Every step is one write to one document, conditional on the document being as the claimant last saw it. So whoever lost
// the claim can neither settle nor release it, and of several who take over one wins.
//
// A claimant may have published and then died before it settled; nobody can tell. Whoever takes over an abandoned claim
// therefore publishes with [RedeliveredAttribute], and so does everyone after it. A message without the mark is the first
// of its delivery.
//
// The protocol is written here once, over a [Store] that knows compare-and-set and nothing else. [NewMemory] is a store
// for tests and for trying things out; package firestoreledger has the one for use.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// MaxClockSkew is how far the clocks of two claimants may lie apart before both can be publishing: a claim must stop
// publishing so long before its lease ends.
const MaxClockSkew = 5 * time.Second

// RedeliveredAttribute marks, with the value "true", a message that may be a copy of an earlier one.
const RedeliveredAttribute = "ce-redelivered"

// A State is where a delivery stands.
type State string

// The states. A claim leads to one of the others; a released delivery can be claimed again.
const (
	Claimed      State = "claimed"
	Published    State = "published"
	DeadLettered State = "dead_lettered"
	Released     State = "released"
)

// ErrLost is returned by Settle and Release when the claim is not the claimant's any more.
var ErrLost = errors.New("the claim was lost")

// InFlight is the error of Claim while another claimant holds the delivery.
type InFlight struct {
	Lease time.Duration // how long its claim can last; not negative
}

func (e *InFlight) Error() string { return "another claimant holds the delivery" }

// Settled is the error of Claim for a delivery that is on a topic already.
type Settled struct {
	State     State // Published or DeadLettered
	MessageID string
}

func (e *Settled) Error() string { return "the delivery is settled: " + string(e.State) }

// An Entry is what a claimant writes down of a delivery, so that it can be replayed without Gemini.
type Entry struct {
	WebhookID, Tenant, Scheme, Type, ResourceID string

	Topic      string // where it is to be published
	Payload    []byte
	Attributes map[string]string
}

// A Claim is the exclusive right to publish a delivery, for a while.
type Claim struct {
	Key        Key
	Attempt    int               // 1 for the first claim of the delivery
	PublishBy  time.Time         // when a publish must have ended
	Attributes map[string]string // to publish with: the entry's, and the mark where it is due
	version    Version
}

// Redelivered tells whether the message may be a copy of an earlier one.
func (c *Claim) Redelivered() bool { return c.Attributes[RedeliveredAttribute] == "true" }

// Options are the settings of a ledger.
type Options struct {
	Lease     time.Duration    // how long a claim is exclusive; more than MaxClockSkew and the longest delivery
	Retention time.Duration    // how long a document is kept after it is made; longer than the sender retries
	Now       func() time.Time // nil is time.Now
}

// A Ledger runs the protocol over a store. It is safe for concurrent use.
type Ledger struct {
	store   Store
	options Options
}

// New returns the ledger in a store.
func New(store Store, options Options) *Ledger {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Ledger{store: store, options: options}
}

// claimTries bounds how often Claim starts over because the document it found has vanished: its retention ended.
const claimTries = 3

// Claim takes the exclusive right to publish a delivery. It fails with [*Settled] if the delivery is on a topic already,
// with [*InFlight] while somebody else holds it, and else with the store's error; then the claim may or may not have
// been written, and a later Claim finds out when its lease has ended.
func (l *Ledger) Claim(ctx context.Context, key Key, entry Entry) (*Claim, error) {
	for range claimTries {
		document := l.first(entry)
		version, err := l.store.Create(ctx, key, document)
		if err == nil {
			return claim(key, document, version), nil
		}
		if !errors.Is(err, ErrExists) {
			return nil, fmt.Errorf("create claim: %w", err)
		}
		existing, version, err := l.store.Read(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read claim: %w", err)
		}
		return l.takeOver(ctx, key, existing, version, entry)
	}
	return nil, errors.New("claim: the document vanishes as often as it is created")
}

func (l *Ledger) takeOver(ctx context.Context, key Key, found *Document, version Version, entry Entry) (*Claim, error) {
	document, err := l.next(found, entry)
	if err != nil {
		return nil, err
	}
	version, err = l.store.Replace(ctx, key, version, document)
	if errors.Is(err, ErrChanged) {
		return nil, &InFlight{Lease: l.options.Lease}
	}
	if err != nil {
		return nil, fmt.Errorf("take over claim: %w", err)
	}
	return claim(key, document, version), nil
}

// first is the document of a delivery that nobody has claimed.
func (l *Ledger) first(entry Entry) *Document {
	now := l.options.Now()
	document := &Document{Attempt: 1, ReceivedAt: now, ExpiresAt: now.Add(l.options.Retention)}
	document.claimFor(entry, now.Add(l.options.Lease))
	return document
}

// next is the document of a delivery after a take-over of what was found, or why there can be none.
func (l *Ledger) next(found *Document, entry Entry) (*Document, error) {
	now := l.options.Now()
	switch found.State {
	case Published, DeadLettered:
		return nil, &Settled{State: found.State, MessageID: found.MessageID}
	case Claimed:
		if lease := found.LeaseExpiresAt.Sub(now); lease > 0 {
			return nil, &InFlight{Lease: lease}
		}
	}
	document := &Document{Attempt: found.Attempt + 1, ReceivedAt: found.ReceivedAt, ExpiresAt: found.ExpiresAt}
	document.claimFor(entry, now.Add(l.options.Lease))
	// An abandoned claim may have been published. A released one was not, unless one before it may have been.
	if found.State == Claimed || found.Attributes[RedeliveredAttribute] == "true" {
		document.Attributes = map[string]string{}
		maps.Copy(document.Attributes, entry.Attributes)
		document.Attributes[RedeliveredAttribute] = "true"
	}
	return document, nil
}

func claim(key Key, document *Document, version Version) *Claim {
	return &Claim{
		Key:        key,
		Attempt:    document.Attempt,
		PublishBy:  document.LeaseExpiresAt.Add(-MaxClockSkew),
		Attributes: document.Attributes,
		version:    version,
	}
}

// Settle writes down that the claimed delivery is on a topic, as Published or DeadLettered. It fails with ErrLost if the
// claim was lost, or if an earlier Settle of it succeeded without its caller getting to know.
func (l *Ledger) Settle(ctx context.Context, claim *Claim, state State, messageID string) error {
	return l.finish(ctx, claim, Outcome{State: state, At: l.options.Now(), MessageID: messageID})
}

// Release gives up a claim whose publish has surely published nothing: the next delivery can claim at once. It fails
// with ErrLost if the claim was lost.
func (l *Ledger) Release(ctx context.Context, claim *Claim) error {
	return l.finish(ctx, claim, Outcome{State: Released})
}

func (l *Ledger) finish(ctx context.Context, claim *Claim, outcome Outcome) error {
	err := l.store.Finish(ctx, claim.Key, claim.version, outcome)
	if errors.Is(err, ErrChanged) {
		return ErrLost
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", outcome.State, err)
	}
	return nil
}
