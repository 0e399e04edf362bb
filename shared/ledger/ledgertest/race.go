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
		d := newDesk(t, store)
		d.checkClaim(d.raceToClaim(), 1, false)
		stored(t, store, key, d.claimed(1, noon, false))
	}},

	{"TakeOverOfAnAbandonedClaim", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.claims()
		d.advance(lease)
		d.checkClaim(d.raceToClaim(), 2, true)
		stored(t, store, key, d.claimed(2, noon, true))
	}},

	{"TakeOverOfAReleasedClaim", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.releases(d.claims())
		d.checkClaim(d.raceToClaim(), 2, false)
		stored(t, store, key, d.claimed(2, noon, false))
	}},

	{"TakeOverLostAfterTheRead", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.claims()
		d.advance(lease)
		var second *ledger.Claim
		hooked := ledger.New(&hook{Store: store, afterRead: func() { second = d.claims() }},
			ledger.Options{Lease: lease, Retention: retention, Now: d.time})
		claim, err := hooked.Claim(t.Context(), key, newEntry())
		var inFlight *ledger.InFlight
		if !errors.As(err, &inFlight) || inFlight.Lease <= 0 || inFlight.Lease > lease {
			t.Errorf("claim %v, error %v, want *InFlight for at most a lease", claim, err)
		}
		stored(t, store, key, d.claimed(2, noon, true))
		d.settles(second, ledger.Published, "m-2")
	}},

	{"SettledAfterTheReadOfATakeOver", func(t *testing.T, store ledger.Store) {
		// The first claimant settles late, between the read and the write of whoever takes over: nothing may be published.
		d := newDesk(t, store)
		first := d.claims()
		d.advance(lease)
		hooked := ledger.New(&hook{Store: store, afterRead: func() { d.settles(first, ledger.Published, "m-1") }},
			ledger.Options{Lease: lease, Retention: retention, Now: d.time})
		if claim, err := hooked.Claim(t.Context(), key, newEntry()); err == nil {
			t.Errorf("took over a settled delivery as attempt %d", claim.Attempt)
		}
		d.settled(ledger.Published, "m-1")
	}},

	{"SettleAgainstTakeOver", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		for i := range 10 {
			key := ledger.StaticKey(fmt.Sprint(i))
			first, err := d.Claim(t.Context(), key, newEntry())
			if err != nil {
				t.Fatal(err)
			}
			d.advance(lease)
			var both sync.WaitGroup
			var settleErr, claimErr error
			both.Go(func() { settleErr = d.Settle(t.Context(), first, ledger.Published, "m-1") })
			both.Go(func() { _, claimErr = d.Claim(t.Context(), key, newEntry()) })
			both.Wait()
			if (settleErr == nil) == (claimErr == nil) {
				t.Errorf("settle: %v; take-over: %v; want one of them to win", settleErr, claimErr)
			}
		}
	}},
}

// race has the contenders act at the same time. Exactly one must win and the others fail with the error; then check is
// told the winner.
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

// raceToClaim has the contenders claim at the same time, wants exactly one to win and the others to find it in flight,
// and returns the winner's claim.
func (d *desk) raceToClaim() *ledger.Claim {
	d.Helper()
	claims := make([]*ledger.Claim, contenders)
	errs := together(func(i int) (err error) {
		claims[i], err = d.Claim(d.T.Context(), key, newEntry())
		return err
	})
	var won *ledger.Claim
	for i, err := range errs {
		var inFlight *ledger.InFlight
		switch {
		case err == nil && won != nil:
			d.Errorf("%d has won, and it was not the first", i)
		case err == nil:
			won = claims[i]
		case !errors.As(err, &inFlight):
			d.Errorf("%d: error %v, want *InFlight", i, err)
		case inFlight.Lease <= 0 || inFlight.Lease > lease:
			d.Errorf("%d: in flight for %s of a lease of %s", i, inFlight.Lease, lease)
		}
	}
	if won == nil {
		d.Fatal("nobody has won")
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
