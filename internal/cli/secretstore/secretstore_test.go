package secretstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"

	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/internal/cli/secrettest"
	"github.com/gemhook/gemhook/shared/secret"
)

const name = "projects/p/secrets/s"

var created = time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)

// open opens the store of a reference, and the Secret Manager that it may be in.
func open(t *testing.T, ref string) (*secretstore.Store, *secrettest.Manager) {
	t.Helper()
	manager := secrettest.New(t, func() time.Time { return created })
	client, err := secretmanager.NewClient(t.Context(), manager.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	store, err := secretstore.Open(ref, func(context.Context) (*secretmanager.Client, error) { return client, nil })
	if err != nil {
		t.Fatal(err)
	}
	return store, manager
}

func TestStores(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	for _, ref := range []string{name, name + "/versions/latest", "file:" + file} {
		store, manager := open(t, ref)
		manager.Create(name)
		_ = os.Remove(file)
		if _, err := store.Read(t.Context()); !errors.Is(err, secretstore.ErrEmpty) {
			t.Errorf("%s: Read of nothing: %v", ref, err)
		}
		if _, err := store.WrittenAt(t.Context()); !errors.Is(err, secretstore.ErrEmpty) {
			t.Errorf("%s: WrittenAt of nothing: %v", ref, err)
		}
		if err := store.CheckWritable(t.Context()); err != nil {
			t.Errorf("%s: CheckWritable: %v", ref, err)
		}
		for _, text := range []string{"one", "two one"} {
			if err := store.Write(t.Context(), secret.NewText(text)); err != nil {
				t.Errorf("%s: Write: %v", ref, err)
			}
			if got, err := store.Read(t.Context()); err != nil || strings.TrimSpace(got.Reveal()) != text {
				t.Errorf("%s: what was written is not read again: %v", ref, err)
			}
		}
		at, err := store.WrittenAt(t.Context())
		if err != nil || !strings.HasPrefix(ref, "file:") && !at.Equal(created) || at.IsZero() {
			t.Errorf("%s: WrittenAt = %s, %v", ref, at, err)
		}
	}
	store, _ := open(t, "file:"+file)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := store.Write(t.Context(), secret.NewText("three")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file's mode has changed: %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

func TestPlacesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"", "whsec_AAAA", name + "/versions/3"} {
		_, err := secretstore.Open(ref, nil)
		if !errors.Is(err, secretstore.ErrNotStorable) || strings.Contains(err.Error(), "whsec_") {
			t.Errorf("Open: %v", err)
		}
	}
	store, manager := open(t, name)
	if _, err := store.Read(t.Context()); err == nil || errors.Is(err, secretstore.ErrEmpty) {
		t.Errorf("Read of a secret that is not there: %v", err)
	}
	manager.Create(name)
	manager.Deny("AddSecretVersion", "GetSecretVersion")
	err := store.CheckWritable(t.Context())
	if !errors.Is(err, secretstore.ErrNotPermitted) || !strings.Contains(err.Error(), "versions.add, secretmanager.versions.get") {
		t.Errorf("CheckWritable: %v", err)
	}
	if err := store.Write(t.Context(), secret.NewText("x")); err == nil {
		t.Error("Write: no error")
	}
	store, _ = open(t, "file:"+filepath.Join(t.TempDir(), "absent", "secret"))
	if err := store.CheckWritable(t.Context()); !errors.Is(err, secretstore.ErrNotPermitted) {
		t.Errorf("CheckWritable: %v", err)
	}
	if err := store.Write(t.Context(), secret.NewText("x")); err == nil {
		t.Error("Write: no error")
	}
}
