// Package listing finds documents of the ledger by one of their fields: what is left unfinished,
// what is about one batch, what came in lately.
//
// It is apart from package ledger because the receiver, which is to stay small, needs none of it:
// it knows the key of the one document that it asks for. Each listing needs an index in Firestore.
package listing

import (
	"context"
	"errors"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

// ErrNotListed is in the error of a listing for which the store has no index.
var ErrNotListed = errors.New("the ledger has no index for this listing")

// An Entry is what a listing has of a document: all but its payload and attributes, which can be
// large.
type Entry struct {
	Key ledger.Key
	ledger.Document
}

// A Lister finds documents by one field: [*Firestore], or the ledger in memory that tests and
// gemhook dev use. A listing that runs while documents are written may or may not have what changes
// meanwhile, so whoever acts on an entry takes a claim first. It is safe for concurrent use.
type Lister interface {
	// ListState returns the documents in a state, in the order of their keys (by bytes), beginning
	// after a key; "" is before every key. It returns limit of them, or fewer if there are no more.
	ListState(ctx context.Context, state ledger.State, after ledger.Key, limit int) ([]Entry, error)
	// ListResource returns the documents about one of up to 30 resource ids, in no particular
	// order.
	ListResource(ctx context.Context, resourceIDs ...string) ([]Entry, error)
	// ListSince returns at most limit of the documents received at that time or later, the newest
	// first. Unlike the others it needs an index on a field that only grows, which a deployment may
	// go without.
	ListSince(ctx context.Context, since time.Time, limit int) ([]Entry, error)
}
