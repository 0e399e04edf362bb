// Package webhook proves that a delivery came from the Gemini API.
//
// Gemini announces the end of a long job (a batch, an interaction, a video) with an HTTP POST. What
// that POST carries in its webhook-signature header depends on how the webhook was registered:
//
//   - v1: HMAC-SHA256 with a signing secret, for static webhooks (registered once for a project);
//   - v1a: Ed25519 with a key of Google's published key set, for dynamic webhooks (named in the
//     request that started the job), as they are delivered;
//   - jwt: an RS256 JSON Web Token with a key of the same set, for dynamic webhooks, as they are
//     documented.
//
// v1 and v1a sign the bytes
//
//	webhook-id + "." + webhook-timestamp + "." + raw body
//
// with both headers as received (the Standard Webhooks specification). A token signs its claims and
// nothing else, so there the claims are the event, and neither the body nor the other headers prove
// anything.
//
// [NewStatic] verifies v1, [NewDynamic] verifies v1a and tokens. The endpoint that a request was
// sent to decides which of the two looks at it, never something that the request says. Both return
// a [Delivery], which no other code can make: a function that takes one is only reached by what
// Google signed.
//
// A signature of a dynamic webhook proves "from Google", not "meant for you": Google signs for
// every customer with the same keys, and anyone may name your URL in a request of their own. Guard
// a dynamic endpoint with a secret in its URL.
//
// The package reads no clock, no network and no file by itself; it looks at no more than 16
// signatures and 8 KiB of each header. Everything in it is safe for concurrent use.
package webhook

import (
	"context"
	"errors"
	"time"
)

// The headers of a delivery, as the Standard Webhooks specification names them.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// DefaultTolerance is how far a timestamp may lie from now, both ways: Gemini's guide asks
// receivers to refuse what is older than five minutes, the Standard Webhooks specification also
// what is as far ahead.
const DefaultTolerance = 5 * time.Minute

// A Scheme is the way a delivery was signed.
type Scheme string

// The schemes of Gemini's webhooks.
const (
	SchemeV1  Scheme = "v1"  // HMAC-SHA256 with a signing secret
	SchemeV1a Scheme = "v1a" // Ed25519 with a key of Google's key set
	SchemeJWT Scheme = "jwt" // RS256 token with a key of Google's key set
)

// Why a delivery is refused. Verify returns one of these in a [*Refusal], or ErrKeysUnavailable
// wrapped.
var (
	// ErrMissingHeader: one of the three headers is absent or empty.
	ErrMissingHeader = errors.New("missing header")
	// ErrMalformedHeader: one of them is repeated, too long, or a timestamp that is not a whole
	// number of seconds.
	ErrMalformedHeader = errors.New("malformed header")
	// ErrStaleTimestamp: the timestamp lies outside the tolerance.
	ErrStaleTimestamp = errors.New("stale timestamp")
	// ErrBadSignature: no signature in the list was made with an active key over this delivery.
	ErrBadSignature = errors.New("bad signature")
	// ErrBadToken: the token's signature, algorithm, audience, lifetime or claims do not hold.
	ErrBadToken = errors.New("bad token")
	// ErrDynamicURLRequired: a dynamic webhook's delivery came to the verifier of static ones.
	ErrDynamicURLRequired = errors.New("dynamic URL required")
	// ErrKeysUnavailable: there is nothing to verify with right now. It says nothing about the
	// delivery, which may be genuine.
	ErrKeysUnavailable = errors.New("keys unavailable")
)

// A Refusal says why a delivery was refused.
type Refusal struct {
	Reason error  // one of the Err… of this package
	Detail string // one sentence for the sender; never key material, never which byte differed

	unknownKey bool // with a newer key the delivery might be accepted
}

func (r *Refusal) Error() string { return r.Reason.Error() + ": " + r.Detail }

// Unwrap returns the reason, for errors.Is.
func (r *Refusal) Unwrap() error { return r.Reason }

// A Delivery is what Google signed. Only Verify makes one; the zero Delivery comes with an error.
// It is a value, so that verifying allocates nothing.
type Delivery struct {
	headers headers
	scheme  Scheme
	payload []byte
}

// ID is the webhook-id: the same over all retries of one event. A token does not sign it.
func (d Delivery) ID() string { return d.headers.id }

// Timestamp is the webhook-timestamp as received: digits. A token does not sign it.
func (d Delivery) Timestamp() string { return d.headers.timestamp }

// Time is Timestamp as a time.
func (d Delivery) Time() time.Time { return time.Unix(d.headers.seconds, 0).UTC() }

// Signature is the webhook-signature as received.
func (d Delivery) Signature() string { return d.headers.signature }

// Scheme is how the delivery was signed.
func (d Delivery) Scheme() Scheme { return d.scheme }

// Payload is the signed event: the body exactly as received or, for a token, the claims exactly as
// signed. The caller must not change it.
func (d Delivery) Payload() []byte { return d.payload }

// A Source is where a verifier finds its keys.
type Source[T any] interface {
	// Get returns the keys to verify with. Called for every delivery, it should answer from memory.
	Get(ctx context.Context) (*T, error)
	// Refresh is asked when stale, which Get had returned, did not verify a delivery. It returns
	// newer keys, or stale when there are none. Forged deliveries cause calls too, so it must limit
	// how often it goes and looks.
	Refresh(ctx context.Context, stale *T) *T
}

// Fixed is a source of keys that never change.
func Fixed[T any](keys T) Source[T] { return fixed[T]{&keys} }

type fixed[T any] struct{ keys *T }

func (f fixed[T]) Get(context.Context) (*T, error)    { return f.keys, nil }
func (f fixed[T]) Refresh(_ context.Context, _ *T) *T { return f.keys }

// Options are the settings of a verifier.
type Options struct {
	Tolerance time.Duration // how far a timestamp may lie from now, in whole seconds; 0 is DefaultTolerance
	Audience  string        // the audience that a token must name; empty refuses every token
	// MaxTokenLife is how far ahead a token's expiry may be: as long as a delivery is on record, so
	// that a token cannot be delivered again after that. 0: no limit.
	MaxTokenLife time.Duration
	Now          func() time.Time // nil is time.Now
}

func (o *Options) orDefault() Options {
	var options Options
	if o != nil {
		options = *o
	}
	if options.Tolerance == 0 {
		options.Tolerance = DefaultTolerance
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return options
}

// verifyWith runs verify with the keys at hand and, if they do not verify the delivery, once more
// with newer ones.
func verifyWith[T any](ctx context.Context, source Source[T], verify func(*T) error) error {
	keys, err := source.Get(ctx)
	if err != nil {
		return errors.Join(ErrKeysUnavailable, err)
	}
	if err = verify(keys); err == nil {
		return nil
	}
	if refusal := (*Refusal)(nil); !errors.As(err, &refusal) || !refusal.unknownKey {
		return err
	}
	if newer := source.Refresh(ctx, keys); newer != keys {
		return verify(newer)
	}
	return err
}

func refuse(reason error, detail string) error { return &Refusal{Reason: reason, Detail: detail} }

func refuseUnknownKey(reason error, detail string) error {
	return &Refusal{Reason: reason, Detail: detail, unknownKey: true}
}
