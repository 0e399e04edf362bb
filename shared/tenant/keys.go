package tenant

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// MaxText is how long the text of all entries may be, in bytes: as much as Secret Manager holds
// (https://cloud.google.com/secret-manager/quotas). A tenant's own key takes 52 bytes and the
// name's length, so that is 1,024 tenants with names of 12 characters and one key each.
const MaxText = 64 << 10

// Why a tenant has no URL.
var (
	// ErrClosed: the tenant has entries of its own, and no valid key in them.
	ErrClosed = errors.New("the tenant is closed")
	// ErrNoKey: the tenant has no entry of its own, and there is no common key.
	ErrNoKey = errors.New("there is no dynamic key for the tenant")
)

// An Entry is one word of the text that Keys are read from.
type Entry struct {
	Tenant string // empty: the common key, for every tenant without an entry of its own
	Key    Key    // zero: the tenant is closed
}

// ParseEntry reads "KEY", "TENANT:KEY" or "TENANT:". Its error quotes nothing of the text. With an
// error about the key of a tenant whose name is valid, the entry has that name, and no key.
func ParseEntry(text string) (Entry, error) {
	tenant, key, own := strings.Cut(text, ":")
	if !own {
		common, err := ParseKey(text)
		return Entry{Key: common}, err
	}
	if !Valid(tenant) {
		return Entry{}, errors.New("before the colon is the name of a tenant: " + NameForm)
	}
	if key == "" {
		return Entry{Tenant: tenant}, nil
	}
	parsed, err := ParseKey(key)
	return Entry{Tenant: tenant, Key: parsed}, err
}

// Keys are the keys whose tokens are accepted at one time. No log and no format verb shows them.
type Keys struct {
	common []Key
	own    map[string][]Key // of tenants with entries of their own; an empty list: the tenant is closed
}

// ParseKeys reads any number of entries separated by white space. An entry is one of
//
//	KEY          a key for every tenant without an entry of its own
//	TENANT:KEY   that tenant's own key; only its own keys count for it
//	TENANT:      closes the tenant
//
// Several keys for the same tenant, or in common, are all valid, and the first makes the URL. So
// after a first key of its own a tenant can have the common key, with which its URL was made
// before.
//
// The error names each malformed entry by its place in the text. The others are returned and may be
// used: a malformed entry puts no other out of use, and a tenant whose only entry is malformed is
// closed. If no entry is well formed, there is no key to use.
func ParseKeys(text string) (Keys, error) {
	if len(text) > MaxText {
		return Keys{}, fmt.Errorf("the dynamic keys are %d bytes long, and Secret Manager holds %d: "+
			"about 1,000 tenants with a key of their own (52 bytes and the name)", len(text), MaxText)
	}
	entries, faults := parseEntries(strings.Fields(text))
	keys := Keys{own: map[string][]Key{}}
	closedAt := map[string]int{} // where a tenant is closed
	for i, entry := range entries {
		if entry.Tenant == "" {
			continue
		}
		keys.own[entry.Tenant] = nil
		if faults[i] == nil && entry.Key == (Key{}) {
			closedAt[entry.Tenant] = i + 1
		}
	}
	seen := sightings{common: map[Key]int{}, first: map[Key]int{}, own: map[Entry]int{}}
	for i, entry := range entries {
		if entry.Tenant == "" && faults[i] == nil {
			if faults[i] = seen.addCommon(i, entry.Key); faults[i] == nil {
				keys.common = append(keys.common, entry.Key)
			}
		}
	}
	// After all common keys, so that a tenant's copy of one cannot take the common key out of use.
	for i, entry := range entries {
		if entry.Tenant == "" || entry.Key == (Key{}) {
			continue
		}
		if at, closed := closedAt[entry.Tenant]; closed {
			faults[i] = fmt.Errorf("entry %d gives a key to the tenant that entry %d closes", i+1, at)
			continue
		}
		own := keys.own[entry.Tenant]
		if faults[i] = seen.addOwn(i, entry, len(own) == 0); faults[i] == nil {
			keys.own[entry.Tenant] = append(own, entry.Key)
		}
	}
	return keys, errors.Join(faults...)
}

