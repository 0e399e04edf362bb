// Package receiver is the HTTP handler at the end of a Gemini webhook.
//
// The way of a delivery is [Receiver.receive], top to bottom:
//
//	admit    the token in a dynamic URL, before anything else is looked at
//	check    the headers: their form, and the age of the delivery
//	read     the raw body, bounded in size and time
//	verify   the signature; nothing unverified goes further
//	pack     the verified bytes into the message to publish
//	claim    the delivery in the ledger, so that nobody else publishes it
//	publish  the message to the topic, or the dead-letter topic
//	settle   the claim: from now on the delivery is a duplicate
//	answer   200, and Gemini will not deliver it again
//
// A 2xx is a promise that the event is on a topic. What a retry can cure gets another answer, and
// Gemini retries for 24 hours; what no retry can cure and is genuine goes to the dead-letter topic
// and is acknowledged.
package receiver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/once"
	"github.com/gemhook/gemhook/shared/webhook"
)

// A Verifier proves that a request is a delivery of Gemini's: [*webhook.Static] or
// [*webhook.Dynamic].
type Verifier interface {
	// CheckHeaders refuses what Verify would refuse whatever the body.
	CheckHeaders(header http.Header) error
	Verify(ctx context.Context, header http.Header, body []byte) (webhook.Delivery, error)
}

// A Gate checks the token in a dynamic URL: [*tenant.Gate]. Its error is tenant.ErrUnknownToken or
// webhook.ErrKeysUnavailable.
type Gate interface {
	Admit(ctx context.Context, tenant, token string) error
}

// Deps are what a receiver works with. All of them are safe for concurrent use.
type Deps struct {
	Static    Verifier // for the static endpoint
	Dynamic   Verifier // for the dynamic endpoints
	Gate      Gate     // for the tokens in their URLs
	Ledger    once.Ledger
	Publisher once.Publisher
	Log       *slog.Logger
}

// Options are the settings of a receiver.
type Options struct {
	ServeStatic     bool // whether the static endpoint takes deliveries; else it answers 404
	ServeDynamic    bool // the same of the dynamic endpoints
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
	outlet  once.Outlet
}

// MaxTokenLife returns how far ahead the expiry of a token may be if deliveries are on record for
// the retention: it must have expired by the clock of every instance before its record does.
func MaxTokenLife(retention time.Duration) time.Duration { return retention - ledger.MaxClockSkew }

// New returns a receiver.
func New(deps Deps, options Options) *Receiver {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Receiver{
		deps: deps, options: options,
		outlet: once.Outlet{Ledger: deps.Ledger, Publisher: deps.Publisher, Now: options.Now},
	}
}

// receive takes one delivery all the way. The line collects what is to be logged of it.
func (r *Receiver) receive(w http.ResponseWriter, request *http.Request, at endpoint, line *line) (*success, error) {
	// A sender that hangs up does not stop a delivery half-way; only the deadlines do.
	ctx := context.WithoutCancel(request.Context())
	times := r.schedule()

	if err := r.admit(ctx, times, at); err != nil {
		return nil, err
	}
	verifier := r.verifier(at)
	if err := verifier.CheckHeaders(request.Header); err != nil {
		return nil, err
	}
	body, err := r.read(w, request, times)
	if err != nil {
		return nil, err
	}
	delivery, err := r.verify(ctx, times, verifier, request.Header, body, line)
	if err != nil {
		return nil, err
	}
	message := r.pack(delivery, at.tenant)
	line.packed(&message)

	result, err := r.claim(ctx, times, message, line)
	if err != nil {
		return nil, err
	}
	switch result.Standing {
	case ledger.Settled:
		return &success{Status: statusDuplicate, WebhookID: message.WebhookID, MessageID: result.MessageID}, nil
	case ledger.InFlight:
		return nil, &inFlightError{lease: result.Lease}
	}
	line.claimed(result.Claim)

	messageID, err := r.publish(ctx, times, result.Claim, line)
	if err != nil {
		return nil, err
	}
	r.settle(ctx, times, result.Claim, messageID, line)
	status := string(result.Claim.SettledState())
	return &success{Status: status, WebhookID: message.WebhookID, MessageID: messageID}, nil
}

