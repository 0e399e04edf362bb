package secretstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"

	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/internal/cli/secrettest"
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

// Secret Manager and a file keep a text in the same way.
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
			if err := write(t, store, text); err != nil {
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
	if err := write(t, store, "three"); err != nil {
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

// A literal, a pinned version and a lack of permission are found out before anything is made.
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
	if err := write(t, store, "x"); err == nil {
		t.Error("Write: no error")
	}
	store, _ = open(t, "file:"+filepath.Join(t.TempDir(), "absent", "secret"))
	if err := store.CheckWritable(t.Context()); !errors.Is(err, secretstore.ErrNotPermitted) {
		t.Errorf("CheckWritable: %v", err)
	}
	if err := write(t, store, "x"); err == nil {
		t.Error("Write: no error")
	}
}

// A text that was damaged on its way is not taken for what is stored.
func TestADamagedTextIsRefused(t *testing.T) {
	t.Parallel()
	store, manager := open(t, name)
	manager.Create(name, "one")
	manager.Damage()
	if _, err := store.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("Read: %v", err)
	}
	if err := write(t, store, "two"); err == nil {
		t.Error("Write: no error")
	}
	if stored, versions := manager.Latest(name); stored != "one" || versions != 1 {
		t.Errorf("%d versions are stored, the last is %q", versions, stored)
	}
}

// Where somebody is faster each time, Change gives up in the end, and has lost nothing of theirs.
func TestChangeGivesUp(t *testing.T) {
	t.Parallel()
	store, manager := open(t, name)
	manager.Create(name, "old")
	theirs := 0
	manager.Fail(func(method string) error {
		if method == "GetSecretVersion" { // just before it is added
			theirs++
			manager.Add(name, strings.Repeat("theirs ", theirs)+"old")
		}
		return nil
	})
	err := store.Change(t.Context(), func(stored string) (string, error) { return "mine " + stored, nil })
	if stored, versions := manager.Latest(name); !errors.Is(err, secretstore.ErrChanged) || versions != 1+theirs || strings.Contains(stored, "mine") {
		t.Errorf("after %d of theirs %d versions are stored, the last is %q: %v", theirs, versions, stored, err)
	}
	if manager.Calls("AddSecretVersion") != 0 || theirs != 5 {
		t.Errorf("it tried %d times", theirs)
	}
}

// What is stored already is not stored again, and white space around it does not count.
func TestChangeThatChangesNothing(t *testing.T) {
	t.Parallel()
	store, manager := open(t, name)
	manager.Create(name, " one\n")
	err := store.Change(t.Context(), func(stored string) (string, error) {
		if stored != "one" {
			t.Errorf("stored is %q", stored)
		}
		return "one", nil
	})
	if _, versions := manager.Latest(name); err != nil || versions != 1 {
		t.Errorf("%d versions are stored: %v", versions, err)
	}
}

// What the receiver can read is what a change is made to: the text behind a byte order mark, or in
// UTF-16, and the place with white space around it.
func TestTheTextIsThatOfTheReceiver(t *testing.T) {
	t.Parallel()
	for encoding, stored := range map[string]string{
		"byte order mark": "\ufeffone\n",
		"UTF-16":          "\xff\xfeo\x00n\x00e\x00",
	} {
		for _, place := range []string{name, "file:"} {
			t.Run(encoding+" in "+place, func(t *testing.T) {
				ref := place
				if place == "file:" {
					path := filepath.Join(t.TempDir(), "secret")
					if err := os.WriteFile(path, []byte(stored), 0o600); err != nil {
						t.Fatal(err)
					}
					ref += path
				}
				store, manager := open(t, " "+ref+"\n")
				manager.Create(name, stored)
				err := store.Change(t.Context(), func(stored string) (string, error) { return "two " + stored, nil })
				if got, readErr := store.Read(t.Context()); err != nil || readErr != nil || strings.TrimSpace(got.Reveal()) != "two one" {
					t.Errorf("stored is %q, %v, %v; want the text added to", got.Reveal(), err, readErr)
				}
			})
		}
	}
}

// What others stored just before is repaired; where that fails too, it is said where to look.
func TestARepairThatFails(t *testing.T) {
	t.Parallel()
	store, manager := open(t, name)
	manager.Create(name, "old")
	manager.Fail(func(method string) error {
		switch _, versions := manager.Latest(name); {
		case method == "AddSecretVersion" && versions == 1:
			manager.Add(name, "theirs old")
		case method == "AddSecretVersion":
			return errors.New("out of order")
		}
		return nil
	})
	err := store.Change(t.Context(), func(stored string) (string, error) { return "mine " + stored, nil })
	if !errors.Is(err, secretstore.ErrChanged) || !strings.Contains(err.Error(), "look at the versions of "+name) {
		t.Errorf("Change: %v", err)
	}
}

// write stores a text, whatever was stored before.
func write(t *testing.T, store *secretstore.Store, text string) error {
	t.Helper()
	return store.Change(t.Context(), func(string) (string, error) { return text, nil })
}

// A file that could not be replaced is refused before anything is made.
func TestFilesThatCannotBeReplacedAreRefused(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(file string) error{
		"hard link": func(file string) error {
			return errors.Join(os.WriteFile(file+"-2", nil, 0o600), os.Link(file+"-2", file))
		},
		"link to none": func(file string) error { return os.Symlink("absent", file) },
		"not a file":   func(file string) error { return os.Mkdir(file, 0o700) },
		"a pipe":       func(file string) error { return syscall.Mkfifo(file, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "secret")
			if err := make(file); err != nil {
				t.Fatal(err)
			}
			store, _ := open(t, "file:"+file)
			if err := store.CheckWritable(t.Context()); !errors.Is(err, secretstore.ErrUnsafeFile) {
				t.Errorf("CheckWritable: %v", err)
			}
		})
	}
}

// A changed file has the owner and mode that it had, and a link stays a link.
func TestAFileKeepsItsOwnerModeAndLink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, link := filepath.Join(folder, "secret"), filepath.Join(folder, "link")
	if err := errors.Join(os.WriteFile(file, []byte("one"), 0o640), os.Symlink("secret", link)); err != nil {
		t.Fatal(err)
	}
	root := os.Geteuid() == 0 // nobody else may give files away
	if root {
		if err := os.Chown(file, 12345, 23456); err != nil {
			t.Fatal(err)
		}
	}
	store, _ := open(t, "file:"+link)
	if err := errors.Join(store.CheckWritable(t.Context()), write(t, store, "two")); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != "secret" {
		t.Errorf("the link is %q, %v", to, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if owner := info.Sys().(*syscall.Stat_t); root && (owner.Uid != 12345 || owner.Gid != 23456) {
		t.Errorf("the owner is %d:%d", owner.Uid, owner.Gid)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "two\n" {
		t.Errorf("stored is %q, %v", text, err)
	}
}
