package tenants

import (
	"maps"
	"slices"
	"strings"

	"github.com/gemhook/gemhook/shared/tenant"
)

// A ring is the text of the dynamic keys, word by word.
type ring struct {
	words []word
	inUse tenant.Keys // what the receiver makes of it
}

type word struct {
	text string
	tenant.Entry
	malformed bool
}

func parse(text string) ring {
	var r ring
	for _, field := range strings.Fields(text) {
		entry, err := tenant.ParseEntry(field)
		r.words = append(r.words, word{field, entry, err != nil})
	}
	r.inUse, _ = tenant.ParseKeys(text)
	return r
}

// wordOf returns the entry that gives a key to a tenant, or makes it a common one.
func wordOf(name string, key tenant.Key) word {
	text := key.Reveal()
	if name != Common {
		text = name + ":" + text
	}
	return word{text: text, Entry: tenant.Entry{Tenant: name, Key: key}}
}

// closing returns the entry that closes a tenant.
func closing(name string) word { return word{text: name + ":", Entry: tenant.Entry{Tenant: name}} }

// of reports whether a word is an entry of a tenant, malformed or not. A malformed word that names
// no tenant is nobody's.
func (w word) of(name string) bool { return w.Tenant == name && (name != Common || !w.malformed) }

// keys returns the keys in use of a tenant's own entries, or the common keys.
func (r ring) keys(name string) []tenant.Key {
	keys, _ := r.inUse.Own(name)
	return keys
}

// with returns the words with these keys as the only entries of a tenant, or in common.
func (r ring) with(name string, keys ...tenant.Key) []word {
	var entries []word
	for _, key := range keys {
		entries = append(entries, wordOf(name, key))
	}
	return r.put(name, entries...)
}

// put returns the words with these as the only ones of a tenant. They stand where its first entry
// stood.
func (r ring) put(name string, entries ...word) []word {
	at := slices.IndexFunc(r.words, func(w word) bool { return w.of(name) })
	if at < 0 && name == Common {
		at = 0
	} else if at < 0 {
		at = len(r.words)
	}
	others := func(part []word) []word {
		return slices.DeleteFunc(slices.Clone(part), func(w word) bool { return w.of(name) })
	}
	return slices.Concat(others(r.words[:at]), entries, others(r.words[at:]))
}

// text returns the text of words, an entry a line.
func text(words []word) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.text)
	}
	return strings.Join(texts, "\n")
}

// names returns the names of all tenants with entries of their own, sorted.
func (r ring) names() []string {
	names := map[string]bool{}
	for _, w := range r.words {
		if w.Tenant != "" {
			names[w.Tenant] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
