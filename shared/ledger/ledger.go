// Package ledger decides who may publish a delivery.
//
// Gemini delivers at least once, to any of many instances at the same time, and each of them can
// crash at any point. The ledger keeps one document per delivery and lets exactly one claimant at a
// time publish it:
//
//	claim    create the document, or take over one that was released or whose lease is over
//	publish  (not the ledger's) once, ending before Claim.PublishBy
//	settle   record that the message is on a topic: from then on the delivery is a duplicate
//	release  give up the claim after a publish that surely published nothing
//
// Every step is one write to one document, conditional on the document being as the claimant last
// saw it. So whoever lost the claim can neither settle nor release it, and of several who take over
// one wins.
//
// A claimant may have published and then crashed before it settled; nobody can know. Whoever takes
// over an abandoned claim therefore publishes with [RedeliveredAttribute], and so does everyone
// after it. A message without the mark is the first of its delivery.
//
// The protocol is written here once, over a [Store] that knows compare-and-set and nothing else.
// Package firestoreledger has the one for use, and package listing finds documents by other things
// than their key.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// The premises of the guarantee that two claimants never publish at the same time. Both can hold at
// once, so a publish must end both margins before the lease does.
const (
	// MaxClockSkew is how far apart the clocks of two claimants may be.
	MaxClockSkew = 5 * time.Second
	// MaxTransit is how much later than its deadline the bytes of a publish may still arrive. A
	// deadline travels as the time that is left, counted from its receipt.
	MaxTransit = 5 * time.Second
)

// MinLease is the least lease: both margins, and the time of a delivery.
const MinLease = 20 * time.Second

// RedeliveredAttribute marks, with the value "true", a message that may be a copy of an earlier
// one.
const RedeliveredAttribute = "ce-redelivered"

// DeadLetterType is the ce-type of a dead letter: a delivery that is genuine but not an event.
const DeadLetterType = "gemhook.dead_letter"

// A State is where a delivery stands.
type State string

// The states. A claim leads to one of the others; a released delivery can be claimed again.
const (
	Claimed      State = "claimed"
	Published    State = "published"
	DeadLettered State = "dead_lettered"
	Released     State = "released"
)

// Settled reports whether the delivery is on a topic: nothing changes it any more.
func (s State) Settled() bool { return s == Published || s == DeadLettered }

// ErrLost is returned by Settle and Release when the claim is not the claimant's any more.
var ErrLost = errors.New("the claim was lost")

// A Message is what is to be published of a delivery, and what the ledger records of it so that it
// can be published again without Gemini.
type Message struct {
	Key                                         Key
	WebhookID, Tenant, Scheme, Type, ResourceID string

	Topic      string // the id of the topic to publish to
	Payload    []byte
	Attributes map[string]string
}

// SettledState returns the state of the delivery once the message is on its topic.
func (m *Message) SettledState() State {
	if m.Attributes["ce-type"] == DeadLetterType {
		return DeadLettered
	}
	return Published
}

// Redelivered reports whether the message may be a copy of an earlier one.
func (m *Message) Redelivered() bool { return m.Attributes[RedeliveredAttribute] == "true" }

// mark returns the message with the mark of a redelivery.
func (m Message) mark() Message {
	attributes := make(map[string]string, len(m.Attributes)+1)
	maps.Copy(attributes, m.Attributes)
	attributes[RedeliveredAttribute] = "true"
	m.Attributes = attributes
	return m
}

// A Claim is the exclusive right to publish a message, for a while.
type Claim struct {
	Message             // as it is to be published: with the mark where it is due
	Attempt   int       // 1 for the first claim of the delivery
	PublishBy time.Time // when a publish must have ended
	version   Version
}

// TimeLeft returns how long a publish of the claim may take that starts now. The monotonic clock
// stops while a machine is suspended and the wall clock can be set back, so the stricter of the two
// counts.
func (c *Claim) TimeLeft(now time.Time) time.Duration {
	return min(c.PublishBy.Sub(now), c.PublishBy.Round(0).Sub(now.Round(0)))
}

// A Standing says whose a delivery is after a claim of it.
type Standing int

// The standings.
const (
	Mine     Standing = iota // the claim is the caller's
	InFlight                 // another claimant holds the delivery
	Settled                  // the delivery is on a topic already
)

// A ClaimResult is how a claim ended.
type ClaimResult struct {
	Standing  Standing
	Claim     *Claim        // of Mine
	Lease     time.Duration // of InFlight: how long the other claim can last; not negative
	State     State         // of Settled: Published or DeadLettered
	MessageID string        // of Settled
}

