package tenants

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gemhook/gemhook/shared/tenant"
)

// Why a change is refused, besides tenant.ErrClosed. Then nothing is stored.
var (
	// ErrNoCommonKey: there is no common key that a tenant could have back.
	ErrNoCommonKey = errors.New("there is no common key")
	// ErrChangedMeanwhile: somebody else has changed the same keys, and the change would drop keys
	// that nobody has seen.
	ErrChangedMeanwhile = errors.New("somebody else has changed the same keys at this moment")
	// ErrNothingToFinish: there is no key of which the old ones could be dropped.
	ErrNothingToFinish = errors.New("there is nothing to finish")
	// ErrTooLong: the text would be longer than a store holds.
	ErrTooLong = errors.New("there is no room for another entry")
)

// A Change changes the keys of one tenant, or the common ones. It is not safe for concurrent use.
type Change struct {
	Outcome Outcome // of the last call of Apply

	name   string
	change func(ring) ([]word, error)
	drops  bool // keys
	called bool
	seen   []tenant.Key // at the first call
}

// An Outcome is what a change has led to.
type Outcome struct {
	Changed bool // else it was so already
	Status       // now
}

// Apply returns what is to be stored in place of a text. It is for [secretstore.Store.Change]. The
// error is tenant.ErrClosed, or one of this package.
func (c *Change) Apply(stored string) (string, error) {
	if len(stored) > tenant.MaxText {
		return "", tooLong(stored) // none of it is in use
	}
	before := parse(stored)
	keys := before.keys(c.name)
	if c.drops && c.called && !slices.Equal(keys, c.seen) {
		return "", ErrChangedMeanwhile
	}
	c.called, c.seen = true, keys
	words, err := c.change(before)
	if err != nil {
		return "", err
	}
	c.Outcome = Outcome{Changed: text(words) != text(before.words)}
	if c.Outcome.Changed {
		stored = text(words)
		if asFile := stored + "\n"; len(asFile) > tenant.MaxText {
			return "", tooLong(asFile)
		}
	}
	c.Outcome.Status = parse(stored).status(c.name)
	return stored, nil
}

// tooLong says how long a text is, and how much a store holds.
func tooLong(text string) error {
	_, err := tenant.ParseKeys(text)
	return fmt.Errorf("%w: %w", ErrTooLong, err)
}

// Rotate puts a key before those of a tenant, which stay valid. The old ones of a tenant without
// entries are the common keys. Where there are two keys already a rotation is under way, and
// nothing is changed.
func Rotate(name string, made tenant.Key) *Change {
	return &Change{name: name, change: func(r ring) ([]word, error) {
		if r.closed(name) {
			return nil, tenant.ErrClosed
		}
		old, has := r.inUse.Own(name)
		if !has {
			old = r.keys(Common)
		} else if len(old) > 1 {
			return r.words, nil
		}
		return r.with(name, append([]tenant.Key{made}, old...)...), nil
	}}
}

// Replace puts a key in the place of all that a tenant had: its old URL is of no use any more. An
// old common key is dropped from tenants as well that have it behind a key of their own.
func Replace(name string, made tenant.Key) *Change {
	return &Change{name: name, drops: true, change: func(r ring) ([]word, error) {
		if r.closed(name) {
			return nil, tenant.ErrClosed
		}
		words := r.with(name, made)
		if name == Common {
			words = r.without(words, r.keys(Common), true)
		}
		return words, nil
	}}
}

// Finish drops all keys of a tenant but the first, which makes its URL.
func Finish(name string) *Change {
	return &Change{name: name, drops: true, change: func(r ring) ([]word, error) {
		if r.closed(name) {
			return nil, tenant.ErrClosed
		}
		keys := r.keys(name)
		switch len(keys) {
		case 0:
			return nil, ErrNothingToFinish
		case 1:
			return r.words, nil
		}
		words := r.with(name, keys[0])
		if name == Common {
			words = r.without(words, keys[1:], false)
		}
		return words, nil
	}}
}

// without returns words without common keys that are dropped, where tenants have them: an entry
// that was not in use because of the common key must not come into use with it. Those in use it
// leaves unless everywhere.
func (r ring) without(words []word, dropped []tenant.Key, everywhere bool) []word {
	var kept []word
	for _, w := range words {
		own, _ := r.inUse.Own(w.Tenant)
		switch {
		case w.Tenant == "" || !slices.Contains(dropped, w.Key):
			kept = append(kept, w)
		case len(own) == 0:
			kept = append(kept, closing(w.Tenant))
		case !everywhere && slices.Contains(own, w.Key):
			kept = append(kept, w)
		}
	}
	return kept
}

// Revoke closes a tenant, and forgets its keys.
func Revoke(name string) *Change {
	return &Change{name: name, change: func(r ring) ([]word, error) { return r.put(name, closing(name)), nil }}
}

// Restore opens a closed tenant with a key of its own. An open one it leaves as it is.
func Restore(name string, made tenant.Key) *Change {
	return &Change{name: name, change: func(r ring) ([]word, error) {
		if !r.closed(name) {
			return r.words, nil
		}
		return r.with(name, made), nil
	}}
}

// RestoreCommon opens a closed tenant with the common key, by taking its entries away. An open one
// it leaves as it is.
func RestoreCommon(name string) *Change {
	return &Change{name: name, change: func(r ring) ([]word, error) {
		if !r.closed(name) {
			return r.words, nil
		}
		if len(r.keys(Common)) == 0 {
			return nil, ErrNoCommonKey
		}
		return r.with(name), nil
	}}
}

// closed reports whether a tenant has entries, and no token opens it.
func (r ring) closed(name string) bool {
	_, err := r.inUse.Path(name)
	return errors.Is(err, tenant.ErrClosed)
}
