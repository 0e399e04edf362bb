package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/cli/replay"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// A ledgerSource has the deliveries on record.
type ledgerSource struct {
	console    *console.Console
	reader     *deliveries.Reader
	documents  *firestore.Client
	collection string
	lease      time.Duration
	retention  time.Duration
	filter     deliveries.Filter
	ids        []string                                                    // if there are any, they count and the filter does not
	tenant     string                                                      // of the ids
	topicID    string                                                      // empty: each delivery's own
	call       func(context.Context) (context.Context, context.CancelFunc) // bounds one call of a backend
}

func newLedgerSource(ctx context.Context, s *session, filter deliveries.Filter, ids []string, topicID string) (_ *ledgerSource, err error) {
	l := &ledgerSource{
		console: s.console, collection: s.settings.Optional(deployment.Collection),
		filter: filter, ids: ids, topicID: topicID, call: s.clients.Call,
	}
	if filter.Tenant != nil {
		l.tenant = *filter.Tenant
	}
	if l.lease, l.retention, err = protocol(s.settings); err != nil {
		return nil, err
	}
	if l.documents, err = s.clients.Firestore(ctx); err != nil {
		return nil, err
	}
	l.reader, err = s.clients.Deliveries(ctx)
	return l, err
}

func (l *ledgerSource) plan(ctx context.Context, limit int) (planned, error) {
	defer l.console.Working("reading the ledger")()
	if len(l.ids) > 0 {
		return l.named(ctx)
	}
	var found planned
	for delivery, err := range l.reader.List(ctx, l.filter) {
		if err != nil {
			return planned{}, err
		}
		if delivery.State == ledger.DeadLettered && l.filter.State == "" {
			continue
		}
		found.items = append(found.items, replay.FromLedger(delivery, l.topicID))
		if limit > 0 && len(found.items) >= 2*limit { // the newest come first
			found.keepOldest(limit)
		}
	}
	if limit > 0 && len(found.items) > limit {
		found.keepOldest(limit)
	}
	slices.Reverse(found.items)
	return found, nil
}

// keepOldest keeps the last of the items, which are newest first.
func (p *planned) keepOldest(limit int) {
	beyond := len(p.items) - limit
	p.items = slices.Clone(p.items[beyond:])
	p.more += beyond
}

// named finds the deliveries that are named, in the order in which they are.
func (l *ledgerSource) named(ctx context.Context) (found planned, err error) {
	for _, id := range l.ids {
		calling, cancel := l.call(ctx)
		delivery, err := l.reader.Get(calling, deliveries.KeyOf(id, l.tenant))
		cancel()
		if err != nil {
			return planned{}, fmt.Errorf("%s: %w", id, err)
		}
		found.items = append(found.items, replay.FromLedger(delivery, l.topicID))
	}
	return found, nil
}

// prepare gives replays the receiver's ledger settings, and the server's clock.
func (l *ledgerSource) prepare(_ context.Context, deps *replay.Deps) error {
	store := firestoreledger.New(l.documents, l.collection)
	deps.Reader = l.reader
	deps.Ledger = ledger.New(store, ledger.Options{Lease: l.lease, Retention: l.retention, Now: deps.Clock.Now})
	return nil
}

// again is how to go on where a second replay of what was published cannot be avoided.
const again = "run it again: what is published is marked, so once more does no harm"

func (l *ledgerSource) resume(items []*replay.Item) string {
	at := firstUndone(items)
	switch {
	case at == nil:
		return ""
	case len(l.ids) > 0:
		return again
	}
	return "go on from there with --since " + at.ReceivedAt.UTC().Format(time.RFC3339Nano)
}

func (l *ledgerSource) close(context.Context) {}

// firstUndone returns the first item that was not begun or that failed, nil if there is none.
func firstUndone(items []*replay.Item) *replay.Item {
	for _, item := range items {
		if item.Outcome == replay.Planned || item.Outcome == replay.Failed {
			return item
		}
	}
	return nil
}

// A letterSource has the messages of the dead-letter subscription. It holds them from plan to
// close.
type letterSource struct {
	console      *console.Console
	client       *pubsub.Client
	subscription string
	selection    replay.Selection
	topicID      string
	patience     time.Duration // for another message
	call         func(context.Context) (context.Context, context.CancelFunc)
	held         *messages.DeadLetters
}

func newLetterSource(ctx context.Context, s *session, filter deliveries.Filter, ids []string, topicID string) (_ *letterSource, err error) {
	l := &letterSource{
		console: s.console, topicID: topicID, patience: s.Patience, call: s.clients.Call,
		selection: replay.Selection{WebhookIDs: ids, Type: filter.Type, Since: filter.Since, Until: filter.Until},
	}
	if filter.Tenant != nil {
		l.selection.Tenant = *filter.Tenant
	}
	if l.subscription, err = s.settings.Get(deployment.DeadLetterSubscription); err != nil {
		return nil, err
	}
	if l.topicID == "" {
		if l.topicID, err = s.settings.Get(deployment.Topic); err != nil {
			return nil, err
		}
	}
	l.client, err = s.clients.PubSub(ctx)
	return l, err
}

func (l *letterSource) plan(ctx context.Context, limit int) (planned, error) {
	defer l.console.Working("pulling dead letters")()
	checking, cancel := l.call(ctx)
	defer cancel()
	if err := messages.Check(checking, l.client, l.subscription); err != nil {
		return planned{}, err
	}
	var err error
	if l.held, err = messages.PullDeadLetters(ctx, l.client, l.subscription, limit, l.patience); err != nil {
		return planned{}, err
	}
	items := replay.FromDeadLetters(l.held, l.selection, l.topicID)
	return planned{items: items, stay: len(l.held.Messages) - len(items)}, nil
}

func (l *letterSource) prepare(context.Context, *replay.Deps) error { return nil }

func (l *letterSource) resume(items []*replay.Item) string {
	if firstUndone(items) == nil {
		return ""
	}
	return again
}

func (l *letterSource) close(ctx context.Context) {
	if l.held == nil {
		return
	}
	ctx, cancel := l.call(context.WithoutCancel(ctx))
	defer cancel()
	if err := l.held.Release(ctx); err != nil {
		l.console.Note("gemhook: %v; they come back by themselves within ten minutes", err)
	}
}
