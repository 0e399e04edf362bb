// Package deliveries reads the ledger for people: lists of deliveries, newest first, and single
// ones whole.
//
// The receiver needs no index, so the ledger's collection has few: received_at, and each of state,
// type and tenant together with it, all newest first (terraform/modules/backend). Firestore answers
// several equality filters under one order by merging those. Every query here keeps to that. A
// deployment with listing = false has none of them: there a delivery is found only by its key.
package deliveries

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/ledger"
)

var (
	// ErrNotFound is returned by Get for a key without a document.
	ErrNotFound = errors.New("no such delivery in the ledger")
	// ErrNotListed is returned by List, and by a Watch, where Firestore has no index to answer them
	// by: listing is off in Terraform, or the indexes are still being built.
	ErrNotListed = errors.New("the ledger cannot be listed")
)

// ListingAdvice says what to do about ErrNotListed. Firestore's own text offers a link that makes
// an index.
const ListingAdvice = "set listing = true in Terraform and apply, or wait if its indexes are being built;\n" +
	"make no index by Firestore's link: it caps the rate of deliveries, and Terraform does not know of it"

// A Delivery is a ledger's document with its key.
type Delivery struct {
	Key    ledger.Key
	ReadAt time.Time // by Firestore's clock
	ledger.Document
}

// A Filter says which deliveries are wanted. The zero Filter wants all.
type Filter struct {
	State  ledger.State
	Type   string
	Tenant *string   // a pointer to "" wants those of static webhooks
	Since  time.Time // received then or later
	Until  time.Time // received before
	Limit  int       // how many at most, the newest; 0 is all
	// Results wants the result messages on record in place of the deliveries.
	Results bool
}

// Reader reads one ledger. It is safe for concurrent use.
type Reader struct {
	// Call bounds the fetching of one page of a list; nil does not. Set it before anything else is
	// done.
	Call func(context.Context) (context.Context, context.CancelFunc)

	documents *firestore.CollectionRef
}

// NewReader returns a reader of the ledger in a collection. The caller closes the client.
func NewReader(client *firestore.Client, collection string) *Reader {
	return &Reader{documents: client.Collection(collection)}
}

// listed are the fields that List fetches: all but what can be large.
var listed = []string{
	"state", "attempt", "lease_expires_at", "webhook_id", "tenant", "scheme", "type", "resource_id", "topic",
	"received_at", "expires_at", "settled_at", "message_id",
}

// pageSize is how many documents are fetched at once.
const pageSize = 100

// List yields the deliveries that a filter wants, newest first, without payload and attributes. It
// ends with the first error, which is ErrNotListed where Firestore has no index for it.
func (r *Reader) List(ctx context.Context, filter Filter) iter.Seq2[*Delivery, error] {
	return func(yield func(*Delivery, error) bool) {
		query, yielded := r.query(filter), 0
		size := pageSize
		if filter.Limit > 0 {
			size = min(size, filter.Limit)
		}
		for {
			page, err := r.page(ctx, query.Limit(size))
			for _, snapshot := range page {
				if IsResult(ledger.Key(snapshot.Ref.ID)) != filter.Results {
					continue
				}
				delivery, err := decode(snapshot)
				if !yield(delivery, err) || err != nil {
					return
				}
				if yielded++; yielded == filter.Limit {
					return
				}
			}
			if err != nil {
				yield(nil, listError(err))
				return
			}
			if len(page) < size {
				return
			}
			query, size = query.StartAfter(page[len(page)-1]), pageSize
		}
	}
}

// page returns the documents of one query.
func (r *Reader) page(ctx context.Context, query firestore.Query) ([]*firestore.DocumentSnapshot, error) {
	if r.Call != nil {
		bounded, cancel := r.Call(ctx)
		defer cancel()
		ctx = bounded
	}
	return query.Documents(ctx).GetAll()
}

func (r *Reader) query(filter Filter) firestore.Query {
	query := r.documents.Select(listed...).OrderBy("received_at", firestore.Desc)
	if filter.State != "" {
		query = query.Where("state", "==", string(filter.State))
	}
	if filter.Type != "" {
		query = query.Where("type", "==", filter.Type)
	}
	if filter.Tenant != nil {
		query = query.Where("tenant", "==", *filter.Tenant)
	}
	if !filter.Since.IsZero() {
		query = query.Where("received_at", ">=", filter.Since)
	}
	if !filter.Until.IsZero() {
		query = query.Where("received_at", "<", filter.Until)
	}
	return query
}

// Get returns a delivery whole, or ErrNotFound.
func (r *Reader) Get(ctx context.Context, key ledger.Key) (*Delivery, error) {
	if strings.Contains(string(key), "/") {
		return nil, ErrNotFound // no document has such an id
	}
	snapshot, err := r.documents.Doc(string(key)).Get(ctx)
	if status.Code(err) == codes.NotFound {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return decode(snapshot)
}

func decode(snapshot *firestore.DocumentSnapshot) (*Delivery, error) {
	delivery := &Delivery{Key: ledger.Key(snapshot.Ref.ID), ReadAt: snapshot.ReadTime}
	if err := snapshot.DataTo(&delivery.Document); err != nil {
		return nil, fmt.Errorf("decode the ledger's document %s: %w", snapshot.Ref.ID, err)
	}
	return delivery, nil
}

// resultPrefix begins the keys of result messages, which the collector records in the same ledger.
const resultPrefix = "result!"

// IsResult reports whether a key is that of a result message.
func IsResult(key ledger.Key) bool { return strings.HasPrefix(string(key), resultPrefix) }

// KeyOf returns the key of what a person calls a delivery: the key itself, or the webhook-id of a
// static webhook's delivery, or with a tenant that of a dynamic one's. A delivery by token is known
// by its key alone.
func KeyOf(id, tenant string) ledger.Key {
	for _, prefix := range []string{"static!", "dynamic!", "jwt!", resultPrefix} {
		if strings.HasPrefix(id, prefix) {
			return ledger.Key(id)
		}
	}
	if tenant != "" {
		return ledger.DynamicKey(tenant, id)
	}
	return ledger.StaticKey(id)
}
