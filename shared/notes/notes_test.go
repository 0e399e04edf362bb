package notes_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/notes"
)

type store interface {
	Read(ctx context.Context, name string) (notes.Note, notes.Version, error)
	Write(ctx context.Context, name string, note notes.Note, version notes.Version) (notes.Version, error)
}

func TestMemory(t *testing.T) { testStore(t, notes.NewMemory()) }

func TestFirestore(t *testing.T) {
	testkit.FirestoreHost(t)
	client, err := firestore.NewClient(t.Context(), fmt.Sprintf("notes-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	testStore(t, notes.NewFirestore(client, "deliveries"))
	if documents, err := client.Collection("deliveries").Documents(t.Context()).GetAll(); err != nil || len(documents) != 0 {
		t.Errorf("the ledger has %d documents, error %v: the notes must not be in it", len(documents), err)
	}
}

// testStore wants a note to be read as it was written, and to be written only over the version that
// was read.
func testStore(t *testing.T, s store) {
	t.Helper()
	ctx := t.Context()
	first := notes.Note{Cursor: "claimed static!msg_1", At: time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)}
	wantNote(t, s, "finish", notes.Note{})
	version, err := s.Write(ctx, "finish", first, notes.Version{})
	if err != nil {
		t.Fatal(err)
	}
	wantNote(t, s, "finish", first)
	wantNote(t, s, "find", notes.Note{})
	if _, err := s.Write(ctx, "finish", notes.Note{Cursor: "x"}, notes.Version{}); !errors.Is(err, notes.ErrChanged) {
		t.Errorf("write over a note as if there were none: %v, want ErrChanged", err)
	}
	later := notes.Note{At: first.At.Add(time.Hour)}
	second, err := s.Write(ctx, "finish", later, version)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(ctx, "finish", first, version); !errors.Is(err, notes.ErrChanged) {
		t.Errorf("write over a later version: %v, want ErrChanged", err)
	}
	wantNote(t, s, "finish", later)
	if _, read, _ := s.Read(ctx, "finish"); !read.Equal(second) {
		t.Errorf("read version %v, want that of the write, %v", read, second)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Write(ended, "finish", first, second); err == nil || errors.Is(err, notes.ErrChanged) {
		t.Errorf("write with an ended context: %v", err)
	}
}

func wantNote(t *testing.T, s store, name string, want notes.Note) {
	t.Helper()
	got, _, err := s.Read(t.Context(), name)
	if err != nil || got.Cursor != want.Cursor || !got.At.Equal(want.At) {
		t.Errorf("note %s is %+v, error %v, want %+v", name, got, err, want)
	}
}