// sightings are the places of the keys that have been read, from 1 on.
type sightings struct {
	common map[Key]int
	first  map[Key]int // of those that make a tenant's URL
	own    map[Entry]int
}

func (s sightings) addCommon(i int, key Key) error {
	if at, twice := s.common[key]; twice {
		return sameKey(i, at)
	}
	s.common[key] = i + 1
	return nil
}

// addOwn refuses a key that the tenant has already. As a tenant's first key it also refuses one
// that makes the URLs of others, which must be a mistake. After the first such a key is allowed:
// the tenant's URL may have been made with it before.
func (s sightings) addOwn(i int, entry Entry, first bool) error {
	if at, twice := s.own[entry]; twice {
		return sameKey(i, at)
	}
	if first {
		if at, twice := s.common[entry.Key]; twice {
			return sameKey(i, at)
		}
		if at, twice := s.first[entry.Key]; twice {
			return sameKey(i, at)
		}
		s.first[entry.Key] = i + 1
	}
	s.own[entry] = i + 1
	return nil
}

func sameKey(i, place int) error { return fmt.Errorf("entry %d has the key of entry %d", i+1, place) }

// parseEntries returns an entry for each field, and the error of each that is malformed at the same
// index.
func parseEntries(fields []string) ([]Entry, []error) {
	entries, faults := make([]Entry, len(fields)), make([]error, len(fields))
	for i, field := range fields {
		entry, err := ParseEntry(field)
		if err != nil {
			faults[i] = fmt.Errorf("entry %d: %w", i+1, err)
		}
		entries[i] = entry
	}
	return entries, faults
}

// IsZero reports whether there is no entry at all.
func (k Keys) IsZero() bool { return len(k.common) == 0 && len(k.own) == 0 }

// Own returns the keys of a tenant's own entries, or with "" the common keys, the one that makes
// the URL first. has reports whether there are entries: a tenant that has some and no key is
// closed. The caller must not change the list.
func (k Keys) Own(tenant string) (keys []Key, has bool) {
	if tenant == "" {
		return k.common, len(k.common) > 0
	}
	keys, has = k.own[tenant]
	return keys, has
}

// Path returns the path of a tenant's endpoint, made with the first key that counts for it. The
// error is ErrClosed or ErrNoKey.
func (k Keys) Path(tenant string) (string, error) {
	keys, open := k.of(tenant)
	if open {
		return keys[0].Path(tenant), nil
	}
	if _, own := k.own[tenant]; own {
		return "", ErrClosed
	}
	return "", ErrNoKey
}

// Check reports whether one of the keys that count for the tenant made the token. It takes the same
// time whichever key it was, and for a closed tenant as long as for a token that is wrong.
func (k Keys) Check(tenant, token string) bool {
	keys, open := k.of(tenant)
	made := false
	for _, key := range keys {
		if hmac.Equal([]byte(key.Token(tenant)), []byte(token)) {
			made = true
		}
	}
	return made && open
}

// of returns the keys that count for a tenant. For a closed tenant it returns others, so that a
// check takes the same time.
func (k Keys) of(tenant string) (keys []Key, open bool) {
	own, has := k.own[tenant]
	switch {
	case len(own) > 0:
		return own, true
	case len(k.common) > 0:
		return k.common, !has
	}
	return []Key{{}}, false
}

// String counts the keys, and shows none.
func (k Keys) String() string {
	own, closed := 0, 0
	for _, keys := range k.own {
		if len(keys) == 0 {
			closed++
		} else {
			own++
		}
	}
	return fmt.Sprintf("common keys: %d, tenants with keys of their own: %d, closed tenants: %d", len(k.common), own, closed)
}

// Format hides the keys from every verb.
func (k Keys) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// LogValue hides the keys.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }
