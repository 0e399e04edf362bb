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
				f := newFixture(t, store)
				message := newMessage()
				message.Key += "!" + ledger.Key(state)
				if state == ledger.DeadLettered {
					message.Attributes["ce-type"] = "gemhook.dead_letter"
				}
				claim := f.mine(f.Claim(t.Context(), message))
				want := f.claimed(1, noon, false)
				want.Attributes = message.Attributes
				f.advance(2 * time.Second)
				f.settles(claim, "m-1")
				at := f.time()
				want.State, want.SettledAt, want.MessageID = state, &at, "m-1"
				stored(t, store, message.Key, want)
			})
		}
	}},

	{"SettledStaysADuplicate", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.settles(f.claims(), "m-1")
		f.settled(ledger.Published, "m-1")
		f.advance(lease)
		f.settled(ledger.Published, "m-1")
		f.advance(retention)
		f.settled(ledger.Published, "m-1")
	}},

	{"SettleLateButNotTakenOver", func(t *testing.T, store ledger.Store) {
		// The event is on the topic, and no other claimant has begun to publish it: settling it
		// prevents a copy.
		f := newFixture(t, store)
		claim := f.claims()
		f.advance(2 * lease)
		f.settles(claim, "m-1")
		f.settled(ledger.Published, "m-1")
	}},

	{"SettleAfterTakeOver", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		first := f.claims()
		f.advance(lease)
		second := f.claims()
		f.lost("settle", first, func() error { return f.Settle(t.Context(), first, "m-1") })
		f.settles(second, "m-2")
		f.lost("settle", first, func() error { return f.Settle(t.Context(), first, "m-1") })
		f.settled(ledger.Published, "m-2")
	}},

	{"SettleAfterRelease", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		claim := f.claims()
		f.releases(claim)
		f.lost("settle", claim, func() error { return f.Settle(t.Context(), claim, "m-1") })
	}},

	{"SettleTwice", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		claim := f.claims()
		f.settles(claim, "m-1")
		f.lost("settle", claim, func() error { return f.Settle(t.Context(), claim, "m-1") })
	}},

	{"ReleaseAfterTakeOver", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		first := f.claims()
		f.advance(lease)
		second := f.claims()
		f.lost("release", first, func() error { return f.Release(t.Context(), first) })
		f.inFlight(lease)
		f.settles(second, "m-2")
	}},

	{"ReleaseAfterSettle", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		claim := f.claims()
		f.settles(claim, "m-1")
		f.lost("release", claim, func() error { return f.Release(t.Context(), claim) })
		f.settled(ledger.Published, "m-1")
	}},

	{"ReleaseTwice", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		claim := f.claims()
		f.releases(claim)
		f.lost("release", claim, func() error { return f.Release(t.Context(), claim) })
		second := f.claims()
		f.lost("release", claim, func() error { return f.Release(t.Context(), claim) })
		f.settles(second, "m-1")
	}},

	{"ReleaseWritesTheStateOnly", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		claim := f.claims()
		want := f.claimed(1, noon, false)
		f.advance(time.Second)
		f.releases(claim)
		want.State = ledger.Released
		stored(t, store, key, want)
	}},
}

// lost wants a step with a lost claim to fail with ErrLost and to change nothing.
func (f *fixture) lost(step string, claim *ledger.Claim, take func() error) {
	f.Helper()
	same := unchanged(f.T, f.store, claim.Key)
	if err := take(); !errors.Is(err, ledger.ErrLost) {
		f.Errorf("%s with a lost claim: error %v, want ErrLost", step, err)
	}
	same()
}
