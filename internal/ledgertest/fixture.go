package ledgertest

import (
	"context"
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

// mark is written out here, since it is a promise to subscribers.
const mark = "ce-redelivered"

// newMessage returns the message of the delivery under key.
func newMessage() ledger.Message {
	return ledger.Message{
		Key:        key,
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

// A fixture is a ledger in the store of a test, with a clock that the test moves.
type fixture struct {
	*testing.T
	store ledger.Store
	*ledger.Ledger

	mu  sync.Mutex
	now time.Time
}

func newFixture(t *testing.T, store ledger.Store) *fixture {
	f := &fixture{T: t, store: store, now: noon}
	f.Ledger = ledger.New(store, ledger.Options{Lease: lease, Retention: retention, Now: f.time})
	return f
}

func (f *fixture) time() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(by)
}

// claims claims the delivery under key.
func (f *fixture) claims() *ledger.Claim {
	f.Helper()
	return f.mine(f.Claim(f.T.Context(), newMessage()))
}

// mine returns the claim of a result that must have one.
func (f *fixture) mine(result ledger.ClaimResult, err error) *ledger.Claim {
	f.Helper()
	if err != nil || result.Standing != ledger.Mine {
		f.Fatalf("claim: %+v, error %v, want the claim", result, err)
	}
	return result.Claim
}

func (f *fixture) settles(claim *ledger.Claim, messageID string) {
	f.Helper()
	if err := f.Settle(f.T.Context(), claim, messageID); err != nil {
		f.Fatalf("settle: %v", err)
	}
}

func (f *fixture) releases(claim *ledger.Claim) {
	f.Helper()
	if err := f.Release(f.T.Context(), claim); err != nil {
		f.Fatalf("release: %v", err)
	}
}

// refused claims without success, wants that to change nothing, and returns the result.
func (f *fixture) refused() ledger.ClaimResult {
	f.Helper()
	same := unchanged(f.T, f.store, key)
	result, err := f.Claim(f.T.Context(), newMessage())
	if err != nil || result.Standing == ledger.Mine {
		f.Fatalf("claim: %+v, error %v, want a refusal", result, err)
	}
	same()
	return result
}

// inFlight wants a claim to be refused because another claimant holds the delivery for so long.
func (f *fixture) inFlight(want time.Duration) {
	f.Helper()
	if got := f.refused(); got != (ledger.ClaimResult{Standing: ledger.InFlight, Lease: want}) {
		f.Errorf("claim: %+v, want it in flight for %s", got, want)
	}
}

// settled wants a claim to be refused because the delivery is on a topic.
func (f *fixture) settled(state ledger.State, messageID string) {
	f.Helper()
	want := ledger.ClaimResult{Standing: ledger.Settled, State: state, MessageID: messageID}
	if got := f.refused(); got != want {
		f.Errorf("claim: %+v, want %+v", got, want)
	}
}

// checkClaim wants a claim, made now, to be of that attempt and marked or not.
func (f *fixture) checkClaim(claim *ledger.Claim, attempt int, marked bool) {
	f.Helper()
	if claim.Key != key || claim.Attempt != attempt {
		f.Errorf("claim %s attempt %d, want %s attempt %d", claim.Key, claim.Attempt, key, attempt)
	}
	if want := f.time().Add(lease - 10*time.Second); !claim.PublishBy.Equal(want) {
		f.Errorf("publish by %v, want ten seconds before the lease ends: %v", claim.PublishBy, want)
	}
	want := newMessage().Attributes
	if marked {
		want[mark] = "true"
	}
	if !maps.Equal(claim.Attributes, want) || claim.Redelivered() != marked {
		f.Errorf("attributes %v, redelivered %t; want %v, %t", claim.Attributes, claim.Redelivered(), want, marked)
	}
}

// claimed is the document of a claim made now, the delivery having been received at some earlier
// time.
func (f *fixture) claimed(attempt int, received time.Time, marked bool) *ledger.Document {
	message := newMessage()
	if marked {
		message.Attributes[mark] = "true"
	}
	return &ledger.Document{
		State:          ledger.Claimed,
		Attempt:        attempt,
		LeaseExpiresAt: f.time().Add(lease),
		WebhookID:      message.WebhookID,
		Tenant:         message.Tenant,
		Scheme:         message.Scheme,
		Type:           message.Type,
		ResourceID:     message.ResourceID,
		Topic:          message.Topic,
		Payload:        message.Payload,
		Attributes:     message.Attributes,
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
