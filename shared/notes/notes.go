// Package notes keeps what a job that runs again and again must know from one run to the next:
// where it stopped, or when it last did something that it may not do often.
//
// A note is a small document with a name, written by compare-and-set: of two runs at the same time,
// one writes. The notes are beside the ledger, in the same database, so that they need no store and
// no permission of their own.
package notes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrChanged is returned by Write if the note no longer has that version.
var ErrChanged = errors.New("the note has changed since")

// A Note is what one job keeps. The zero Note is one that was never written.
type Note struct {
	Cursor string    `firestore:"cursor"` // where to go on; empty: at the beginning
	At     time.Time `firestore:"at"`     // its meaning is up to the job
}

// A Version identifies the contents of a note; the zero Version is that of a note that was never
// written.
type Version = time.Time

// Firestore keeps notes in a collection of Firestore. It is safe for concurrent use.
type Firestore struct{ documents *firestore.CollectionRef }

// NewFirestore returns the notes that belong to the ledger in a collection. The caller closes the
// client.
func NewFirestore(client *firestore.Client, ledgerCollection string) *Firestore {
	return &Firestore{client.Collection(ledgerCollection + "-notes")}
}

// Read returns the note of a name, and its version.
func (f *Firestore) Read(ctx context.Context, name string) (Note, Version, error) {
	snapshot, err := f.documents.Doc(name).Get(ctx)
	if status.Code(err) == codes.NotFound {
		return Note{}, Version{}, nil
	}
	if err != nil {
		return Note{}, Version{}, fmt.Errorf("read the note %s: %w", name, err)
	}
	var note Note
	if err := snapshot.DataTo(&note); err != nil {
		return Note{}, Version{}, fmt.Errorf("read the note %s: %w", name, err)
	}
	return note, snapshot.UpdateTime, nil
}

// Write writes a note that must still be of that version, and returns the new one.
func (f *Firestore) Write(ctx context.Context, name string, note Note, version Version) (Version, error) {
	var written *firestore.WriteResult
	var err error
	if version.IsZero() {
		written, err = f.documents.Doc(name).Create(ctx, note)
	} else {
		written, err = f.documents.Doc(name).Update(ctx, []firestore.Update{
			{Path: "cursor", Value: note.Cursor}, {Path: "at", Value: note.At},
		}, firestore.LastUpdateTime(version))
	}
	switch status.Code(err) {
	case codes.OK:
		return written.UpdateTime, nil
	case codes.AlreadyExists, codes.FailedPrecondition, codes.NotFound:
		return Version{}, fmt.Errorf("write the note %s: %w", name, ErrChanged)
	}
	return Version{}, fmt.Errorf("write the note %s: %w", name, err)
}

// Memory keeps notes in this process: for tests. It is safe for concurrent use.
type Memory struct {
	mu     sync.Mutex
	writes int64
	notes  map[string]memorized
}

type memorized struct {
	note    Note
	version Version
}

// NewMemory returns notes of which none is written.
func NewMemory() *Memory { return &Memory{notes: map[string]memorized{}} }

// Read returns the note of a name, and its version.
func (m *Memory) Read(ctx context.Context, name string) (Note, Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.notes[name]
	return found.note, found.version, ctx.Err()
}

// Write writes a note that must still be of that version, and returns the new one.
func (m *Memory) Write(ctx context.Context, name string, note Note, version Version) (Version, error) {
	if err := ctx.Err(); err != nil {
		return Version{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.notes[name].version.Equal(version) {
		return Version{}, fmt.Errorf("write the note %s: %w", name, ErrChanged)
	}
	m.writes++
	m.notes[name] = memorized{note, time.Unix(0, m.writes)}
	return m.notes[name].version, nil
}
