package ledgertest

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

const (
	lease     = time.Minute
	retention = 7 * 24 * time.Hour
)

// mark is spelt out: it is a promise to subscribers.
const mark = "ce-redelivered"

// newEntry returns what a claimant writes down of the delivery under key.
func newEntry() ledger.Entry {
	return ledger.Entry{
		WebhookID:  "msg_1",
		Tenant:     "acme",
		Scheme:     "v1a",
		Type:       "batch.succeeded",
		ResourceID: "batch_123",
		Topic:      "gemini-events",
		Payload:    []byte(`{"type":"batch.succeeded"}`),
		Attributes: map[string]string{"ce-type": "batch.succeeded", "ce-id": "msg_1"},
	}
}

// A desk is a ledger in the store of a test, with a clock that the test moves.
type desk struct {
	*testing.T
	store ledger.Store
	*ledger.Ledger

	mu  sync.Mutex
	now time.Time
}

func newDesk(t *testing.T, store ledger.Store) *desk {
	d := &desk{T: t, store: store, now: noon}
	d.Ledger = ledger.New(store, ledger.Options{Lease: lease, Retention: retention, Now: d.time})
	return d
}

func (d *desk) time() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

// claims claims the delivery under key.
func (d *desk) claims() *ledger.Claim {
	d.Helper()
	claim, err := d.Claim(d.T.Context(), key, newEntry())
	if err != nil {
		d.Fatalf("claim: %v", err)
	}
	return claim
}

func (d *desk) settles(claim *ledger.Claim, state ledger.State, messageID string) {
	d.Helper()
	if err := d.Settle(d.T.Context(), claim, state, messageID); err != nil {
		d.Fatalf("settle: %v", err)
	}
}

func (d *desk) releases(claim *ledger.Claim) {
	d.Helper()
	if err := d.Release(d.T.Context(), claim); err != nil {
		d.Fatalf("release: %v", err)
	}
}

// refused claims in vain, returns why, and fails the test if that has changed anything.
func (d *desk) refused() error {
	d.Helper()
	same := unchanged(d.T, d.store, key)
	claim, err := d.Claim(d.T.Context(), key, newEntry())
	if err == nil {
		d.Fatalf("claimed as attempt %d, want a refusal", claim.Attempt)
	}
	same()
	return err
}

// inFlight wants a claim to be refused because somebody holds the delivery for so long.
func (d *desk) inFlight(want time.Duration) {
	d.Helper()
	var inFlight *ledger.InFlight
	if err := d.refused(); !errors.As(err, &inFlight) {
		d.Fatalf("error %v, want *InFlight", err)
	}
	if inFlight.Lease != want {
		d.Errorf("in flight for %s, want %s", inFlight.Lease, want)
	}
}

// settled wants a claim to be refused because the delivery is on a topic.
func (d *desk) settled(state ledger.State, messageID string) {
	d.Helper()
	var settled *ledger.Settled
	if err := d.refused(); !errors.As(err, &settled) {
		d.Fatalf("error %v, want *Settled", err)
	}
	if settled.State != state || settled.MessageID != messageID {
		d.Errorf("settled as %+v, want %s with message %s", settled, state, messageID)
	}
}

// checkClaim wants a claim, made now, to be of that attempt and marked or not.
func (d *desk) checkClaim(claim *ledger.Claim, attempt int, marked bool) {
	d.Helper()
	if claim.Key != key || claim.Attempt != attempt {
		d.Errorf("claim %s attempt %d, want %s attempt %d", claim.Key, claim.Attempt, key, attempt)
	}
	if want := d.time().Add(lease - 5*time.Second); !claim.PublishBy.Equal(want) {
		d.Errorf("publish by %v, want five seconds before the lease ends: %v", claim.PublishBy, want)
	}
	want := newEntry().Attributes
	if marked {
		want[mark] = "true"
	}
	if !maps.Equal(claim.Attributes, want) || claim.Redelivered() != marked {
		d.Errorf("attributes %v, redelivered %t; want %v, %t", claim.Attributes, claim.Redelivered(), want, marked)
	}
}

// claimed is the document of a claim made now, the delivery having been received at some earlier time.
func (d *desk) claimed(attempt int, received time.Time, marked bool) *ledger.Document {
	entry := newEntry()
	if marked {
		entry.Attributes[mark] = "true"
	}
	return &ledger.Document{
		State:          ledger.Claimed,
		Attempt:        attempt,
		LeaseExpiresAt: d.time().Add(lease),
		WebhookID:      entry.WebhookID,
		Tenant:         entry.Tenant,
		Scheme:         entry.Scheme,
		Type:           entry.Type,
		ResourceID:     entry.ResourceID,
		Topic:          entry.Topic,
		Payload:        entry.Payload,
		Attributes:     entry.Attributes,
		ReceivedAt:     received,
		ExpiresAt:      received.Add(retention),
	}
}

// A hook is a store in which a test can act between two steps of a claim.
type hook struct {
	ledger.Store
	afterRead func() // runs once, after a read and before its caller goes on
	onCreate  func(ledger.Key) error
}

func (h *hook) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	if h.onCreate != nil {
		if err := h.onCreate(key); err != nil {
			return ledger.Version{}, err
		}
	}
	return h.Store.Create(ctx, key, document)
}

func (h *hook) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	document, version, err := h.Store.Read(ctx, key)
	if act := h.afterRead; act != nil {
		h.afterRead = nil
		act()
	}
	return document, version, err
}
