package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
)

// A ListingStore is a store whose documents can be listed.
type ListingStore interface {
	ledger.Store
	listing.Lister
}

// RunLister tests the listings of a store as Run tests the store itself.
func RunLister(t *testing.T, open func(t *testing.T) ListingStore) {
	t.Run("List", func(t *testing.T) {
		for _, rule := range listRules {
			t.Run(rule.name, func(t *testing.T) { rule.test(t, open(t)) })
		}
	})
}

var listRules = []struct {
	name string
	test func(*testing.T, ListingStore)
}{
	{"StateInPages", func(t *testing.T, store ListingStore) {
		var want []ledger.Key
		for i := range 25 {
			document := newDocument()
			document.State = []ledger.State{ledger.Claimed, ledger.Released, ledger.Published, ledger.DeadLettered}[i%4]
			key := ledger.StaticKey(fmt.Sprint((i * 7) % 25))
			create(t, store, key, document)
			if document.State == ledger.Claimed {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		var got []ledger.Key
		for after := ledger.Key(""); ; {
			page, err := store.ListState(t.Context(), ledger.Claimed, after, 3)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > 3 {
				t.Fatalf("a page has %d entries, want at most 3", len(page))
			}
			got = append(got, keysOf(page)...)
			if len(page) < 3 {
				break
			}
			after = page[len(page)-1].Key
		}
		if !slices.Equal(got, want) {
			t.Errorf("listed %v, want %v", got, want)
		}
	}},

	{"StateInTheOrderOfBytes", func(t *testing.T, store ListingStore) {
		want := []ledger.Key{
			ledger.DynamicKey("a", "1"), ledger.DynamicKey("a-1", "1"), ledger.TokenKey("a", "t", "1", "at", nil),
			"result!0f", ledger.StaticKey("%"), ledger.StaticKey("10"), ledger.StaticKey("9"), ledger.StaticKey("A"), ledger.StaticKey("a"), ledger.StaticKey("~"),
		}
		slices.Sort(want)
		for _, key := range want {
			document := newDocument()
			document.State = ledger.Released
			create(t, store, key, document)
		}
		for i, key := range want {
			page, err := store.ListState(t.Context(), ledger.Released, key, 100)
			if err != nil || !slices.Equal(keysOf(page), want[i+1:]) {
				t.Errorf("listed after %q: %v, error %v, want %v", key, keysOf(page), err, want[i+1:])
			}
		}
	}},

	{"StateFollowsTheProtocol", func(t *testing.T, store ListingStore) {
		f := newFixture(t, store)
		in := func(want ledger.State) {
			t.Helper()
			for _, state := range []ledger.State{ledger.Claimed, ledger.Released, ledger.Published, ledger.DeadLettered} {
				page, err := store.ListState(t.Context(), state, "", 10)
				if err != nil || (len(page) == 1) != (state == want) {
					t.Errorf("listed as %s: %v, error %v; it is %s", state, keysOf(page), err, want)
				}
			}
		}
		claim := f.claims()
		in(ledger.Claimed)
		f.releases(claim)
		in(ledger.Released)
		claim = f.claims()
		in(ledger.Claimed)
		f.settles(claim, "m-1")
		in(ledger.Published)
	}},

	{"EntriesWithoutWhatIsLarge", func(t *testing.T, store ListingStore) {
		document := newDocument()
		create(t, store, key, document)
		want := newDocument()
		want.Payload, want.Attributes = nil, nil
		byState, err := store.ListState(t.Context(), document.State, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		byResource, err := store.ListResource(t.Context(), document.ResourceID)
		if err != nil {
			t.Fatal(err)
		}
		byTime, err := store.ListSince(t.Context(), document.ReceivedAt, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, listing := range [][]listing.Entry{byState, byResource, byTime} {
			if len(listing) != 1 || listing[0].Key != key {
				t.Fatalf("listed %v, want the one document", keysOf(listing))
			}
			if d := difference(&listing[0].Document, want); d != "" {
				t.Error(d)
			}
		}
		stored(t, store, key, document)
	}},

	{"Resource", func(t *testing.T, store ListingStore) {
		for id, resource := range map[string]string{"1": "abc", "2": "batches/abc", "3": "batches/abcd", "4": "", "5": "abc"} {
			document := newDocument()
			document.ResourceID = resource
			create(t, store, ledger.StaticKey(id), document)
		}
		found, err := store.ListResource(t.Context(), "abc", "batches/abc")
		got := keysOf(found)
		slices.Sort(got)
		if want := []ledger.Key{"static!1", "static!2", "static!5"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("listed %v, error %v, want %v", got, err, want)
		}
		if found, err := store.ListResource(t.Context(), "xyz"); err != nil || len(found) != 0 {
			t.Errorf("listed %v, error %v, want nothing", keysOf(found), err)
		}
	}},

	{"Since", func(t *testing.T, store ListingStore) {
		for i := range 5 {
			document := newDocument()
			document.ReceivedAt = noon.Add(time.Duration(i) * time.Second)
			create(t, store, ledger.StaticKey(fmt.Sprint(i)), document)
		}
		found, err := store.ListSince(t.Context(), noon.Add(time.Second), 3)
		if want := []ledger.Key{"static!4", "static!3", "static!2"}; err != nil || !slices.Equal(keysOf(found), want) {
			t.Errorf("listed %v, error %v, want %v", keysOf(found), err, want)
		}
		if found, err := store.ListSince(t.Context(), noon.Add(3*time.Second), 3); err != nil || len(found) != 2 {
			t.Errorf("listed %v, error %v, want the last two", keysOf(found), err)
		}
	}},

	{"EndedContext", func(t *testing.T, store ListingStore) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, stateErr := store.ListState(ended, ledger.Claimed, "", 1)
		_, resourceErr := store.ListResource(ended, "abc")
		_, sinceErr := store.ListSince(ended, noon, 1)
		for name, err := range map[string]error{"state": stateErr, "resource": resourceErr, "time": sinceErr} {
			if err == nil || errors.Is(err, listing.ErrNotListed) {
				t.Errorf("by %s: error %v, want the context's", name, err)
			}
		}
	}},
}

func keysOf(entries []listing.Entry) []ledger.Key {
	var keys []ledger.Key
	for _, entry := range entries {
		keys = append(keys, entry.Key)
	}
	return keys
}
