package deliveries

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/webhook"
)

// OwnPrefix begins the webhook-id of every delivery that this command line makes itself.
const OwnPrefix = "gemhook-"

const (
	watched   = 50 // how many of the newest deliveries a watch looks at
	pollEvery = 500 * time.Millisecond
)

// A Watch sees the deliveries of static webhooks that come in after it was set.
type Watch struct {
	reader *Reader
	wait   func(context.Context, time.Duration) error
	known  map[ledger.Key]bool
}

// Watch sets a watch, or fails with ErrNotListed. wait waits for a time or the end of its context, whose error it then
// returns.
func (r *Reader) Watch(ctx context.Context, wait func(context.Context, time.Duration) error) (*Watch, error) {
	w := &Watch{reader: r, wait: wait, known: map[ledger.Key]bool{}}
	_, err := w.look(ctx)
	return w, err
}

// Next waits for a delivery that Gemini has made and whose claim is settled, and returns it whole. It fails with the error
// of ctx if none comes.
func (w *Watch) Next(ctx context.Context) (*Delivery, error) {
	for {
		found, err := w.look(ctx)
		if err != nil {
			return nil, err
		}
		if found != nil {
			return w.reader.Get(ctx, found.Key)
		}
		if err := w.wait(ctx, pollEvery); err != nil {
			return nil, err
		}
	}
}

// look returns the newest delivery that is settled and not known yet, if there is one.
func (w *Watch) look(ctx context.Context) (*Delivery, error) {
	static := ""
	var found *Delivery
	for delivery, err := range w.reader.List(ctx, Filter{Tenant: &static, Limit: watched}) {
		if err != nil {
			return nil, err
		}
		settled := delivery.State == ledger.Published || delivery.State == ledger.DeadLettered
		if w.known[delivery.Key] || !settled || strings.HasPrefix(delivery.WebhookID, OwnPrefix) {
			continue
		}
		w.known[delivery.Key] = true
		if found == nil {
			found = delivery
		}
	}
	return found, nil
}

// Signer returns which of some signing secrets has signed a static webhook's delivery, -1 for none. The ledger keeps what is
// signed, so that can be told at any time.
func (d *Delivery) Signer(ctx context.Context, secrets []string) int {
	header := http.Header{}
	header.Set(webhook.HeaderID, d.WebhookID)
	header.Set(webhook.HeaderTimestamp, d.Attributes[webhook.HeaderTimestamp])
	header.Set(webhook.HeaderSignature, d.Attributes[webhook.HeaderSignature])
	for i, text := range secrets {
		secret, err := webhook.ParseSecret(text)
		if err != nil {
			continue
		}
		verifier := webhook.NewStatic(webhook.Fixed(webhook.Secrets{secret}), &webhook.Options{Now: d.signedAt})
		if _, err := verifier.Verify(ctx, header, d.Payload); err == nil {
			return i
		}
	}
	return -1
}

// signedAt is the delivery's own time: how old it is now does not matter.
func (d *Delivery) signedAt() time.Time {
	seconds, err := time.ParseDuration(d.Attributes[webhook.HeaderTimestamp] + "s")
	if err != nil {
		return time.Time{}
	}
	return time.Unix(int64(seconds/time.Second), 0)
}
