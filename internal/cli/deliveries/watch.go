package deliveries

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/webhook"
)

// OwnPrefix begins the webhook-id of every delivery that this command line makes itself.
const OwnPrefix = "gemhook-"

const (
	pollEvery = 500 * time.Millisecond
	// settling is by how much a delivery may be settled later than others and still be seen by a
	// watch. It includes the difference between clocks.
	settling = 30 * time.Second
)

// A Watch sees the deliveries of static webhooks that come in after it was set, however many there
// are.
type Watch struct {
	reader *Reader
	wait   func(context.Context, time.Duration) error
	since  time.Time // deliveries received before are not looked at
	known  map[ledger.Key]bool
	found  []*Delivery // not returned yet
}

// Watch sets a watch, or fails with ErrNotListed. wait waits for a time or the end of its context,
// whose error it then returns.
func (r *Reader) Watch(ctx context.Context, wait func(context.Context, time.Duration) error) (*Watch, error) {
	w := &Watch{reader: r, wait: wait, known: map[ledger.Key]bool{}}
	// By the receivers' clocks, not by this machine's.
	for newest, err := range r.List(ctx, Filter{Tenant: new(string), Limit: 1}) {
		if err != nil {
			return nil, err
		}
		if !newest.ReceivedAt.IsZero() {
			w.since = newest.ReceivedAt.Add(-settling)
		}
	}
	err := w.look(ctx)
	w.found = nil
	return w, err
}

// Next waits for a delivery that was posted by somebody else than this command line and is not in
// progress any more, and returns it whole. It fails with the error of ctx if none comes.
func (w *Watch) Next(ctx context.Context) (*Delivery, error) {
	for len(w.found) == 0 {
		if err := w.look(ctx); err != nil {
			return nil, err
		}
		if len(w.found) > 0 {
			break
		}
		if err := w.wait(ctx, pollEvery); err != nil {
			return nil, err
		}
	}
	next := w.found[0]
	w.found = w.found[1:]
	return w.reader.Get(ctx, next.Key)
}

// look finds the deliveries that are not known yet, oldest first.
func (w *Watch) look(ctx context.Context) error {
	newest := time.Time{}
	for delivery, err := range w.reader.List(ctx, Filter{Tenant: new(string), Since: w.since}) {
		if err != nil {
			return err
		}
		if delivery.ReceivedAt.After(newest) {
			newest = delivery.ReceivedAt
		}
		if w.known[delivery.Key] || delivery.State == ledger.Claimed || strings.HasPrefix(delivery.WebhookID, OwnPrefix) {
			continue
		}
		w.known[delivery.Key] = true
		w.found = append(w.found, delivery)
	}
	if since := newest.Add(-settling); !newest.IsZero() && since.After(w.since) {
		w.since = since
	}
	slices.SortStableFunc(w.found, func(a, b *Delivery) int { return a.ReceivedAt.Compare(b.ReceivedAt) })
	return nil
}

// SignedWith reports whether a static webhook's delivery is signed with a signing secret. The
// ledger keeps what is signed, so that can be said at any time.
func (d *Delivery) SignedWith(ctx context.Context, text string) bool {
	secret, err := webhook.ParseSecret(text)
	if err != nil {
		return false
	}
	header := http.Header{}
	header.Set(webhook.HeaderID, d.WebhookID)
	header.Set(webhook.HeaderTimestamp, d.Attributes[webhook.HeaderTimestamp])
	header.Set(webhook.HeaderSignature, d.Attributes[webhook.HeaderSignature])
	verifier := webhook.NewStatic(webhook.Fixed(webhook.Secrets{secret}), &webhook.Options{Now: d.signedAt})
	_, err = verifier.Verify(ctx, header, d.Payload)
	return err == nil
}

// signedAt is the delivery's own time: how old it is now does not matter.
func (d *Delivery) signedAt() time.Time {
	seconds, err := strconv.ParseInt(d.Attributes[webhook.HeaderTimestamp], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
