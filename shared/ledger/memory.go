package ledger

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is a store in this process. It forgets nothing until the process ends and everything then:
// not for production.
type Memory struct {
	mu        sync.Mutex
	writes    int64
	documents map[Key]stored
}

type stored struct {
	document Document
	version  Version
}

var (
	_ Store  = (*Memory)(nil)
	_ Lister = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{documents: map[Key]stored{}} }

// Create implements Store.
func (m *Memory) Create(ctx context.Context, key Key, document *Document) (Version, error) {
	return m.write(ctx, key, func(_ stored, exists bool) (*Document, error) {
		if exists {
			return nil, ErrExists
		}
		return document, nil
	})
}

// Read implements Store.
func (m *Memory) Read(ctx context.Context, key Key) (*Document, Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, Version{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found, exists := m.documents[key]
	if !exists {
		return nil, Version{}, ErrNotFound
	}
	document := clone(&found.document)
	return &document, found.version, nil
}

// Replace implements Store.
func (m *Memory) Replace(ctx context.Context, key Key, version Version, document *Document) (Version, error) {
	return m.write(ctx, key, func(found stored, exists bool) (*Document, error) {
		if !exists || found.version != version {
			return nil, ErrChanged
		}
		return document, nil
	})
}

// Finish implements Store.
func (m *Memory) Finish(ctx context.Context, key Key, version Version, outcome Outcome) error {
	_, err := m.write(ctx, key, func(found stored, exists bool) (*Document, error) {
		if !exists || found.version != version {
			return nil, ErrChanged
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

// ListState implements Lister.
func (m *Memory) ListState(ctx context.Context, state State, after Key, limit int) ([]Entry, error) {
	entries, err := m.list(ctx, func(e Entry) bool { return e.State == state && e.Key > after })
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
	return entries[:min(limit, len(entries))], err
}

// ListResource implements Lister.
func (m *Memory) ListResource(ctx context.Context, resourceIDs ...string) ([]Entry, error) {
	return m.list(ctx, func(e Entry) bool { return slices.Contains(resourceIDs, e.ResourceID) })
}

// ListSince implements Lister.
func (m *Memory) ListSince(ctx context.Context, since time.Time, limit int) ([]Entry, error) {
	entries, err := m.list(ctx, func(e Entry) bool { return !e.ReceivedAt.Before(since) })
	slices.SortFunc(entries, func(a, b Entry) int { return b.ReceivedAt.Compare(a.ReceivedAt) })
	return entries[:min(limit, len(entries))], err
}

func (m *Memory) list(ctx context.Context, wanted func(Entry) bool) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var entries []Entry
	for key, found := range m.documents {
		entry := Entry{Key: key, Document: clone(&found.document)}
		if entry.Payload, entry.Attributes = nil, nil; wanted(entry) {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

// write replaces what is stored by what change makes of it.
func (m *Memory) write(ctx context.Context, key Key, change func(stored, bool) (*Document, error)) (Version, error) {
	if err := ctx.Err(); err != nil {
		return Version{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found, exists := m.documents[key]
	document, err := change(found, exists)
	if err != nil {
		return Version{}, err
	}
	m.writes++
	version := time.Unix(0, m.writes)
	m.documents[key] = stored{clone(document), version}
	return version, nil
}

// clone copies what a caller could change behind the store's back.
func clone(document *Document) Document {
	copied := *document
	copied.Payload = slices.Clone(document.Payload)
	copied.Attributes = maps.Clone(document.Attributes)
	if document.SettledAt != nil {
		at := *document.SettledAt
		copied.SettledAt = &at
	}
	return copied
}
