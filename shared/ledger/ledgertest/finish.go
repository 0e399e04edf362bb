package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

var finishRules = []rule{
	{"Settle", func(t *testing.T, store ledger.Store) {
		for _, state := range []ledger.State{ledger.Published, ledger.DeadLettered} {
			t.Run(string(state), func(t *testing.T) {
				key := key + "!" + ledger.Key(state)
				d := newDesk(t, store)
				claim, err := d.Claim(t.Context(), key, newEntry())
				if err != nil {
					t.Fatal(err)
				}
				want := d.claimed(1, noon, false)
				d.advance(2 * time.Second)
				d.settles(claim, state, "m-1")
				at := d.time()
				want.State, want.SettledAt, want.MessageID = state, &at, "m-1"
				stored(t, store, key, want)
			})
		}
	}},

	{"SettledIsADuplicateForEver", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.settles(d.claims(), ledger.Published, "m-1")
		d.settled(ledger.Published, "m-1")
		d.advance(lease)
		d.settled(ledger.Published, "m-1")
		d.advance(retention)
		d.settled(ledger.Published, "m-1")
	}},

	{"DeadLetteredIsADuplicateForEver", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.settles(d.claims(), ledger.DeadLettered, "m-2")
		d.settled(ledger.DeadLettered, "m-2")
		d.advance(lease + retention)
		d.settled(ledger.DeadLettered, "m-2")
	}},

	{"SettleLateButNotTakenOver", func(t *testing.T, store ledger.Store) {
		// The event is on the topic, and nobody else has begun to publish it: writing that down prevents a copy.
		d := newDesk(t, store)
		claim := d.claims()
		d.advance(2 * lease)
		d.settles(claim, ledger.Published, "m-1")
		d.settled(ledger.Published, "m-1")
	}},

	{"SettleAfterTakeOver", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		first := d.claims()
		d.advance(lease)
		second := d.claims()
		d.lost("settle", first, func() error { return d.Settle(t.Context(), first, ledger.Published, "m-1") })
		d.settles(second, ledger.Published, "m-2")
		d.lost("settle", first, func() error { return d.Settle(t.Context(), first, ledger.Published, "m-1") })
		d.settled(ledger.Published, "m-2")
	}},

	{"SettleAfterRelease", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		claim := d.claims()
		d.releases(claim)
		d.lost("settle", claim, func() error { return d.Settle(t.Context(), claim, ledger.Published, "m-1") })
	}},

	{"SettleTwice", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		claim := d.claims()
		d.settles(claim, ledger.Published, "m-1")
		d.lost("settle", claim, func() error { return d.Settle(t.Context(), claim, ledger.Published, "m-1") })
		d.lost("settle", claim, func() error { return d.Settle(t.Context(), claim, ledger.DeadLettered, "m-2") })
	}},

	{"ReleaseAfterTakeOver", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		first := d.claims()
		d.advance(lease)
		second := d.claims()
		d.lost("release", first, func() error { return d.Release(t.Context(), first) })
		d.inFlight(lease)
		d.settles(second, ledger.Published, "m-2")
	}},

	{"ReleaseAfterSettle", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		claim := d.claims()
		d.settles(claim, ledger.Published, "m-1")
		d.lost("release", claim, func() error { return d.Release(t.Context(), claim) })
		d.settled(ledger.Published, "m-1")
	}},

	{"ReleaseTwice", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		claim := d.claims()
		d.releases(claim)
		d.lost("release", claim, func() error { return d.Release(t.Context(), claim) })
		second := d.claims()
		d.lost("release", claim, func() error { return d.Release(t.Context(), claim) })
		d.settles(second, ledger.Published, "m-1")
	}},

	{"ReleaseWritesTheStateOnly", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		claim := d.claims()
		want := d.claimed(1, noon, false)
		d.advance(time.Second)
		d.releases(claim)
		want.State = ledger.Released
		stored(t, store, key, want)
	}},
}

// lost wants a step with a lost claim to fail with ErrLost and to change nothing.
func (d *desk) lost(step string, claim *ledger.Claim, take func() error) {
	d.Helper()
	same := unchanged(d.T, d.store, claim.Key)
	if err := take(); !errors.Is(err, ledger.ErrLost) {
		d.Errorf("%s with a lost claim: error %v, want ErrLost", step, err)
	}
	same()
}
