package listing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/ledger"
)

// The listings need indexes that the receiver does not:
//
//   - ListState: state, ascending, with collection scope;
//   - ListResource: resource_id, ascending, with collection scope;
//   - ListSince: received_at, descending, which deployments with listing = false do not have.
//
// The entries of the first two are sorted by value and then by document name. Names and resource
// ids are random, so that writes spread over the index as they do over the documents.
// docs/reconcile.md says what the two cost, and what is not known about them.

// Firestore lists the documents of a collection that a firestoreledger.Store writes. It is safe for
// concurrent use.
type Firestore struct{ documents *firestore.CollectionRef }

var _ Lister = (*Firestore)(nil)

// NewFirestore returns the listings of a collection. The caller closes the client.
func NewFirestore(client *firestore.Client, collection string) *Firestore {
	return &Firestore{documents: client.Collection(collection)}
}

// listed are the fields that a listing fetches: all but what can be large.
var listed = []string{
	"state", "attempt", "lease_expires_at", "webhook_id", "tenant", "scheme", "type", "resource_id", "topic",
	"received_at", "expires_at", "settled_at", "message_id",
}

// ListState implements Lister.
func (f *Firestore) ListState(ctx context.Context, state ledger.State, after ledger.Key, limit int) ([]Entry, error) {
	query := f.documents.Where("state", "==", string(state)).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if after != "" {
		query = query.StartAfter(string(after))
	}
	entries, err := f.list(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list what is %s: %w", state, err)
	}
	return entries, nil
}

// ListResource implements Lister.
func (f *Firestore) ListResource(ctx context.Context, resourceIDs ...string) ([]Entry, error) {
	entries, err := f.list(ctx, f.documents.Where("resource_id", "in", resourceIDs))
	if err != nil {
		return nil, fmt.Errorf("list by resource: %w", err)
	}
	return entries, nil
}

// ListSince implements Lister.
func (f *Firestore) ListSince(ctx context.Context, since time.Time, limit int) ([]Entry, error) {
	entries, err := f.list(ctx, f.documents.Where("received_at", ">=", since).OrderBy("received_at", firestore.Desc).Limit(limit))
	if err != nil {
		return nil, fmt.Errorf("list by time: %w", err)
	}
	return entries, nil
}

func (f *Firestore) list(ctx context.Context, query firestore.Query) ([]Entry, error) {
	documents := query.Select(listed...).Documents(ctx)
	defer documents.Stop()
	var entries []Entry
	for {
		snapshot, err := documents.Next()
		switch {
		case errors.Is(err, iterator.Done):
			return entries, nil
		case status.Code(err) == codes.FailedPrecondition:
			return nil, fmt.Errorf("%w: %w", ErrNotListed, err)
		case err != nil:
			return nil, err
		}
		entry := Entry{Key: ledger.Key(snapshot.Ref.ID)}
		if err := snapshot.DataTo(&entry.Document); err != nil {
			return nil, fmt.Errorf("decode document: %w", err)
		}
		entries = append(entries, entry)
	}
}
