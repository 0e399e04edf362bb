// Package receiver is the HTTP handler at the end of a Gemini webhook.
//
// The way of a delivery is [Receiver.receive], top to bottom:
//
//	read     the raw body, bounded in size and time
//	verify   the signature; nothing unverified goes further
//	claim    the delivery in the ledger, so that nobody else publishes it
//	publish  the verified bytes to the topic, or the dead-letter topic
//	settle   the claim: from now on the delivery is a duplicate
//	answer   200, and Gemini will not deliver it again
//
// A 2xx is a promise that the event is on a topic. What a retry can cure gets another answer, and Gemini retries for 24
// hours; what no retry can cure and is genuine goes to the dead-letter topic and is acknowledged.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/topic"
	"github.com/gemhook/gemhook/shared/webhook"
)

// By when each step of a delivery has ended, counted from its beginning. Each leaves two seconds or so to the next even
// if it takes all of its own time. Gemini wants an answer "within a few seconds" (its webhooks guide).
const (
	readBy    = 3 * time.Second
	verifyBy  = 4500 * time.Millisecond
	claimBy   = 6500 * time.Millisecond
	publishBy = 8500 * time.Millisecond
	settleBy  = 9500 * time.Millisecond
)

// Deadline is how long a delivery can take at most. The ledger's lease must be longer.
const Deadline = settleBy

// A Verifier proves that a request is a delivery of Gemini's: [*webhook.Static] or [*webhook.Dynamic].
type Verifier interface {
	Verify(ctx context.Context, header http.Header, body []byte) (webhook.Delivery, error)
}

// A Ledger decides who may publish a delivery: [*ledger.Ledger].
type Ledger interface {
	Claim(ctx context.Context, key ledger.Key, entry ledger.Entry) (*ledger.Claim, error)
	Settle(ctx context.Context, claim *ledger.Claim, state ledger.State, messageID string) error
	Release(ctx context.Context, claim *ledger.Claim) error
}

// A Publisher puts one message on a topic: [*topic.Publisher]. Its error is topic.ErrNotPublished if the message is
// surely not on it.
type Publisher interface {
	Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (messageID string, err error)
}

// Deps are what a receiver works with. All of them are safe for concurrent use.
type Deps struct {
	Static     Verifier                    // for the static endpoint
	Dynamic    Verifier                    // for the dynamic endpoints
	TenantKeys webhook.Source[tenant.Keys] // for the tokens in their URLs; nil: there are none, and they answer 404
	Ledger     Ledger
	Publisher  Publisher
	Log        *slog.Logger
}

// Options are the settings of a receiver.
type Options struct {
	Topic           string
	DeadLetterTopic string
	MaxBody         int64            // bytes
	Version         string           // of gemhook, for GET /
	Now             func() time.Time // nil is time.Now
}

// Receiver is the handler. It is safe for concurrent use.
type Receiver struct {
	deps    Deps
	options Options
}

// New returns a receiver.
func New(deps Deps, options Options) *Receiver {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Receiver{deps: deps, options: options}
}

// receive takes one delivery all the way. The line collects what is to be logged of it.
func (r *Receiver) receive(w http.ResponseWriter, request *http.Request, at endpoint, line *line) (*success, error) {
	// A sender that hangs up does not stop a delivery half-way; only the deadlines do.
	ctx := context.WithoutCancel(request.Context())

	if err := r.admit(ctx, at, line); err != nil {
		return nil, err
	}
	body, err := r.read(w, request, line)
	if err != nil {
		return nil, err
	}
	delivery, err := r.verify(ctx, at, request.Header, body, line)
	if err != nil {
		return nil, err
	}
	parcel := r.pack(delivery, at.tenant)
	line.packed(parcel)

	claim, err := r.claim(ctx, parcel, line)
	if settled := (*ledger.Settled)(nil); errors.As(err, &settled) {
		return &success{Status: statusDuplicate, WebhookID: delivery.ID(), MessageID: settled.MessageID}, nil
	}
	if err != nil {
		return nil, err
	}
	line.claimed(claim)

	messageID, err := r.publish(ctx, claim, parcel, line)
	if err != nil {
		return nil, err
	}
	r.settle(ctx, claim, parcel.state, messageID, line)
	return &success{Status: string(parcel.state), WebhookID: delivery.ID(), MessageID: messageID}, nil
}

// admit checks the capability in a dynamic endpoint's URL, before anything is read or any signature looked at.
func (r *Receiver) admit(ctx context.Context, at endpoint, line *line) error {
	if at.tenant == "" {
		return nil
	}
	ctx, cancel := r.until(ctx, line, verifyBy)
	defer cancel()
	keys, err := r.deps.TenantKeys.Get(ctx)
	if err != nil {
		return errors.Join(webhook.ErrKeysUnavailable, err)
	}
	if keys.Check(at.tenant, at.token) {
		return nil
	}
	if newer := r.deps.TenantKeys.Refresh(ctx, keys); newer != keys && newer.Check(at.tenant, at.token) {
		return nil
	}
	return errUnknownToken
}

