package listen

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/shared/ledger"
)

// settledEvery is how often a delivery that is being published is looked at again.
const settledEvery = time.Second

// backfill brings what the ledger has, oldest first. The subscription is there already, so whatever
// is published from now on comes by it; what comes both ways is known by its message's id.
//
//	published     it is brought
//	claimed       it may be on the topic since before the subscription, or not at all: it is brought
//	              when it is settled, or when its lease is over, after which only a marked copy comes
//	released      nothing was published; it will be, and comes by the subscription
//	dead_lettered it is no event
func (l *Listener) backfill(ctx context.Context) error {
	if l.options.Since.IsZero() {
		return nil
	}
	found, err := l.list(ctx)
	if err != nil {
		return err
	}
	what := "events"
	if l.options.Filter.Results {
		what = "results"
	}
	l.note(fmt.Sprintf("%d %s on record are brought first", len(found), what))
	var claimed []ledger.Key
	for _, key := range found {
		pending, err := l.bring(ctx, key)
		if err != nil {
			return err
		}
		if pending {
			claimed = append(claimed, key)
		}
	}
	for _, key := range claimed {
		l.underWay.Go(func() { l.awaitSettled(ctx, key) })
	}
	return nil
}

// list returns the keys of what may have to be brought, oldest first.
func (l *Listener) list(ctx context.Context) ([]ledger.Key, error) {
	wanted := l.options.Filter
	filter := deliveries.Filter{Since: l.options.Since, Results: wanted.Results}
	if !wanted.Results {
		filter.Type = wanted.Type // the document of a result has the type of its own message
	}
	if wanted.Tenant != "" {
		filter.Tenant = &wanted.Tenant
	}
	var found []ledger.Key
	for delivery, err := range l.options.Ledger.List(ctx, filter) {
		if err != nil {
			return nil, err
		}
		if l.mayBring(delivery) {
			found = append(found, delivery.Key)
		}
	}
	slices.Reverse(found)
	return found, nil
}

// mayBring reports whether a delivery is or may come to be on the topic by other ways than the
// subscription.
func (l *Listener) mayBring(d *deliveries.Delivery) bool {
	return (d.State == ledger.Published || d.State == ledger.Claimed) && d.Topic == l.options.Topic
}

// bring hands over a delivery on record, or reports that it is pending: about to be settled.
func (l *Listener) bring(ctx context.Context, key ledger.Key) (pending bool, err error) {
	calling, cancel := l.options.Call(ctx)
	defer cancel()
	delivery, err := l.options.Ledger.Get(calling, key)
	if errors.Is(err, deliveries.ErrNotFound) {
		return false, nil // its time was over
	}
	if err != nil {
		return false, fmt.Errorf("bring %s: %w", key, err)
	}
	if delivery.State == ledger.Claimed && delivery.ReadAt.Before(delivery.LeaseExpiresAt) {
		return true, nil
	}
	event := l.recorded(delivery)
	if !l.mayBring(delivery) || !l.options.Filter.Match(event.Attributes) {
		return false, nil
	}
	select {
	case l.held <- struct{}{}:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	e, fresh := l.events.begin(event)
	if !fresh {
		<-l.held
		return false, nil
	}
	l.start(ctx, e)
	return false, nil
}

// recorded is the event of a delivery on record. One whose message is not known has its key for an
// id.
func (l *Listener) recorded(d *deliveries.Delivery) *Event {
	event := &Event{FromLedger: true, Event: handler.Event{
		ID: d.MessageID, PublishTime: d.ReceivedAt, Data: d.Payload, Attributes: maps.Clone(d.Attributes), Subscription: l.subscription,
	}}
	if d.SettledAt != nil {
		event.PublishTime = *d.SettledAt
	}
	if event.ID == "" {
		event.ID = string(d.Key)
	}
	return event
}

// awaitSettled brings a delivery once it is settled or its lease is over.
func (l *Listener) awaitSettled(ctx context.Context, key ledger.Key) {
	for wait(ctx, settledEvery) {
		pending, err := l.bring(ctx, key)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			l.note(err.Error() + "; it is tried again")
		case !pending:
			return
		}
	}
}
