package ledgertest

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

var claimRules = []rule{
	{"First", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.checkClaim(d.claims(), 1, false)
		stored(t, store, key, d.claimed(1, noon, false))
	}},

	{"InFlightUntilTheLeaseEnds", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.claims()
		d.inFlight(lease)
		d.advance(lease - precision)
		d.inFlight(precision)
		d.advance(precision)
		d.checkClaim(d.claims(), 2, true)
	}},

	{"TakeOverWritesTheNewClaim", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.claims()
		d.advance(lease)
		d.claims()
		stored(t, store, key, d.claimed(2, noon, true))
		d.inFlight(lease)
		d.advance(lease + time.Hour)
		d.checkClaim(d.claims(), 3, true)
		stored(t, store, key, d.claimed(3, noon, true))
	}},

	{"TakeOverWritesTheNewEntry", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.releases(d.claims())
		entry := ledger.Entry{
			WebhookID: "msg_1b", Tenant: "umbrella", Scheme: "jwt", Type: "video.generated", ResourceID: "video_1", Topic: "other",
			Payload: []byte("{}"), Attributes: map[string]string{"ce-type": "video.generated"},
		}
		if _, err := d.Claim(t.Context(), key, entry); err != nil {
			t.Fatal(err)
		}
		want := d.claimed(2, noon, false)
		want.WebhookID, want.Tenant, want.Scheme, want.Type = entry.WebhookID, entry.Tenant, entry.Scheme, entry.Type
		want.ResourceID, want.Topic, want.Payload, want.Attributes = entry.ResourceID, entry.Topic, entry.Payload, entry.Attributes
		stored(t, store, key, want)
	}},

	{"ReleasedIsFreeAtOnceAndNotMarked", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.releases(d.claims())
		second := d.claims()
		d.checkClaim(second, 2, false)
		stored(t, store, key, d.claimed(2, noon, false))
		d.inFlight(lease)
		d.releases(second)
		d.advance(10 * lease)
		d.checkClaim(d.claims(), 3, false)
		stored(t, store, key, d.claimed(3, noon, false))
	}},

	{"ReleasedAfterAnAbandonedClaimIsMarked", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.claims() // abandoned: may have been published
		d.advance(lease)
		second := d.claims()
		d.checkClaim(second, 2, true)
		d.releases(second)
		third := d.claims()
		d.checkClaim(third, 3, true)
		d.releases(third)
		d.checkClaim(d.claims(), 4, true)
		stored(t, store, key, d.claimed(4, noon, true))
	}},

	{"AbandonedAfterReleasedIsMarked", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.releases(d.claims())
		d.checkClaim(d.claims(), 2, false)
		d.advance(lease)
		d.checkClaim(d.claims(), 3, true)
	}},

	{"TheMarkIsNotInTheCallersEntry", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.claims()
		d.advance(lease)
		entry := newEntry()
		if _, err := d.Claim(t.Context(), key, entry); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(entry.Attributes, newEntry().Attributes) {
			t.Errorf("the caller's attributes have become %v", entry.Attributes)
		}
	}},

	{"WithoutAttributes", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		entry := ledger.Entry{WebhookID: "msg_1"}
		if _, err := d.Claim(t.Context(), key, entry); err != nil {
			t.Fatal(err)
		}
		d.advance(lease)
		claim, err := d.Claim(t.Context(), key, entry)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(claim.Attributes, map[string]string{mark: "true"}) {
			t.Errorf("attributes %v, want the mark alone", claim.Attributes)
		}
	}},

	{"AnotherKeyIsAnotherDelivery", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		d.claims()
		if _, err := d.Claim(t.Context(), "dynamic!acme!msg_1", newEntry()); err != nil {
			t.Errorf("claim of another key: %v", err)
		}
		d.inFlight(lease)
	}},

	{"ClaimantKeepsItsAttributes", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, store)
		entry := newEntry()
		claim, err := d.Claim(t.Context(), key, entry)
		if err != nil {
			t.Fatal(err)
		}
		claim.Attributes[mark], entry.Payload[0] = "true", '#'
		stored(t, store, key, d.claimed(1, noon, false))
	}},

	{"VanishedBetweenCreateAndRead", func(t *testing.T, store ledger.Store) {
		first := true
		d := newDesk(t, &hook{Store: store, onCreate: func(ledger.Key) error {
			if first {
				first = false
				return ledger.ErrExists // and the read finds nothing: its retention has ended since
			}
			return nil
		}})
		d.checkClaim(d.claims(), 1, false)
		stored(t, store, key, d.claimed(1, noon, false))
	}},

	{"VanishingForEver", func(t *testing.T, store ledger.Store) {
		d := newDesk(t, &hook{Store: store, onCreate: func(ledger.Key) error { return ledger.ErrExists }})
		claim, err := d.Claim(t.Context(), key, newEntry())
		var inFlight *ledger.InFlight
		var settled *ledger.Settled
		if err == nil || errors.As(err, &inFlight) || errors.As(err, &settled) {
			t.Errorf("claim %v, error %v, want an error that says nothing about the delivery", claim, err)
		}
		missing(t, store, key)
	}},
}
