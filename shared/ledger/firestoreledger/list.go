package firestoreledger

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
// ids are random, so that writes spread over the index as they do over the documents: neither is a
// hot spot, at any rate. docs/reconcile.md says what they cost.

var _ ledger.Lister = (*Store)(nil)

// listed are the fields that a listing fetches: all but what can be large.
var listed = []string{
	"state", "attempt", "lease_expires_at", "webhook_id", "tenant", "scheme", "type", "resource_id", "topic",
	"received_at", "expires_at", "settled_at", "message_id",
}

// ListState implements ledger.Lister.
func (s *Store) ListState(ctx context.Context, state ledger.State, after ledger.Key, limit int) ([]ledger.Entry, error) {
	query := s.documents.Where("state", "==", string(state)).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if after != "" {
		query = query.StartAfter(string(after))
	}
	entries, err := s.list(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list what is %s: %w", state, err)
	}
	return entries, nil
}

// ListResource implements ledger.Lister.
func (s *Store) ListResource(ctx context.Context, resourceIDs ...string) ([]ledger.Entry, error) {
	entries, err := s.list(ctx, s.documents.Where("resource_id", "in", resourceIDs))
	if err != nil {
		return nil, fmt.Errorf("list by resource: %w", err)
	}
	return entries, nil
}

// ListSince implements ledger.Lister.
func (s *Store) ListSince(ctx context.Context, since time.Time, limit int) ([]ledger.Entry, error) {
	entries, err := s.list(ctx, s.documents.Where("received_at", ">=", since).OrderBy("received_at", firestore.Desc).Limit(limit))
	if err != nil {
		return nil, fmt.Errorf("list by time: %w", err)
	}
	return entries, nil
}

func (s *Store) list(ctx context.Context, query firestore.Query) ([]ledger.Entry, error) {
	documents := query.Select(listed...).Documents(ctx)
	defer documents.Stop()
	var entries []ledger.Entry
	for {
		snapshot, err := documents.Next()
		switch {
		case errors.Is(err, iterator.Done):
			return entries, nil
		case status.Code(err) == codes.FailedPrecondition:
			return nil, fmt.Errorf("%w: %w", ledger.ErrNotListed, err)
		case err != nil:
			return nil, err
		}
		entry := ledger.Entry{Key: ledger.Key(snapshot.Ref.ID)}
		if err := snapshot.DataTo(&entry.Document); err != nil {
			return nil, fmt.Errorf("decode document: %w", err)
		}
		entries = append(entries, entry)
	}
}
