// Package firestoreledger keeps a ledger's documents in Firestore.
//
// Each step of the ledger is one write with a precondition: that the document does not exist, or
// that it was last updated when the claimant says. Firestore checks and writes atomically and
// answers with the new update time, so a step costs one round trip.
//
// Where many write one document at the same time, Firestore aborts some of the writes and asks for
// another try (https://cloud.google.com/firestore/docs/understand-error-codes). An aborted write
// has changed nothing, so the store tries it again until the context of the step ends.
//
// A write that Firestore carried out and whose answer was lost is sent again by the client library,
// and then fails for its precondition. A claim so lost is found in flight until its lease ends:
// later, never twice.
//
// With FIRESTORE_EMULATOR_HOST set, the client given to New talks to the emulator.
package firestoreledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/retry"
)

// Store is a collection of Firestore, one document per delivery. It is safe for concurrent use.
type Store struct{ documents *firestore.CollectionRef }

var _ ledger.Store = (*Store)(nil)

// New returns the store in a collection. The caller closes the client.
func New(client *firestore.Client, collection string) *Store {
	return &Store{documents: client.Collection(collection)}
}

// Create implements ledger.Store.
func (s *Store) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	d := storable(document)
	written, err := untilNotAborted(ctx, func() (*firestore.WriteResult, error) {
		return s.documents.Doc(string(key)).Create(ctx, d)
	})
	if status.Code(err) == codes.AlreadyExists {
		return ledger.Version{}, ledger.ErrExists
	}
	if err != nil {
		return ledger.Version{}, err
	}
	return written.UpdateTime, nil
}

// Read implements ledger.Store.
func (s *Store) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	snapshot, err := s.documents.Doc(string(key)).Get(ctx)
	if status.Code(err) == codes.NotFound {
		return nil, ledger.Version{}, ledger.ErrNotFound
	}
	if err != nil {
		return nil, ledger.Version{}, err
	}
	var document ledger.Document
	if err := snapshot.DataTo(&document); err != nil {
		return nil, ledger.Version{}, fmt.Errorf("decode document: %w", err)
	}
	return &document, snapshot.UpdateTime, nil
}

// Replace implements ledger.Store.
func (s *Store) Replace(ctx context.Context, key ledger.Key, version ledger.Version, document *ledger.Document) (ledger.Version, error) {
	d := storable(document)
	return s.update(ctx, key, version, []firestore.Update{
		{Path: "state", Value: d.State},
		{Path: "attempt", Value: d.Attempt},
		{Path: "lease_expires_at", Value: d.LeaseExpiresAt},
		{Path: "webhook_id", Value: d.WebhookID},
		{Path: "tenant", Value: d.Tenant},
		{Path: "scheme", Value: d.Scheme},
		{Path: "type", Value: d.Type},
		{Path: "resource_id", Value: d.ResourceID},
		{Path: "topic", Value: d.Topic},
		{Path: "payload", Value: d.Payload},
		{Path: "attributes", Value: d.Attributes},
		{Path: "received_at", Value: d.ReceivedAt},
		{Path: "expires_at", Value: d.ExpiresAt},
		{Path: "settled_at", Value: d.SettledAt},
		{Path: "message_id", Value: d.MessageID},
	})
}

// Finish implements ledger.Store.
func (s *Store) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	changes := []firestore.Update{
		{Path: "state", Value: outcome.State},
		{Path: "message_id", Value: outcome.MessageID},
	}
	if !outcome.At.IsZero() {
		changes = append(changes, firestore.Update{Path: "settled_at", Value: outcome.At})
	}
	_, err := s.update(ctx, key, version, changes)
	return err
}

func (s *Store) update(ctx context.Context, key ledger.Key, version ledger.Version, changes []firestore.Update) (ledger.Version, error) {
	written, err := untilNotAborted(ctx, func() (*firestore.WriteResult, error) {
		return s.documents.Doc(string(key)).Update(ctx, changes, firestore.LastUpdateTime(version))
	})
	switch status.Code(err) {
	case codes.OK:
		return written.UpdateTime, nil
	case codes.FailedPrecondition, codes.NotFound:
		return ledger.Version{}, ledger.ErrChanged
	}
	return ledger.Version{}, err
}

// firstPause is the pause after the first write that is aborted. It doubles with each, up to
// maxPause.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

// untilNotAborted tries a write again for as long as Firestore aborts it. When ctx ends it returns
// the last error.
func untilNotAborted(ctx context.Context, write func() (*firestore.WriteResult, error)) (*firestore.WriteResult, error) {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		written, err := write()
		if status.Code(err) != codes.Aborted || retry.Wait(ctx, pause) != nil {
			return written, err
		}
	}
}

// storable returns the document with strings that Firestore takes: a webhook-id may be any bytes, a
// string there is UTF-8. The key distinguishes ids, not this field.
func storable(document *ledger.Document) *ledger.Document {
	copied := *document
	copied.WebhookID = strings.ToValidUTF8(document.WebhookID, "\uFFFD")
	return &copied
}
