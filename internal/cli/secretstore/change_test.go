package secretstore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gemhook/gemhook/internal/cli/secretstore"
)

// Somebody else stores a secret at each moment at which that can happen: neither secret may be
// lost.
func TestChangeLosesNothingOfOthers(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"AccessSecretVersion", "GetSecretVersion", "AddSecretVersion"} {
		t.Run("before "+method, func(t *testing.T) {
			store, manager := open(t, name)
			manager.Create(name, "old")
			meddled := false
			manager.Fail(func(called string) error {
				if called == method && !meddled {
					meddled = true
					manager.Add(name, "theirs old")
				}
				return nil
			})
			if err := store.Change(t.Context(), func(stored string) (string, error) { return "mine " + stored, nil }); err != nil {
				t.Fatal(err)
			}
			if got, _ := manager.Latest(name); got != "mine theirs old" {
				t.Errorf("stored is %q", got)
			}
		})
	}
	t.Run("file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "secret")
		store, _ := open(t, "file:"+file)
		if err := write(t, store, "old"); err != nil {
			t.Fatal(err)
		}
		meddled := false
		err := store.Change(t.Context(), func(stored string) (string, error) {
			if !meddled {
				meddled = true
				if err := os.WriteFile(file, []byte("theirs old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return "mine " + stored, nil
		})
		if got, readErr := os.ReadFile(file); err != nil || readErr != nil || string(got) != "mine theirs old\n" {
			t.Errorf("stored is %q: %v, %v", got, err, readErr)
		}
		if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
			t.Errorf("files are left: %v, %v", left, err)
		}
	})
}

// Many change a file at the same time, and each change is there in the end.
func TestManyChangeAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	const writers, changes = 4, 10
	var all sync.WaitGroup
	for writer := range writers {
		store, _ := open(t, "file:"+file)
		all.Go(func() {
			for i := range changes {
				mine := fmt.Sprintf("%d-%d", writer, i)
				for {
					err := store.Change(t.Context(), func(stored string) (string, error) { return mine + " " + stored, nil })
					if err == nil {
						break
					}
					if !errors.Is(err, secretstore.ErrChanged) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(file)
	if n := len(strings.Fields(string(text))); err != nil || n != writers*changes {
		t.Errorf("%d of %d changes are stored: %v", n, writers*changes, err)
	}
}

// A change that contradicts what somebody else has stored is given up.
func TestChangeThatIsWithdrawn(t *testing.T) {
	t.Parallel()
	store, manager := open(t, name)
	manager.Create(name, "new old")
	manager.Fail(func(method string) error {
		if _, versions := manager.Latest(name); method == "AddSecretVersion" && versions == 1 {
			manager.Add(name, "newer new old")
		}
		return nil
	})
	other := errors.New("another text is stored")
	err := store.Change(t.Context(), func(stored string) (string, error) {
		if stored != "new old" {
			return "", other
		}
		return "new", nil
	})
	if got, _ := manager.Latest(name); !errors.Is(err, other) || got != "newer new old" {
		t.Errorf("stored is %q: %v", got, err)
	}
}
