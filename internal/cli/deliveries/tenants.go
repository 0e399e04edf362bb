package deliveries

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An Activity is what the ledger has of a tenant.
type Activity struct {
	Tenant string
	Latest time.Time // when its newest delivery was received
	Count  int64     // of deliveries received since the time asked for
}

// NextTenant returns what there is of the tenant that comes after another in the order of names, or of the first after "". It
// returns nil after the last. The error is ErrNotListed where Firestore has no index for it.
//
// The index by tenant and received_at answers both questions, of one entry and of the entries counted: Firestore bills a read for
// each tenant, and one for each thousand deliveries.
func (r *Reader) NextTenant(ctx context.Context, after string, since time.Time) (*Activity, error) {
	first := r.documents.Select("tenant", "received_at").Where("tenant", ">", after).
		OrderBy("tenant", firestore.Asc).OrderBy("received_at", firestore.Desc).Limit(1).Documents(ctx)
	defer first.Stop()
	snapshot, err := first.Next()
	if errors.Is(err, iterator.Done) {
		return nil, nil
	}
	if err != nil {
		return nil, listError(err)
	}
	newest, err := decode(snapshot)
	if err != nil {
		return nil, err
	}
	a := &Activity{Tenant: newest.Tenant, Latest: newest.ReceivedAt}
	if !a.Latest.Before(since) {
		a.Count, err = r.count(ctx, a.Tenant, since)
	}
	return a, err
}

// count returns how many deliveries of a tenant were received since a time.
func (r *Reader) count(ctx context.Context, tenant string, since time.Time) (int64, error) {
	const name = "deliveries"
	query := r.documents.Where("tenant", "==", tenant).Where("received_at", ">=", since).OrderBy("received_at", firestore.Desc)
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
