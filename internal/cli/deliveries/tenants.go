package deliveries

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An Activity is what the ledger has of a tenant's deliveries, without result messages.
type Activity struct {
	Tenant string
	Latest time.Time // when its newest delivery was received; zero if there is none
	Count  int64     // of deliveries received since the time asked for
}

// NextTenant returns the activity of the next tenant after another in the order of names, or of the
// first one after "". It returns nil after the last. The error is ErrNotListed where Firestore has
// no index for it.
//
// The index by tenant and received_at answers with one entry and with counts of entries: Firestore
// bills a few reads for each tenant, and one for each thousand deliveries.
func (r *Reader) NextTenant(ctx context.Context, after string, since time.Time) (*Activity, error) {
	first, err := r.page(ctx, r.tenantsAfter(after).Limit(1))
	if err != nil {
		return nil, listError(err)
	}
	if len(first) == 0 {
		return nil, nil
	}
	newest, err := decode(first[0])
	if err != nil {
		return nil, err
	}
	a := &Activity{Tenant: newest.Tenant, Latest: newest.ReceivedAt}
	if IsResult(newest.Key) {
		a.Latest = time.Time{}
		for delivery, err := range r.List(ctx, Filter{Tenant: &a.Tenant, Limit: 1}) {
			if err != nil {
				return nil, err
			}
			a.Latest = delivery.ReceivedAt
		}
	}
	if a.Latest.IsZero() || a.Latest.Before(since) {
		return a, nil
	}
	all := r.received(a.Tenant, since)
	if a.Count, err = r.count(ctx, all); err != nil {
		return nil, err
	}
	results, err := r.count(ctx, all.Where("type", "in", resultTypes))
	a.Count -= results
	return a, err
}

// resultTypes are the types of result messages on record.
var resultTypes = []string{"gemhook.result.collected", "gemhook.result.unavailable"}

// tenantsAfter asks for documents of tenants in the order of their names, the newest of each tenant
// first.
func (r *Reader) tenantsAfter(name string) firestore.Query {
	return r.documents.Select("tenant", "received_at").Where("tenant", ">", name).
		OrderBy("tenant", firestore.Asc).OrderBy("received_at", firestore.Desc)
}

// received asks for documents of a tenant received since a time.
func (r *Reader) received(tenant string, since time.Time) firestore.Query {
	return r.documents.Where("tenant", "==", tenant).Where("received_at", ">=", since).OrderBy("received_at", firestore.Desc)
}

func (r *Reader) count(ctx context.Context, query firestore.Query) (int64, error) {
	const name = "documents"
	if r.Call != nil {
		bounded, cancel := r.Call(ctx)
		defer cancel()
		ctx = bounded
	}
	result, err := query.NewAggregationQuery().WithCount(name).Get(ctx)
	if err != nil {
		return 0, listError(err)
	}
	value, isValue := result[name].(*firestorepb.Value)
	if !isValue {
		return 0, fmt.Errorf("list the ledger: a count is a %T", result[name])
	}
	return value.GetIntegerValue(), nil
}

// listError is the error of a query.
func listError(err error) error {
	if status.Code(err) == codes.FailedPrecondition {
		err = fmt.Errorf("%w: %w", ErrNotListed, err)
	}
	return fmt.Errorf("list the ledger: %w", err)
}
