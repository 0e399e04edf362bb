package secretstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gemhook/gemhook/shared/secret"
)

// file is a secret in a file. Its revisions are sums of the text.
type file struct{ path string }

func (f *file) String() string { return f.path }

func (f *file) read(context.Context) (string, revision, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", ErrEmpty
	}
	if err != nil {
		return "", "", fmt.Errorf("read secret file: %w", err)
	}
	sum := sha256.Sum256(text)
	return secret.Decode(text), revision(hex.EncodeToString(sum[:])), nil
}

func (f *file) writtenAt(context.Context) (time.Time, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, ErrEmpty
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("look at the secret file: %w", err)
	}
	return info.ModTime(), nil
}

// target returns the file itself, behind any symbolic links, and what is known of it; nil if it is
// not there yet.
func (f *file) target() (path string, old fs.FileInfo, err error) {
	if path, err = filepath.EvalSymlinks(f.path); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(f.path); err == nil {
			return "", nil, fmt.Errorf("%w: %s is a symbolic link to nothing", ErrUnsafeFile, f.path)
		}
		return f.path, nil, nil
	}
	if err == nil {
		old, err = os.Stat(path)
	}
	if err != nil {
		return "", nil, fmt.Errorf("look at the secret file: %w", err)
	}
	if !old.Mode().IsRegular() {
		return "", nil, fmt.Errorf("%w: %s is not a regular file", ErrUnsafeFile, path)
	}
	if names(old) > 1 {
		return "", nil, fmt.Errorf("%w: %s has further names (hard links), which would keep the old text", ErrUnsafeFile, path)
	}
	return path, old, nil
}

// checkWritable does everything that a replacement does except the renaming.
func (f *file) checkWritable(context.Context) error {
	path, old, err := f.target()
	if err != nil {
		return err
	}
	draft, err := newDraft(path, old)
	if err != nil {
		return err
	}
	return errors.Join(draft.Close(), os.Remove(draft.Name()))
}

// newDraft makes an empty file beside path, with the owner, group and mode of the old one. Without
// an old one its owner alone can read it.
func newDraft(path string, old fs.FileInfo) (*os.File, error) {
	draft, err := os.CreateTemp(filepath.Dir(path), ".gemhook-*")
	if err != nil {
		return nil, fmt.Errorf("%w to write beside %s: %w", ErrNotPermitted, path, err)
	}
	if old == nil {
		return draft, nil
	}
	if err := takeOwner(draft, old); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: the new %s would not have the old one's owner and group (run this as that user, or as root): %w",
			ErrUnsafeFile, path, err), draft.Close(), os.Remove(draft.Name()))
	}
	if err := draft.Chmod(old.Mode().Perm()); err != nil {
		return nil, errors.Join(fmt.Errorf("write the secret file: %w", err), draft.Close(), os.Remove(draft.Name()))
	}
	return draft, nil
}

// replace writes beside the file and renames, so that a reader never finds half of it.
func (f *file) replace(ctx context.Context, at revision, text string) (err error) {
	path, old, err := f.target()
	if err != nil {
		return err
	}
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("lock the folder of the secret file: %w", err)
	}
	defer unlock()
	draft, err := newDraft(path, old)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(draft.Name()))
		}
	}()
	_, err = draft.WriteString(text + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return fmt.Errorf("write the secret file: %w", err)
	}
	if _, now, err := f.read(ctx); err != nil && !errors.Is(err, ErrEmpty) {
		return err
	} else if now != at {
		return ErrChanged
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return fmt.Errorf("write the secret file: %w", err)
	}
	return nil
}
