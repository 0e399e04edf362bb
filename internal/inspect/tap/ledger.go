package tap

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/shared/ledger"
)

// Document records the state of a ledger's document after a change. Where no request of it is on
// record it adds a record of its own. Documents of collected results are left out: those are shown
// with their event.
func Document(log *inspect.Log, key ledger.Key, document inspect.Document) {
	if strings.HasPrefix(string(key), "result!") {
		return
	}
	d := &document
	log.UpdateOrAdd(func(r *inspect.Record) bool {
		// The key of a delivery signed by a JWT cannot be known from its answer.
		same := r.Key == "" && r.Request != nil && accepted(r) && r.Tenant == d.Tenant &&
			(r.WebhookID == d.WebhookID || r.MessageID != "" && r.MessageID == d.MessageID)
		return r.Key == key || same
	}, func(r *inspect.Record) {
		r.Key, r.Scheme = key, d.Scheme
		if r.Request == nil {
			r.Outcome = string(d.State)
		}
		for i := range r.Documents {
			if r.Documents[i].At.Equal(d.At) {
				return // a listener that starts again brings the same changes again
			}
		}
		r.Documents = append(r.Documents, document)
	}, inspect.Record{
		At: d.ReceivedAt, Key: key, WebhookID: d.WebhookID, Tenant: d.Tenant, Scheme: d.Scheme, Type: d.Type, Subject: d.ResourceID,
		Outcome: string(d.State), Documents: []inspect.Document{document},
	})
}

// Ledger records the changes of the newest documents of a collection, until ctx ends. It only
// reads; Firestore charges for each document. It fails with [deliveries.ErrNotListed] where the
// ledger has no index to be listed by.
func Ledger(ctx context.Context, log *inspect.Log, documents *firestore.CollectionRef, newest int) error {
	snapshots := documents.OrderBy("received_at", firestore.Desc).Limit(newest).Snapshots(ctx)
	defer snapshots.Stop()
	for {
		snapshot, err := snapshots.Next()
		if ctx.Err() != nil {
			return nil
		}
		if status.Code(err) == codes.FailedPrecondition {
			return fmt.Errorf("%w: %w", deliveries.ErrNotListed, err)
		}
		if err != nil {
			return fmt.Errorf("listen to the ledger: %w", err)
		}
		// Newest first in a snapshot; oldest first in the log.
		for i := len(snapshot.Changes) - 1; i >= 0; i-- {
			change := snapshot.Changes[i]
			if change.Kind == firestore.DocumentRemoved {
				continue
			}
			document := inspect.Document{At: change.Doc.UpdateTime}
			if err := change.Doc.DataTo(&document.Document); err != nil {
				return fmt.Errorf("decode the ledger's document %s: %w", change.Doc.Ref.ID, err)
			}
			Document(log, ledger.Key(change.Doc.Ref.ID), document)
		}
	}
}

// Store returns a store that records each change of a document. It is for a ledger in memory, which
// has no changes to listen to.
func Store(log *inspect.Log, store ledger.Store) ledger.Store { return &recorded{store, log} }

type recorded struct {
	ledger.Store
	log *inspect.Log
}

// Create implements ledger.Store.
func (r *recorded) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	version, err := r.Store.Create(ctx, key, document)
	r.changed(ctx, key, err)
	return version, err
}

// Replace implements ledger.Store.
func (r *recorded) Replace(ctx context.Context, key ledger.Key, version ledger.Version, document *ledger.Document) (ledger.Version, error) {
	next, err := r.Store.Replace(ctx, key, version, document)
	r.changed(ctx, key, err)
	return next, err
}

// Finish implements ledger.Store.
func (r *recorded) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	err := r.Store.Finish(ctx, key, version, outcome)
	r.changed(ctx, key, err)
	return err
}

func (r *recorded) changed(ctx context.Context, key ledger.Key, err error) {
	if err != nil {
		return
	}
	document, version, err := r.Read(ctx, key)
	if err != nil {
		return // the next change brings it; until then the page shows less
	}
	Document(r.log, key, inspect.Document{At: time.Time(version), Document: *document})
}
