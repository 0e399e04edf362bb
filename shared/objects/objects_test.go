package objects_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/shared/objects"
)

// newFixture returns an empty bucket, and its server.
func newFixture(t *testing.T) (*bucket.Server, *objects.Bucket) {
	t.Helper()
	server, err := bucket.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", server.Host())
	b, err := objects.Open(t.Context(), bucket.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return server, b
}

// large needs two chunks, the second not full.
var large = func() string {
	random := rand.NewChaCha8([32]byte{1})
	content := make([]byte, 12<<20)
	_, _ = random.Read(content)
	return string(content)
}()

// create stores an object.
func create(t *testing.T, b *objects.Bucket, name, content string) (objects.Object, *objects.Writer, error) {
	t.Helper()
	w := b.Create(t.Context(), name, "application/jsonl", map[string]string{"total": "3"})
	if _, err := io.Copy(w, strings.NewReader(content)); err != nil {
		w.Abort()
		return objects.Object{}, w, err
	}
	stored, err := w.Commit()
	return stored, w, err
}

func TestCreate(t *testing.T) {
	_, b := newFixture(t)
	for name, content := range map[string]string{"empty": "", "small/a%2Fb": "one\n", "large": large} {
		t.Run(name, func(t *testing.T) {
			stored, w, err := create(t, b, name, content)
			if err != nil {
				t.Fatal(err)
			}
			want := objects.Object{
				Name: name, ContentType: "application/jsonl", Size: int64(len(content)), CRC32C: w.Written().CRC32C, Metadata: map[string]string{"total": "3"},
			}
			if diff := cmp.Diff(want, stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			found, err := b.Stat(t.Context(), name)
			if diff := cmp.Diff(want, found); diff != "" || err != nil {
				t.Errorf("found (-want +got):\n%s, error %v", diff, err)
			}
			if got, err := b.Read(t.Context(), name, 32<<20); err != nil || string(got) != content {
				t.Errorf("read %d bytes, error %v", len(got), err)
			}
		})
	}
	if list, err := b.List(t.Context(), "small/"); err != nil || len(list) != 1 || b.URI(list[0].Name) != "gs://gemhook-results/small/a%2Fb" {
		t.Errorf("list %+v, error %v", list, err)
	}
	if _, err := b.Read(t.Context(), "large", 1<<20); err == nil {
		t.Error("more was read than the limit")
	}
}

func TestMissingObject(t *testing.T) {
	_, b := newFixture(t)
	for name, look := range map[string]func() error{
		"Stat":      func() error { _, err := b.Stat(t.Context(), "missing"); return err },
		"NewReader": func() error { _, _, err := b.NewReader(t.Context(), "missing"); return err },
		"Read":      func() error { _, err := b.Read(t.Context(), "missing", 1); return err },
	} {
		t.Run(name, func(t *testing.T) {
			if err := look(); !errors.Is(err, objects.ErrNotExist) {
				t.Errorf("error %v, want ErrNotExist", err)
			}
		})
	}
}

// TestCorruptedUpload wants an upload whose bytes change on the way to be refused before it is
// visible, in one request or in several.
func TestCorruptedUpload(t *testing.T) {
	server, b := newFixture(t)
	for name, rest := range map[string]string{"small": "", "large": large[:8<<20]} {
		t.Run(name, func(t *testing.T) {
			server.Corrupt("the right bytes")
			if stored, _, err := create(t, b, name, rest+"the right bytes"); err == nil {
				t.Errorf("stored %+v, want an error", stored)
			}
			if names, err := server.Names(); err != nil || len(names) > 0 {
				t.Errorf("the bucket has %v, error %v", names, err)
			}
			server.Corrupt("")
			if _, _, err := create(t, b, name, rest+"the right bytes"); err != nil {
				t.Errorf("the same upload over a good connection: error %v", err)
			}
			if err := server.Delete(name); err != nil {
				t.Error(err)
			}
		})
	}
}

// The first of two writers wins, in one request or in several, whether Cloud Storage says so with
// 412 or 403.
func TestCreateDoesNotOverwrite(t *testing.T) {
	for name, createsOnly := range map[string]bool{"412": false, "403": true} {
		t.Run(name, func(t *testing.T) {
			server, b := newFixture(t)
			if createsOnly {
				server.CreatesOnly()
			}
			for name, content := range map[string]string{"small": "first", "large": large} {
				first, _, err := create(t, b, name, content)
				if err != nil {
					t.Fatal(err)
				}
				again, w, err := create(t, b, name, content)
				if err != nil || !again.Same(first) || !again.Same(w.Written()) {
					t.Errorf("the same again: %+v, error %v", again, err)
				}
				other, w, err := create(t, b, name, content+"x")
				if err != nil || !other.Same(first) || other.Same(w.Written()) {
					t.Errorf("other bytes: %+v, written %+v, error %v", other, w.Written(), err)
				}
				if got, _ := b.Read(t.Context(), name, 32<<20); string(got) != content {
					t.Errorf("%s has been overwritten", name)
				}
			}
		})
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	server, b := newFixture(t)
	for name, content := range map[string]string{"empty": "", "small": "some", "large": large} {
		t.Run(name, func(t *testing.T) {
			w := b.Create(t.Context(), name, "text/plain", nil)
			if _, err := io.WriteString(w, content); err != nil {
				t.Fatal(err)
			}
			w.Abort()
			if _, err := w.Commit(); !errors.Is(err, objects.ErrAborted) {
				t.Errorf("commit after abort: error %v", err)
			}
			if _, err := w.Write([]byte("x")); !errors.Is(err, objects.ErrAborted) {
				t.Errorf("write after abort: error %v", err)
			}
		})
	}
	if names, err := server.Names(); err != nil || len(names) > 0 {
		t.Errorf("the bucket has %v, error %v", names, err)
	}
}

func TestCreateWhereTheBucketRefuses(t *testing.T) {
	server, b := newFixture(t)
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnauthorized} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			server.Fail(status)
			if _, _, err := create(t, b, "small", "x"); err == nil {
				t.Error("no error")
			}
		})
	}
	server.Fail(0)
	if names, _ := server.Names(); len(names) > 0 {
		t.Errorf("the bucket has %v", names)
	}
}
