package ledgertest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gemhook/gemhook/shared/ledger"
)

// contenders is how many do the same at the same time.
const contenders = 50

var raceRules = []rule{
	{"Create", func(t *testing.T, store ledger.Store) {
		race(t, ledger.ErrExists, func(i int) error {
			document := newDocument()
			document.MessageID = fmt.Sprint(i)
			_, err := store.Create(t.Context(), key, document)
			return err
		}, func(winner int) {
			want := newDocument()
			want.MessageID = fmt.Sprint(winner)
			stored(t, store, key, want)
		})
	}},

	{"Replace", func(t *testing.T, store ledger.Store) {
		version := create(t, store, key, newDocument())
		race(t, ledger.ErrChanged, func(i int) error {
			document := newDocument()
			document.Attempt = 100 + i
			_, err := store.Replace(t.Context(), key, version, document)
			return err
		}, func(winner int) {
			want := newDocument()
			want.Attempt = 100 + winner
			stored(t, store, key, want)
		})
	}},

	{"Finish", func(t *testing.T, store ledger.Store) {
		document := newDocument()
		document.State = ledger.Claimed
		version := create(t, store, key, document)
		race(t, ledger.ErrChanged, func(i int) error {
			return store.Finish(t.Context(), key, version, ledger.Outcome{State: ledger.Published, At: noon, MessageID: fmt.Sprint(i)})
		}, func(winner int) {
			want := newDocument()
			at := noon
			want.SettledAt, want.MessageID = &at, fmt.Sprint(winner)
			stored(t, store, key, want)
		})
	}},

	{"FirstClaim", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.checkClaim(f.raceToClaim(), 1, false)
		stored(t, store, key, f.claimed(1, noon, false))
	}},

	{"TakeOverOfAnAbandonedClaim", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.claims()
		f.advance(lease)
		f.checkClaim(f.raceToClaim(), 2, true)
		stored(t, store, key, f.claimed(2, noon, true))
	}},

	{"TakeOverOfAReleasedClaim", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.releases(f.claims())
		f.checkClaim(f.raceToClaim(), 2, false)
		stored(t, store, key, f.claimed(2, noon, false))
	}},

	{"TakeOverLostAfterTheRead", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.claims()
		f.advance(lease)
		var second *ledger.Claim
		hooked := ledger.New(&hook{Store: store, afterRead: func() { second = f.claims() }},
			ledger.Options{Lease: lease, Retention: retention, Now: f.time})
		result, err := hooked.Claim(t.Context(), newMessage())
		if err != nil || result.Standing != ledger.InFlight || result.Lease <= 0 || result.Lease > lease {
			t.Errorf("claim: %+v, error %v, want it in flight for at most a lease", result, err)
		}
		stored(t, store, key, f.claimed(2, noon, true))
		f.settles(second, "m-2")
	}},

	{"SettledAfterTheReadOfATakeOver", func(t *testing.T, store ledger.Store) {
		// The first claimant settles late, between the read and the write of the one that takes
		// over: nothing may be published.
		f := newFixture(t, store)
		first := f.claims()
		f.advance(lease)
		hooked := ledger.New(&hook{Store: store, afterRead: func() { f.settles(first, "m-1") }},
			ledger.Options{Lease: lease, Retention: retention, Now: f.time})
		if result, err := hooked.Claim(t.Context(), newMessage()); err != nil || result.Standing == ledger.Mine {
			t.Errorf("claim of a settled delivery: %+v, error %v", result, err)
		}
		f.settled(ledger.Published, "m-1")
	}},

	{"SettleAgainstTakeOver", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		for i := range 10 {
			message := newMessage()
			message.Key = ledger.StaticKey(fmt.Sprint(i))
			first := f.mine(f.Claim(t.Context(), message))
			f.advance(lease)
			var both sync.WaitGroup
			var settleErr, claimErr error
			var result ledger.ClaimResult
			both.Go(func() { settleErr = f.Settle(t.Context(), first, "m-1") })
			both.Go(func() { result, claimErr = f.Claim(t.Context(), message) })
			both.Wait()
			tookOver := claimErr == nil && result.Standing == ledger.Mine
			if claimErr != nil || (settleErr == nil) == tookOver {
				t.Errorf("settle: %v; claim: %+v, %v; want one of them to win", settleErr, result, claimErr)
			}
		}
	}},
}

// race has the contenders act at the same time. Exactly one must win and the others fail with the
// error; then check is called with the winner.
func race(t *testing.T, loses error, act func(i int) error, check func(winner int)) {
	t.Helper()
	winner := -1
	for i, err := range together(act) {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%d and %d have both won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, loses):
			t.Errorf("%d: error %v, want %v", i, err, loses)
		}
	}
	if winner < 0 {
		t.Fatal("nobody has won")
	}
	check(winner)
}

// raceToClaim has the contenders claim at the same time, wants exactly one to win and the others to
// find it in flight, and returns the winner's claim.
func (f *fixture) raceToClaim() *ledger.Claim {
	f.Helper()
	results := make([]ledger.ClaimResult, contenders)
	errs := together(func(i int) (err error) {
		results[i], err = f.Claim(f.T.Context(), newMessage())
		return err
	})
	var won *ledger.Claim
	for i, result := range results {
		switch {
		case errs[i] != nil:
			f.Errorf("%d: %v", i, errs[i])
		case result.Standing == ledger.Mine && won != nil:
			f.Errorf("%d has won, and it was not the first", i)
		case result.Standing == ledger.Mine:
			won = result.Claim
		case result.Standing != ledger.InFlight || result.Lease <= 0 || result.Lease > lease:
			f.Errorf("%d: %+v, want it in flight for at most %s", i, result, lease)
		}
	}
	if won == nil {
		f.Fatal("nobody has won")
	}
	return won
}

// together runs act once per contender, all at the same time, and returns their errors.
func together(act func(i int) error) []error {
	errs := make([]error, contenders)
	start := make(chan struct{})
	var running sync.WaitGroup
	for i := range contenders {
		running.Go(func() {
			<-start
			errs[i] = act(i)
		})
	}
	close(start)
	running.Wait()
	return errs
}
