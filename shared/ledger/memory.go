package ledger

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is a store in this process. It forgets nothing until the process ends and everything then: not for production.
type Memory struct {
	mu        sync.Mutex
	writes    int64
	documents map[Key]stored
}

type stored struct {
	document Document
	version  Version
}

var _ Store = (*Memory)(nil)

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