// admit checks the token in a dynamic endpoint's URL.
func (r *Receiver) admit(ctx context.Context, times schedule, at endpoint) error {
	if at.isStatic() {
		return nil
	}
	ctx, cancel := times.until(ctx, verifyBy)
	defer cancel()
	return r.deps.Gate.Admit(ctx, at.tenant, at.token)
}

// verifier returns the verifier of an endpoint. The endpoint decides, never what a header says.
func (r *Receiver) verifier(at endpoint) Verifier {
	if at.isStatic() {
		return r.deps.Static
	}
	return r.deps.Dynamic
}

func (r *Receiver) verify(ctx context.Context, times schedule, verifier Verifier, header http.Header, body []byte, line *line) (webhook.Delivery, error) {
	defer line.time("verify_ms")()
	ctx, cancel := times.until(ctx, verifyBy)
	defer cancel()
	return verifier.Verify(ctx, header, body)
}

// pack makes the message of a verified delivery.
func (r *Receiver) pack(delivery webhook.Delivery, tenantName string) ledger.Message {
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		parsed = &event.Event{} // it has nothing that identifies it
	}
	message := ledger.Message{
		Key:       keyOf(delivery, tenantName, parsed),
		WebhookID: delivery.ID(),
		Tenant:    tenantName,
		Scheme:    string(delivery.Scheme()),
		Payload:   delivery.Payload(),
	}
	if err != nil {
		message.Topic = r.options.DeadLetterTopic
		message.Attributes = event.DeadLetterAttributes(delivery, tenantName, err)
		return message
	}
	message.Topic = r.options.Topic
	message.Attributes = parsed.Attributes(delivery, tenantName)
	// As attributes, so that the ledger's document cannot outgrow Firestore's limit either: what is
	// too long for one is in the payload.
	message.Type, message.ResourceID = message.Attributes["ce-type"], message.Attributes["ce-subject"]
	return message
}

// keyOf returns the ledger's key of a delivery, made only of signed bytes.
func keyOf(delivery webhook.Delivery, tenantName string, parsed *event.Event) ledger.Key {
	switch {
	case delivery.Scheme() != webhook.SchemeJWT && tenantName == "":
		return ledger.StaticKey(delivery.ID())
	case delivery.Scheme() != webhook.SchemeJWT:
		return ledger.DynamicKey(tenantName, delivery.ID())
	}
	return ledger.TokenKey(tenantName, parsed.Type, parsed.ResourceID, parsed.Timestamp, delivery.Payload())
}

func (r *Receiver) claim(ctx context.Context, times schedule, message ledger.Message, line *line) (ledger.ClaimResult, error) {
	defer line.time("claim_ms")()
	ctx, cancel := times.until(ctx, claimBy)
	defer cancel()
	result, err := r.deps.Ledger.Claim(ctx, message)
	if err != nil {
		return ledger.ClaimResult{}, fmt.Errorf("%w: %w", errLedgerUnavailable, err)
	}
	return result, nil
}

// publish publishes the message of a claim, or releases the claim if surely nothing was published.
func (r *Receiver) publish(ctx context.Context, times schedule, claim *ledger.Claim, line *line) (string, error) {
	defer line.time("publish_ms")()
	return r.outlet.Publish(ctx, claim, times.at(publishBy), times.at(settleBy))
}

// settle settles a claim. The event is on the topic, so the delivery has succeeded whatever comes
// of it; if the claim stays unsettled and Gemini delivers once more after its lease, that message
// is marked as a redelivery.
func (r *Receiver) settle(ctx context.Context, times schedule, claim *ledger.Claim, messageID string, line *line) {
	defer line.time("settle_ms")()
	if err := r.outlet.Settle(ctx, claim, messageID, times.at(settleBy)); err != nil {
		line.unsettled(err)
	}
}
