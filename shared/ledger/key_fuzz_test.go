package ledger_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gemhook/gemhook/shared/ledger"
)

// FuzzKey makes every kind of key of any two ids.
func FuzzKey(f *testing.F) {
	for _, id := range []string{
		"", ".", "..", "/", "__x__", "!", "%", "+", " ", "\x00", "\xff", "ü", "sha256:00", strings.Repeat("x", 1493),
		strings.Repeat("x", 1494), strings.Repeat("%", 600), strings.Repeat("\xff", 8192),
	} {
		f.Add(id, id+"x")
		f.Add(id, id+"/")
		f.Add(id, url.QueryEscape(id))
		f.Add(id, strings.ToUpper(id))
		f.Add(id, "a!"+id)
		f.Add(id, "-1"+id)
		f.Add(id, strings.TrimPrefix(string(ledger.StaticKey(id)), "static!")) // that the key of another seems to have
	}
	f.Fuzz(func(t *testing.T, id, other string) {
		if err := checkKeys(kinds, id, other); err != nil {
			t.Error(err)
		}
	})
}

// A kind makes the key of an id in one of several ways. What two kinds make of whatever ids are
// different deliveries.
type kind func(id string) ledger.Key

var kinds = []kind{
	ledger.StaticKey,
	func(id string) ledger.Key { return ledger.DynamicKey("a", id) },
	func(id string) ledger.Key { return ledger.DynamicKey("a-1", id) },
	func(id string) ledger.Key { return ledger.DynamicKey(strings.Repeat("a", 63), id) },
	func(id string) ledger.Key { return ledger.TokenKey("a", id, "id", "at", []byte("claims 1")) },
	func(id string) ledger.Key { return ledger.TokenKey("a", "t", id+"x", "at", []byte("claims 2")) },
	func(id string) ledger.Key { return ledger.TokenKey("a", "t", "id", id+"x", []byte("claims 3")) },
	func(id string) ledger.Key { return ledger.TokenKey("a", "t", "", "at", []byte(id)) },
	func(id string) ledger.Key { return ledger.TokenKey("a-1", "t", "", "at", []byte(id)) },
	// Parts that begin where another has ended.
	func(id string) ledger.Key { return ledger.TokenKey("a", id, "b c", "at", []byte("claims 6")) },
	func(id string) ledger.Key { return ledger.TokenKey("a", id+" b", "c", "at", []byte("claims 7")) },
	func(id string) ledger.Key { return ledger.TokenKey("a", id, `b" "c`, "at", []byte("claims 8")) },
	func(id string) ledger.Key { return ledger.TokenKey("a", id+`" "b`, "c", "at", []byte("claims 9")) },
}

// checkKeys wants the keys of two ids, of every kind, to be document ids and all different.
func checkKeys(kinds []kind, ids ...string) error {
	type origin struct {
		kind int
		id   string
	}
	origins := map[ledger.Key]origin{}
	for i, key := range kinds {
		for _, id := range ids {
			made := key(id)
			if err := checkLegal(made); err != nil {
				return err
			}
			is := origin{i, id}
			if was, again := origins[made]; again && was != is {
				return fmt.Errorf("kind %d of %.40q and kind %d of %.40q have the same key %q", was.kind, was.id, is.kind, is.id, made)
			}
			origins[made] = is
		}
	}
	return nil
}

var reservedID = regexp.MustCompile(`(?s)^__.*__$`)

// checkLegal wants a key that Firestore takes as a document id (its documentation: "Quotas and
// limits", collections, documents and fields).
func checkLegal(key ledger.Key) error {
	id := string(key)
	if id == "" || len(id) > 1500 || !utf8.ValidString(id) || strings.Contains(id, "/") ||
		id == "." || id == ".." || reservedID.MatchString(id) {
		return fmt.Errorf("%.40q of %d bytes is no document id", id, len(id))
	}
	return nil
}

// TestKeyCheckCanFail has the check look at escapes that one might have thought of.
func TestKeyCheckCanFail(t *testing.T) {
	t.Parallel()
	prefixed := func(escape func(string) string) []kind {
		return []kind{
			func(id string) ledger.Key { return ledger.Key("static!" + escape(id)) },
			func(id string) ledger.Key { return ledger.Key("dynamic!a!" + escape(id)) },
		}
	}
	truncated := func(id string) string { return id[:min(len(id), 1400)] }
	for name, test := range map[string]struct {
		kinds     []kind
		id, other string
		wrong     error
	}{
		"right":                   {kinds, "a/b", "a%2Fb", nil},
		"the same twice":          {kinds, "a", "a", nil},
		"as it is, with a slash":  {prefixed(func(id string) string { return id }), "a/b", "c", errNoID},
		"as it is, not UTF-8":     {prefixed(func(id string) string { return id }), "\xff", "c", errNoID},
		"escaped and never ends":  {prefixed(url.QueryEscape), strings.Repeat("%", 600), "c", errNoID},
		"without a prefix":        {[]kind{func(id string) ledger.Key { return ledger.Key(url.QueryEscape(id)) }}, "__x__", "c", errNoID},
		"without a prefix, a dot": {[]kind{func(id string) ledger.Key { return ledger.Key(url.QueryEscape(id)) }}, "..", "c", errNoID},
		"empty":                   {[]kind{func(id string) ledger.Key { return ledger.Key(id) }}, "", "c", errNoID},
		"the slash replaced":      {prefixed(func(id string) string { return strings.ReplaceAll(id, "/", "%2F") }), "a/b", "a%2Fb", errSame},
		"made UTF-8": {prefixed(func(id string) string { return url.QueryEscape(strings.ToValidUTF8(id, "\ufffd")) }),
			"\xff", "\ufffd", errSame},
		"in one case":                 {prefixed(func(id string) string { return url.QueryEscape(strings.ToLower(id)) }), "A", "a", errSame},
		"trimmed":                     {prefixed(func(id string) string { return url.QueryEscape(strings.TrimSpace(id)) }), "a ", "a", errSame},
		"truncated":                   {prefixed(truncated), strings.Repeat("a", 1401), strings.Repeat("a", 1402), errSame},
		"a digest that is also an id": {prefixed(digested), strings.Repeat("a", 2000), digested(strings.Repeat("a", 2000)), errSame},
		"static as dynamic": {[]kind{
			func(id string) ledger.Key { return ledger.Key("k!" + id) },
			func(id string) ledger.Key { return ledger.Key("k!a!" + id) },
		}, "x", "a!x", errSame},
	} {
		err := checkKeys(test.kinds, test.id, test.other)
		switch {
		case test.wrong == nil && err != nil, test.wrong != nil && (err == nil || !strings.Contains(err.Error(), test.wrong.Error())):
			t.Errorf("%s: the check says %v", name, err)
		}
	}
}

// What the check says.
var (
	errNoID = errors.New("is no document id")
	errSame = errors.New("have the same key")
)

// digested keeps short ids as they are and takes a digest of long ones, without a mark to tell them
// apart.
func digested(id string) string {
	if len(id) <= 100 {
		return id
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(id)))
}
