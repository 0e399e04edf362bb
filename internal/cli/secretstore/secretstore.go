// Package secretstore changes the text of a secret where the receiver reads it: a new version in
// Secret Manager, or a file put in the place of the old one. Either way a reader sees the old text
// or the new one, never a part.
//
// Several people can change a secret at the same time. [Store.Change] works on what is stored at
// that moment, and makes sure that no change is lost without an error:
//
//   - files are compared and replaced under a lock;
//   - Secret Manager has no precondition on adding a version, but numbers versions in order.
//     Change looks at the latest number just before it adds one, and again at the number that it
//     was given: a version that somebody else added in between is found, and the change is made
//     once more to that.
package secretstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"

	"github.com/gemhook/gemhook/shared/secret"
)

var (
	// ErrEmpty is returned for a secret that has no version, or a file that does not exist.
	ErrEmpty = errors.New("nothing is stored yet")
	// ErrNotStorable is returned by Open for a place that holds one text for ever.
	ErrNotStorable = errors.New("a secret cannot be stored there")
	// ErrNotPermitted is returned by CheckWritable.
	ErrNotPermitted = errors.New("not permitted")
	// ErrUnsafeFile is returned for a file that cannot be replaced as it is: its owner, its links
	// or its kind would change.
	ErrUnsafeFile = errors.New("the secret file cannot be replaced")
	// ErrChanged is returned by Change where others change the secret again and again. Nothing of
	// theirs is lost.
	ErrChanged = errors.New("somebody else is changing the secret")
)

// A Store is one place of a secret. It is safe for concurrent use.
type Store struct{ place place }

// A place is where a text is kept.
type place interface {
	fmt.Stringer
	// read returns the text and its revision, or ErrEmpty with the revision of nothing.
	read(ctx context.Context) (text string, at revision, err error)
	// replace stores text in place of that revision's. It returns ErrChanged, and has stored
	// nothing, if the revision is another now; and an *overwritten, having stored the text, if
	// somebody came between.
	replace(ctx context.Context, at revision, text string) error
	writtenAt(ctx context.Context) (time.Time, error)
	checkWritable(ctx context.Context) error
}

// A revision identifies what is stored at a time.
type revision string

// overwritten is the error of a replacement that has covered what somebody else had stored just
// before.
type overwritten struct {
	theirs string   // what they had stored
	now    revision // of what is stored now
}

func (*overwritten) Error() string { return "somebody else stored a secret at the same moment" }

// Open returns the store behind a reference as [secret.ParseRef] reads it. It fails with
// ErrNotStorable for a literal text and for a pinned version, which the receiver would go on
// reading. client is called when Secret Manager is first needed.
func Open(ref string, client func(context.Context) (*secretmanager.Client, error)) (*Store, error) {
	parsed, err := secret.ParseRef(ref)
	if err != nil {
		return nil, err
	}
	if _, literal := parsed.Literal(); literal || parsed.IsZero() {
		return nil, fmt.Errorf("%w: it is the text itself", ErrNotStorable)
	}
	where := fmt.Sprint(parsed)
	if !parsed.InSecretManager() {
		return &Store{&file{where}}, nil
	}
	name, version, _ := strings.Cut(where, "/versions/")
	if version != "latest" {
		return nil, fmt.Errorf("%w: it is pinned to version %s", ErrNotStorable, version)
	}
	return &Store{&managed{name, client}}, nil
}

// String names the place.
func (s *Store) String() string { return s.place.String() }

// Read returns the text that is stored now, or ErrEmpty.
func (s *Store) Read(ctx context.Context) (secret.Text, error) {
	text, _, err := s.place.read(ctx)
	if err != nil {
		return secret.Text{}, err
	}
	return secret.NewText(text), nil
}

// WrittenAt returns when the text that is stored now was written, or ErrEmpty.
func (s *Store) WrittenAt(ctx context.Context) (time.Time, error) { return s.place.writtenAt(ctx) }

// CheckWritable reports, without writing, whether Change would be let in. It fails with
// ErrNotPermitted, naming what is lacking, or with ErrUnsafeFile.
func (s *Store) CheckWritable(ctx context.Context) error { return s.place.checkWritable(ctx) }

// changeTries is how often a change is tried because another writer was faster.
const changeTries = 5

// Change replaces what is stored, empty if nothing is, by what change makes of it. Where somebody
// else stores another text at the same time, change is called again with that; its result must not
// depend on how often it is called. An error of change ends it: then what is stored is what was, or
// what somebody else stored.
//
// With any other error the new text may or may not be stored; calling Change again finds out.
func (s *Store) Change(ctx context.Context, change func(stored string) (string, error)) error {
	for range changeTries {
		stored, at, err := s.place.read(ctx)
		if err != nil && !errors.Is(err, ErrEmpty) {
			return err
		}
		stored = strings.TrimSpace(stored)
		changed, err := change(stored)
		if err != nil || changed == stored {
			return err
		}
		err = s.place.replace(ctx, at, changed)
		if covered := (*overwritten)(nil); errors.As(err, &covered) {
			return s.repair(ctx, covered, change)
		}
		if !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return ErrChanged
}

// repair makes a change to what somebody else stored, in place of the text that has covered it.
func (s *Store) repair(ctx context.Context, covered *overwritten, change func(string) (string, error)) error {
	theirs := strings.TrimSpace(covered.theirs)
	repaired, changeErr := change(theirs)
	if changeErr != nil {
		repaired = theirs
	}
	if err := s.place.replace(ctx, covered.now, repaired); err != nil {
		return errors.Join(changeErr, fmt.Errorf("%w, and what they stored could not be joined with this; look at the versions of %s: %w", ErrChanged, s, err))
	}
	return changeErr
}
