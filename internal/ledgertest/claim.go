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
		f := newFixture(t, store)
		f.checkClaim(f.claims(), 1, false)
		stored(t, store, key, f.claimed(1, noon, false))
	}},

	{"InFlightUntilTheLeaseEnds", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.claims()
		f.inFlight(lease)
		f.advance(lease - precision)
		f.inFlight(precision)
		f.advance(precision)
		f.checkClaim(f.claims(), 2, true)
	}},

	{"TakeOverWritesTheNewClaim", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.claims()
		f.advance(lease)
		f.claims()
		stored(t, store, key, f.claimed(2, noon, true))
		f.inFlight(lease)
		f.advance(lease + time.Hour)
		f.checkClaim(f.claims(), 3, true)
		stored(t, store, key, f.claimed(3, noon, true))
	}},

	{"TakeOverWritesTheNewMessage", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.releases(f.claims())
		message := ledger.Message{
			Key:       key,
			WebhookID: "msg_1b", Tenant: "umbrella", Scheme: "jwt", Type: "video.generated", ResourceID: "video_1", Topic: "other",
			Payload: []byte("{}"), Attributes: map[string]string{"ce-type": "video.generated"},
		}
		f.mine(f.Claim(t.Context(), message))
		want := f.claimed(2, noon, false)
		want.WebhookID, want.Tenant, want.Scheme, want.Type = message.WebhookID, message.Tenant, message.Scheme, message.Type
		want.ResourceID, want.Topic, want.Payload, want.Attributes = message.ResourceID, message.Topic, message.Payload, message.Attributes
		stored(t, store, key, want)
	}},

	{"ReleasedIsFreeAtOnceAndNotMarked", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.releases(f.claims())
		second := f.claims()
		f.checkClaim(second, 2, false)
		stored(t, store, key, f.claimed(2, noon, false))
		f.inFlight(lease)
		f.releases(second)
		f.advance(10 * lease)
		f.checkClaim(f.claims(), 3, false)
		stored(t, store, key, f.claimed(3, noon, false))
	}},

	{"ReleasedAfterAnAbandonedClaimIsMarked", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.claims() // abandoned: may have been published
		f.advance(lease)
		second := f.claims()
		f.checkClaim(second, 2, true)
		f.releases(second)
		third := f.claims()
		f.checkClaim(third, 3, true)
		f.releases(third)
		f.checkClaim(f.claims(), 4, true)
		stored(t, store, key, f.claimed(4, noon, true))
	}},

	{"AbandonedAfterReleasedIsMarked", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.releases(f.claims())
		f.checkClaim(f.claims(), 2, false)
		f.advance(lease)
		f.checkClaim(f.claims(), 3, true)
	}},

	{"TheMarkIsNotInTheCallersMessage", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.claims()
		f.advance(lease)
		message := newMessage()
		f.mine(f.Claim(t.Context(), message))
		if !maps.Equal(message.Attributes, newMessage().Attributes) {
			t.Errorf("the caller's attributes have become %v", message.Attributes)
		}
	}},

	{"WithoutAttributes", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		message := ledger.Message{Key: key, WebhookID: "msg_1"}
		f.mine(f.Claim(t.Context(), message))
		f.advance(lease)
		claim := f.mine(f.Claim(t.Context(), message))
		if !maps.Equal(claim.Attributes, map[string]string{mark: "true"}) {
			t.Errorf("attributes %v, want the mark alone", claim.Attributes)
		}
	}},

	{"AnotherKeyIsAnotherDelivery", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.claims()
		other := newMessage()
		other.Key = "dynamic!acme!msg_1"
		f.mine(f.Claim(t.Context(), other))
		f.inFlight(lease)
	}},

	{"ClaimantKeepsItsAttributes", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		message := newMessage()
		claim := f.mine(f.Claim(t.Context(), message))
		claim.Attributes[mark], message.Payload[0] = "true", '#'
		stored(t, store, key, f.claimed(1, noon, false))
	}},

	{"VanishedBetweenCreateAndRead", func(t *testing.T, store ledger.Store) {
		first := true
		f := newFixture(t, &hook{Store: store, onCreate: func(ledger.Key) error {
			if first {
				first = false
				return ledger.ErrExists // and the read finds nothing: its retention has ended in between
			}
			return nil
		}})
		f.checkClaim(f.claims(), 1, false)
		stored(t, store, key, f.claimed(1, noon, false))
	}},

	{"VanishingForEver", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, &hook{Store: store, onCreate: func(ledger.Key) error { return ledger.ErrExists }})
		if result, err := f.Claim(t.Context(), newMessage()); err == nil {
			t.Errorf("claim: %+v, want an error", result)
		}
		missing(t, store, key)
	}},

	{"ResumeWithoutADocument", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		if result, err := f.Resume(t.Context(), key); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("resume: %+v, error %v, want ErrNotFound", result, err)
		}
		missing(t, store, key)
	}},

	{"ResumeTakesOverTheStoredMessage", func(t *testing.T, store ledger.Store) {
		f := newFixture(t, store)
		f.releases(f.claims())
		f.checkClaim(f.mine(f.Resume(t.Context(), key)), 2, false)
		stored(t, store, key, f.claimed(2, noon, false))
		if result, err := f.Resume(t.Context(), key); err != nil || result.Standing != ledger.InFlight {
			t.Errorf("resume of a live claim: %+v, error %v, want it in flight", result, err)
		}
		f.advance(lease)
		claim := f.mine(f.Resume(t.Context(), key))
		f.checkClaim(claim, 3, true)
		f.settles(claim, "m-1")
		if result, err := f.Resume(t.Context(), key); err != nil || result.Standing != ledger.Settled || result.MessageID != "m-1" {
			t.Errorf("resume of a settled delivery: %+v, error %v, want it settled", result, err)
		}
	}},
}
