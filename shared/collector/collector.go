// Package collector is the HTTP handler that stores the result which an event of Gemini's points
// to.
//
// Pub/Sub pushes each event to it. The way of an event is [Collector.collect], top to bottom:
//
//	check    the push's token; nobody else is served
//	read     the push, and the event in it
//	fetch    the job that the event is about, and its results
//	store    them in the bucket, each object once and whole
//	claim    the result message in the ledger, so that nobody else publishes it
//	publish  it to the results topic
//	settle   the claim
//	answer   204, and Pub/Sub does not push the event again
//
// Fetching and storing need no claim: an object is created under the precondition that it does not
// exist, so that several instances at once, and any number of repetitions, come to the same.
//
// What a retry can cure is answered 503, and Pub/Sub pushes again. What none can cure becomes a
// message that says why there is no result.
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/objects"
	"github.com/gemhook/gemhook/shared/once"
)

// By when each step has ended, counted from the beginning. The function is stopped after 540
// seconds, and Pub/Sub pushes again after 600.
const (
	storeBy   = 490 * time.Second
	claimBy   = 500 * time.Second
	publishBy = 510 * time.Second
	settleBy  = 520 * time.Second
)

// A Checker checks that a request is Pub/Sub's: [*pushauth.Verifier].
type Checker interface {
	Verify(ctx context.Context, header http.Header) error
}

// Gemini returns a client with a tenant's API key. If Gemini has refused the key of the client that
// was returned before, it returns one with another key, or nil if there is none.
type Gemini func(ctx context.Context, tenant string, isRefused bool) (*geminiapi.Client, error)

// Deps are what a collector works with. All of them are safe for concurrent use.
type Deps struct {
	Checker   Checker
	Gemini    Gemini
	Bucket    func(ctx context.Context) (*objects.Bucket, error)
	Ledger    once.Ledger
	Publisher once.Publisher
	Log       *slog.Logger
}

// Options are the settings of a collector.
type Options struct {
	Topic   string           // for result messages
	Version string           // of gemhook, for GET /
	Now     func() time.Time // nil means time.Now
}

// Collector is the handler. It is safe for concurrent use.
type Collector struct {
	deps    Deps
	options Options
	outlet  once.Outlet
}

// New returns a collector.
func New(deps Deps, options Options) *Collector {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Collector{
		deps: deps, options: options,
		outlet: once.Outlet{Ledger: deps.Ledger, Publisher: deps.Publisher, Now: options.Now},
	}
}

// Why an event is not done with, beyond what the packages say that this one works with.
var (
	errNotPush           = errors.New("not a push of Pub/Sub's")
	errGeminiUnavailable = errors.New("unavailable: Gemini")
	errBucketUnavailable = errors.New("bucket unavailable")
	errNotEnded          = errors.New("the job is not at its end")
	errNoOtherKey        = errors.New("there is no other API key")
	errInFlight          = errors.New("another instance holds the claim")
	errLedgerUnavailable = errors.New("ledger unavailable")
)

// collect takes one event all the way.
func (c *Collector) collect(request *http.Request, line *line) error {
	// A sender that hangs up does not stop a collection half-way; only the deadlines do.
	ctx := context.WithoutCancel(request.Context())
	if err := c.deps.Checker.Verify(ctx, request.Header); err != nil {
		return err
	}
	event, err := readPush(request.Body)
	if err != nil {
		return err
	}
	line.event(event)
	if event.kind == nil {
		line.outcome = outcomeIgnored
		return nil
	}
	result, err := c.fetchAndStore(ctx, event, line)
	if err != nil {
		return err
	}
	line.result(result)
	return c.announce(ctx, event, result, line)
}

// fetchAndStore gets the result into the bucket. Its error is one that a retry can cure.
func (c *Collector) fetchAndStore(ctx context.Context, event *pushed, line *line) (*result, error) {
	defer line.time("store_ms")()
	ctx, cancel := c.until(ctx, line, storeBy)
	defer cancel()
	bucket, err := c.deps.Bucket(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBucketUnavailable, err)
	}
	store := &store{bucket: bucket, prefix: event.prefix()}
	result, err := c.collectWith(ctx, false, event, store)
	if errors.Is(err, geminiapi.ErrPermission) {
		if renewed, renewedErr := c.collectWith(ctx, true, event, store); !errors.Is(renewedErr, errNoOtherKey) {
			result, err = renewed, renewedErr
		}
	}
	if unavailable := (*unavailable)(nil); errors.As(err, &unavailable) {
		result.Reason = unavailable.reason
		result.unavailable = true
		return result, nil
	}
	return result, err
}

// collectWith collects with the tenant's API key, or with another if that was refused.
func (c *Collector) collectWith(ctx context.Context, isRefused bool, event *pushed, store *store) (*result, error) {
	gemini, err := c.deps.Gemini(ctx, event.tenant, isRefused)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGeminiUnavailable, err)
	}
	if gemini == nil {
		return nil, errNoOtherKey
	}
	task := &task{gemini: gemini, store: store, event: event, result: &result{}}
	return task.result, event.kind.collect(ctx, task)
}

// announce publishes the result message, unless it has been published before.
func (c *Collector) announce(ctx context.Context, event *pushed, result *result, line *line) error {
	message, err := c.message(event, result)
	if err != nil {
		return err
	}
	claimed, err := c.claim(ctx, message, line)
	if err != nil {
		return fmt.Errorf("%w: %w", errLedgerUnavailable, err)
	}
	switch claimed.Standing {
	case ledger.Settled:
		line.outcome = outcomeDuplicate
		return nil
	case ledger.InFlight:
		return errInFlight
	}
	claim := claimed.Claim
	messageID, err := c.publish(ctx, claim, line)
	if err != nil {
		return err
	}
	c.settle(ctx, claim, messageID, line)
	line.published(messageID, claim)
	return nil
}

func (c *Collector) claim(ctx context.Context, message ledger.Message, line *line) (ledger.ClaimResult, error) {
	defer line.time("claim_ms")()
	ctx, cancel := c.until(ctx, line, claimBy)
	defer cancel()
	return c.deps.Ledger.Claim(ctx, message)
}

// publish publishes a claimed message, or releases the claim if surely nothing was published.
func (c *Collector) publish(ctx context.Context, claim *ledger.Claim, line *line) (string, error) {
	defer line.time("publish_ms")()
	return c.outlet.Publish(ctx, claim, line.start.Add(publishBy), line.start.Add(settleBy))
}

// settle settles a claim. The message is on the topic, so the event is done with whatever comes of
// it.
func (c *Collector) settle(ctx context.Context, claim *ledger.Claim, messageID string, line *line) {
	defer line.time("settle_ms")()
	if err := c.outlet.Settle(ctx, claim, messageID, line.start.Add(settleBy)); err != nil {
		line.unsettled(err)
	}
}

// until bounds a step by its share of the event's time.
func (c *Collector) until(ctx context.Context, line *line, share time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, line.start.Add(share).Sub(c.options.Now()))
}
