package ledgertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

const key ledger.Key = "static!msg_1"

var storeRules = []rule{
	{"CreateThenRead", func(t *testing.T, store ledger.Store) {
		want := newDocument()
		version := create(t, store, key, want)
		got, readVersion := read(t, store, key)
		if d := difference(got, want); d != "" {
			t.Error(d)
		}
		if version.IsZero() || !readVersion.Equal(version) {
			t.Errorf("read version %v, created %v", readVersion, version)
		}
	}},

	{"CreateOverExisting", func(t *testing.T, store ledger.Store) {
		create(t, store, key, newDocument())
		same := unchanged(t, store, key)
		other := newDocument()
		other.WebhookID = "msg_other"
		if _, err := store.Create(t.Context(), key, other); !errors.Is(err, ledger.ErrExists) {
			t.Errorf("error %v, want ErrExists", err)
		}
		same()
	}},

	{"ReadMissing", func(t *testing.T, store ledger.Store) {
		create(t, store, "static!another", newDocument())
		missing(t, store, key)
	}},

	{"ReplaceCurrent", func(t *testing.T, store ledger.Store) {
		// Over a document that differs in every field, so that each has to be written.
		epoch := time.Unix(0, 0)
		version := create(t, store, key, &ledger.Document{State: ledger.Claimed, ReceivedAt: epoch, LeaseExpiresAt: epoch, ExpiresAt: epoch})
		want := newDocument()
		replaced, err := store.Replace(t.Context(), key, version, want)
		if err != nil {
			t.Fatal(err)
		}
		stored(t, store, key, want)
		if _, readVersion := read(t, store, key); !readVersion.Equal(replaced) {
			t.Errorf("read version %v, replaced %v", readVersion, replaced)
		}
	}},

	{"ReplaceClearsFields", func(t *testing.T, store ledger.Store) {
		version := create(t, store, key, newDocument())
		want := &ledger.Document{State: ledger.Claimed, Attempt: 3, ReceivedAt: noon, LeaseExpiresAt: noon, ExpiresAt: noon}
		if _, err := store.Replace(t.Context(), key, version, want); err != nil {
			t.Fatal(err)
		}
		stored(t, store, key, want)
	}},

	{"ReplaceStale", func(t *testing.T, store ledger.Store) {
		first := create(t, store, key, newDocument())
		changed := newDocument()
		changed.Attempt++
		if _, err := store.Replace(t.Context(), key, first, changed); err != nil {
			t.Fatal(err)
		}
		same := unchanged(t, store, key)
		changed.Attempt++
		if _, err := store.Replace(t.Context(), key, first, changed); !errors.Is(err, ledger.ErrChanged) {
			t.Errorf("error %v, want ErrChanged", err)
		}
		same()
	}},

	{"ReplaceMissing", func(t *testing.T, store ledger.Store) {
		if _, err := store.Replace(t.Context(), key, noon, newDocument()); !errors.Is(err, ledger.ErrChanged) {
			t.Errorf("error %v, want ErrChanged", err)
		}
		missing(t, store, key)
	}},

	{"FinishCurrent", func(t *testing.T, store ledger.Store) {
		for _, state := range []ledger.State{ledger.Published, ledger.DeadLettered} {
			key := key + ledger.Key(state)
			want := newDocument()
			want.State, want.MessageID, want.SettledAt = ledger.Claimed, "", nil
			version := create(t, store, key, want)
			at := noon.Add(time.Second)
			if err := store.Finish(t.Context(), key, version, ledger.Outcome{State: state, At: at, MessageID: "m-1"}); err != nil {
				t.Fatal(err)
			}
			want.State, want.MessageID, want.SettledAt = state, "m-1", &at
			stored(t, store, key, want)
		}
	}},

	{"FinishAsReleased", func(t *testing.T, store ledger.Store) {
		want := newDocument()
		want.State, want.MessageID, want.SettledAt = ledger.Claimed, "", nil
		version := create(t, store, key, want)
		if err := store.Finish(t.Context(), key, version, ledger.Outcome{State: ledger.Released}); err != nil {
			t.Fatal(err)
		}
		want.State = ledger.Released
		stored(t, store, key, want)
	}},

	{"FinishStale", func(t *testing.T, store ledger.Store) {
		first := create(t, store, key, newDocument())
		changed := newDocument()
		changed.Attempt++
		if _, err := store.Replace(t.Context(), key, first, changed); err != nil {
			t.Fatal(err)
		}
		same := unchanged(t, store, key)
		err := store.Finish(t.Context(), key, first, ledger.Outcome{State: ledger.DeadLettered, At: noon, MessageID: "m-other"})
		if !errors.Is(err, ledger.ErrChanged) {
			t.Errorf("error %v, want ErrChanged", err)
		}
		same()
	}},

	{"FinishMissing", func(t *testing.T, store ledger.Store) {
		err := store.Finish(t.Context(), key, noon, ledger.Outcome{State: ledger.Published, At: noon, MessageID: "m-1"})
		if !errors.Is(err, ledger.ErrChanged) {
			t.Errorf("error %v, want ErrChanged", err)
		}
		missing(t, store, key)
	}},

	{"EveryChangeIsALaterVersion", func(t *testing.T, store ledger.Store) {
		document := newDocument()
		last := create(t, store, key, document)
		for i := range 20 {
			document.Attempt++
			version, err := store.Replace(t.Context(), key, last, document)
			if err != nil {
				t.Fatal(err)
			}
			if !version.After(last) {
				t.Fatalf("change %d has version %v, not after %v", i, version, last)
			}
			last = version
		}
		if err := store.Finish(t.Context(), key, last, ledger.Outcome{State: ledger.DeadLettered, At: noon, MessageID: "m-18"}); err != nil {
			t.Fatal(err)
		}
		if _, version := read(t, store, key); !version.After(last) {
			t.Errorf("finished as version %v, not after %v", version, last)
		}
	}},

	{"EndedContext", func(t *testing.T, store ledger.Store) {
		version := create(t, store, key, newDocument())
		same := unchanged(t, store, key)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, createErr := store.Create(ended, "static!new", newDocument())
		_, _, readErr := store.Read(ended, key)
		changed := newDocument()
		changed.Attempt++
		_, replaceErr := store.Replace(ended, key, version, changed)
		finishErr := store.Finish(ended, key, version, ledger.Outcome{State: ledger.Released})
		for step, err := range map[string]error{"create": createErr, "read": readErr, "replace": replaceErr, "finish": finishErr} {
			if err == nil || errors.Is(err, ledger.ErrExists) || errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrChanged) {
				t.Errorf("%s: error %v, want one that says nothing about the document", step, err)
			}
		}
		same()
		missing(t, store, "static!new")
	}},
}

func missing(t *testing.T, store ledger.Store, key ledger.Key) {
	t.Helper()
	if document, _, err := store.Read(t.Context(), key); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("read of what is not there: %v, error %v, want ErrNotFound", document, err)
	}
}