// Options are the settings of a ledger.
type Options struct {
	Lease     time.Duration    // how long a claim is exclusive; at least MinLease
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

// claimTries bounds how often Claim starts over because the document that it found has vanished:
// its retention ended.
const claimTries = 3

// Claim claims a delivery in order to publish its message. Its error is the store's: then the claim
// may or may not have been written, and a later Claim finds out when its lease is over.
func (l *Ledger) Claim(ctx context.Context, message Message) (ClaimResult, error) {
	for range claimTries {
		now := l.options.Now()
		document := l.claimed(message, now)
		document.Attempt, document.ReceivedAt, document.ExpiresAt = 1, now, now.Add(l.options.Retention)
		version, err := l.store.Create(ctx, message.Key, document)
		if err == nil {
			return mine(message, document, version), nil
		}
		if !errors.Is(err, ErrExists) {
			return ClaimResult{}, fmt.Errorf("create claim: %w", err)
		}
		existing, version, err := l.store.Read(ctx, message.Key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return ClaimResult{}, fmt.Errorf("read claim: %w", err)
		}
		return l.takeOver(ctx, message, existing, version)
	}
	return ClaimResult{}, errors.New("claim: the document vanishes as often as it is created")
}

// Resume claims a delivery that was left unsettled, in order to publish the message that its
// document holds. Without a document it fails with ErrNotFound; its other errors are as Claim's.
func (l *Ledger) Resume(ctx context.Context, key Key) (ClaimResult, error) {
	existing, version, err := l.store.Read(ctx, key)
	if err != nil {
		return ClaimResult{}, fmt.Errorf("read claim: %w", err)
	}
	return l.takeOver(ctx, existing.Message(key), existing, version)
}

// takeOver claims a delivery that has the document found, if the document allows it.
func (l *Ledger) takeOver(ctx context.Context, message Message, found *Document, version Version) (ClaimResult, error) {
	now := l.options.Now()
	switch lease := found.LeaseExpiresAt.Sub(now); {
	case found.State.Settled():
		return ClaimResult{Standing: Settled, State: found.State, MessageID: found.MessageID}, nil
	case found.State == Claimed && lease > 0:
		return ClaimResult{Standing: InFlight, Lease: lease}, nil
	}
	// An abandoned claim may have been published. A released one was not, unless one before it may
	// have been.
	if found.State == Claimed || found.Attributes[RedeliveredAttribute] == "true" {
		message = message.mark()
	}
	document := l.claimed(message, now)
	document.Attempt, document.ReceivedAt, document.ExpiresAt = found.Attempt+1, found.ReceivedAt, found.ExpiresAt
	version, err := l.store.Replace(ctx, message.Key, version, document)
	if errors.Is(err, ErrChanged) {
		return ClaimResult{Standing: InFlight, Lease: l.options.Lease}, nil
	}
	if err != nil {
		return ClaimResult{}, fmt.Errorf("take over claim: %w", err)
	}
	return mine(message, document, version), nil
}

// claimed returns the document of a claim made now, without what a take-over keeps.
func (l *Ledger) claimed(message Message, now time.Time) *Document {
	return &Document{
		State:          Claimed,
		LeaseExpiresAt: now.Add(l.options.Lease),
		WebhookID:      message.WebhookID,
		Tenant:         message.Tenant,
		Scheme:         message.Scheme,
		Type:           message.Type,
		ResourceID:     message.ResourceID,
		Topic:          message.Topic,
		Payload:        message.Payload,
		Attributes:     message.Attributes,
	}
}

func mine(message Message, document *Document, version Version) ClaimResult {
	return ClaimResult{Standing: Mine, Claim: &Claim{
		Message:   message,
		Attempt:   document.Attempt,
		PublishBy: document.LeaseExpiresAt.Add(-MaxClockSkew - MaxTransit),
		version:   version,
	}}
}

// Settle records that the claim's message is on its topic. It fails with ErrLost if the claim was
// lost, or if an earlier Settle of it succeeded without its caller learning of it.
func (l *Ledger) Settle(ctx context.Context, claim *Claim, messageID string) error {
	return l.finish(ctx, claim, Outcome{State: claim.SettledState(), At: l.options.Now(), MessageID: messageID})
}

// Release gives up a claim whose publish has surely published nothing: the next delivery can claim
// at once. It fails with ErrLost if the claim was lost.
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