func (r *Receiver) verify(ctx context.Context, at endpoint, header http.Header, body []byte, line *line) (webhook.Delivery, error) {
	defer line.time("verify_ms")()
	ctx, cancel := r.until(ctx, line, verifyBy)
	defer cancel()
	if at.tenant == "" {
		return r.deps.Static.Verify(ctx, header, body)
	}
	return r.deps.Dynamic.Verify(ctx, header, body)
}

// A parcel is a verified delivery, made ready for the ledger and the topic.
type parcel struct {
	key   ledger.Key
	entry ledger.Entry
	state ledger.State // what it becomes once it is published
}

func (r *Receiver) pack(delivery webhook.Delivery, tenantName string) *parcel {
	p := &parcel{
		key: ledger.StaticKey(delivery.ID()),
		entry: ledger.Entry{
			WebhookID: delivery.ID(),
			Tenant:    tenantName,
			Scheme:    string(delivery.Scheme()),
			Payload:   delivery.Payload(),
		},
	}
	if tenantName != "" {
		p.key = ledger.DynamicKey(tenantName, delivery.ID())
	}
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		p.state, p.entry.Topic = ledger.DeadLettered, r.options.DeadLetterTopic
		p.entry.Attributes = event.DeadLetterAttributes(delivery, tenantName, err)
		return p
	}
	if delivery.Scheme() == webhook.SchemeJWT {
		p.key = ledger.TokenKey(tenantName, parsed.Type, parsed.ResourceID, parsed.Timestamp, delivery.ID())
	}
	p.state, p.entry.Topic = ledger.Published, r.options.Topic
	p.entry.Attributes = parsed.Attributes(delivery, tenantName)
	// As attributes, so that the ledger's document cannot outgrow Firestore's limit either: what is too long for one is
	// in the payload.
	p.entry.Type, p.entry.ResourceID = p.entry.Attributes["ce-type"], p.entry.Attributes["ce-subject"]
	return p
}

func (r *Receiver) claim(ctx context.Context, p *parcel, line *line) (*ledger.Claim, error) {
	defer line.time("claim_ms")()
	ctx, cancel := r.until(ctx, line, claimBy)
	defer cancel()
	claim, err := r.deps.Ledger.Claim(ctx, p.key, p.entry)
	var settled *ledger.Settled
	var inFlight *ledger.InFlight
	if err != nil && !errors.As(err, &settled) && !errors.As(err, &inFlight) {
		return nil, fmt.Errorf("%w: %w", errLedgerUnavailable, err)
	}
	return claim, err
}

// publish publishes a claimed delivery. If that has surely published nothing it releases the claim, so that the next retry
// need not wait for the lease; if it may have, the lease must run out.
func (r *Receiver) publish(ctx context.Context, claim *ledger.Claim, p *parcel, line *line) (string, error) {
	defer line.time("publish_ms")()
	publishCtx, cancel := r.until(ctx, line, publishBy)
	defer cancel()
	publishCtx, cancel = context.WithTimeout(publishCtx, claim.PublishBy.Sub(r.options.Now()))
	defer cancel()
	messageID, err := r.deps.Publisher.Publish(publishCtx, p.entry.Topic, p.entry.Payload, claim.Attributes)
	if err == nil {
		return messageID, nil
	}
	err = fmt.Errorf("%w: %w", errTopicUnavailable, err)
	if errors.Is(err, topic.ErrNotPublished) {
		releaseCtx, cancel := r.until(ctx, line, settleBy)
		defer cancel()
		if releaseErr := r.deps.Ledger.Release(releaseCtx, claim); releaseErr != nil {
			err = fmt.Errorf("%w (and release: %w)", err, releaseErr)
		}
	}
	return "", err
}

// settle tries until the deadline. The event is on the topic, so whatever comes of it the delivery has succeeded; if the
// claim stays unsettled and Gemini delivers once more after its lease, that message is marked as a redelivery.
func (r *Receiver) settle(ctx context.Context, claim *ledger.Claim, state ledger.State, messageID string, line *line) {
	defer line.time("settle_ms")()
	ctx, cancel := r.until(ctx, line, settleBy)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := r.deps.Ledger.Settle(ctx, claim, state, messageID)
		if err == nil {
			return
		}
		if errors.Is(err, ledger.ErrLost) || !wait(ctx, pause) {
			line.unsettled(err)
			return
		}
	}
}

// wait tells whether ctx lasted for so long.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// until bounds a step by its share of the delivery's time.
func (r *Receiver) until(ctx context.Context, line *line, share time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, line.start.Add(share).Sub(r.options.Now()))
}
