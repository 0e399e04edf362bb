// Package memoryledger keeps a ledger's documents in the memory of one process: for tests, and for
// what runs with nothing set up. It forgets nothing until the process ends, and everything then.
package memoryledger

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
)

// Store is a store in this process. It is safe for concurrent use.
type Store struct {
	mu        sync.Mutex
	writes    int64
	documents map[ledger.Key]stored
}

type stored struct {
	document ledger.Document
	version  ledger.Version
}

var (
	_ ledger.Store   = (*Store)(nil)
	_ listing.Lister = (*Store)(nil)
)

// New returns an empty store.
func New() *Store { return &Store{documents: map[ledger.Key]stored{}} }

// Create implements ledger.Store.
func (s *Store) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	return s.write(ctx, key, func(_ stored, exists bool) (*ledger.Document, error) {
		if exists {
			return nil, ledger.ErrExists
		}
		return document, nil
	})
}

// Read implements ledger.Store.
func (s *Store) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, ledger.Version{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, exists := s.documents[key]
	if !exists {
		return nil, ledger.Version{}, ledger.ErrNotFound
	}
	document := clone(&found.document)
	return &document, found.version, nil
}

// Replace implements ledger.Store.
func (s *Store) Replace(ctx context.Context, key ledger.Key, version ledger.Version, document *ledger.Document) (ledger.Version, error) {
	return s.write(ctx, key, func(found stored, exists bool) (*ledger.Document, error) {
		if !exists || found.version != version {
			return nil, ledger.ErrChanged
		}
		return document, nil
	})
}

// Finish implements ledger.Store.
func (s *Store) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	_, err := s.write(ctx, key, func(found stored, exists bool) (*ledger.Document, error) {
		if !exists || found.version != version {
			return nil, ledger.ErrChanged
		}
		document := found.document
		document.State, document.MessageID = outcome.State, outcome.MessageID
		if !outcome.At.IsZero() {
			document.SettledAt = &outcome.At
		}
		return &document, nil
	})
	return err
}

// ListState implements listing.Lister.
func (s *Store) ListState(ctx context.Context, state ledger.State, after ledger.Key, limit int) ([]listing.Entry, error) {
	entries, err := s.list(ctx, func(e listing.Entry) bool { return e.State == state && e.Key > after })
	slices.SortFunc(entries, func(a, b listing.Entry) int { return cmp.Compare(a.Key, b.Key) })
	return entries[:min(limit, len(entries))], err
}

// ListResource implements listing.Lister.
func (s *Store) ListResource(ctx context.Context, resourceIDs ...string) ([]listing.Entry, error) {
	return s.list(ctx, func(e listing.Entry) bool { return slices.Contains(resourceIDs, e.ResourceID) })
}

// ListSince implements listing.Lister.
func (s *Store) ListSince(ctx context.Context, since time.Time, limit int) ([]listing.Entry, error) {
	entries, err := s.list(ctx, func(e listing.Entry) bool { return !e.ReceivedAt.Before(since) })
	slices.SortFunc(entries, func(a, b listing.Entry) int { return b.ReceivedAt.Compare(a.ReceivedAt) })
	return entries[:min(limit, len(entries))], err
}

func (s *Store) list(ctx context.Context, wanted func(listing.Entry) bool) ([]listing.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var entries []listing.Entry
	for key, found := range s.documents {
		entry := listing.Entry{Key: key, Document: clone(&found.document)}
		if entry.Payload, entry.Attributes = nil, nil; wanted(entry) {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

// write replaces what is stored by what change makes of it.
func (s *Store) write(ctx context.Context, key ledger.Key, change func(stored, bool) (*ledger.Document, error)) (ledger.Version, error) {
	if err := ctx.Err(); err != nil {
		return ledger.Version{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, exists := s.documents[key]
	document, err := change(found, exists)
	if err != nil {
		return ledger.Version{}, err
	}
	s.writes++
	version := time.Unix(0, s.writes)
	s.documents[key] = stored{clone(document), version}
	return version, nil
}

// clone copies what a caller could change behind the store's back.
func clone(document *ledger.Document) ledger.Document {
	copied := *document
	copied.Payload = slices.Clone(document.Payload)
	copied.Attributes = maps.Clone(document.Attributes)
	if document.SettledAt != nil {
		at := *document.SettledAt
		copied.SettledAt = &at
	}
	return copied
}
