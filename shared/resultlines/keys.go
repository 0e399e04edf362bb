package resultlines

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"unicode/utf8"
)

// maxKeys is for how many lines keys are compared.
const maxKeys = 2_000_000

// How many hashes a table has room for, each of eight bytes. Keys are looked up all over the table,
// so most batches get one that the processor can keep at hand.
const (
	smallTable = 1 << 19
	largeTable = 1 << 21 // for maxKeys
)

// A keySet has the hashes of the keys that came before. Two keys are taken for the same if their
// hashes of 64 bits are.
type keySet struct {
	seed  maphash.Seed
	table []uint64 // open addressing; 0 is an empty slot
	used  int
}

func (k *keySet) init() { k.seed = maphash.MakeSeed() }

// cameBefore reports whether a hash is in the set, and adds it.
func (k *keySet) cameBefore(hash uint64) bool {
	switch k.used {
	case maxKeys:
		return false // Counts says that it was not compared
	case 0:
		k.table = make([]uint64, smallTable)
	case smallTable / 4 * 3:
		k.grow()
	}
	hash = max(hash, 1)
	slot := k.slot(hash)
	if k.table[slot] == hash {
		return true
	}
	k.table[slot] = hash
	k.used++
	return false
}

// slot returns where a hash is in the table or, if it is not, where it belongs.
func (k *keySet) slot(hash uint64) uint64 {
	mask := uint64(len(k.table) - 1)
	slot := hash & mask
	for k.table[slot] != 0 && k.table[slot] != hash {
		slot = (slot + 1) & mask
	}
	return slot
}

// grow replaces a small table by a large one.
func (k *keySet) grow() {
	small := k.table
	if len(small) == largeTable {
		return
	}
	k.table = make([]uint64, largeTable)
	for _, hash := range small {
		if hash != 0 {
			k.table[k.slot(hash)] = hash
		}
	}
}

// A fragment is a part of a line that is kept as it is spelled: up to limit bytes, and of a longer
// one its hash.
type fragment struct {
	limit  int
	spelt  []byte
	long   bool
	hasher maphash.Hash // of a long one
}

func (f *fragment) reset() { f.spelt, f.long = f.spelt[:0], false }

func (f *fragment) add(part []byte) {
	if !f.long && len(f.spelt)+len(part) > f.limit {
		f.long = true
		f.hasher.Reset()
		_, _ = f.hasher.Write(f.spelt)
		f.spelt = f.spelt[:0]
	}
	if f.long {
		_, _ = f.hasher.Write(part)
		return
	}
	f.spelt = append(f.spelt, part...)
}

// bytes returns the fragment, nil if it is longer than its limit.
func (f *fragment) bytes() []byte {
	if f.long {
		return nil
	}
	return f.spelt
}

// text returns what a JSON string spells.
func (f *fragment) text() []byte {
	if len(f.spelt) < 2 {
		return nil
	}
	inside := f.spelt[1 : len(f.spelt)-1]
	if bytes.IndexByte(inside, '\\') < 0 && utf8.Valid(inside) {
		return inside
	}
	var text string
	_ = json.Unmarshal(f.spelt, &text) // the scanner has found it to be a string
	return []byte(text)
}

// short returns the text of a string; "" if it is over limit bytes, or f is nil.
func (f *fragment) short(limit int) string {
	if f == nil || f.long {
		return ""
	}
	if text := f.text(); len(text) <= limit {
		return string(text)
	}
	return ""
}

// hash returns a hash of a string's text, or of the spelling of a long one.
func (f *fragment) hash() (hash uint64, empty bool) {
	if f.long {
		return f.hasher.Sum64(), false
	}
	text := f.text()
	return maphash.Bytes(f.hasher.Seed(), text), len(text) == 0
}
