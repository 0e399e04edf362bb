package firestoreledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// indexless is a Firestore that keeps the queries and has an index for none. The emulator has one
// for each.
type indexless struct {
	firestorepb.UnimplementedFirestoreServer
	query *firestorepb.StructuredQuery
}

func (i *indexless) RunQuery(request *firestorepb.RunQueryRequest, _ firestorepb.Firestore_RunQueryServer) error {
	i.query = request.GetStructuredQuery()
	return status.Error(codes.FailedPrecondition, "The query requires an index.")
}

// TestIndexes holds the listings to the indexes that Terraform makes: a query with a field more
// would need another.
func TestIndexes(t *testing.T) {
	server := &indexless{}
	store := firestoreledger.New(newClient(t, serve(t, server)), "deliveries")
	for name, test := range map[string]struct {
		list   func(context.Context) ([]ledger.Entry, error)
		field  string
		orders []string
	}{
		"state": {func(ctx context.Context) ([]ledger.Entry, error) {
			return store.ListState(ctx, ledger.Claimed, "static!1", 10)
		}, "state", []string{"__name__ ASCENDING"}},
		"resource": {func(ctx context.Context) ([]ledger.Entry, error) {
			return store.ListResource(ctx, "abc", "batches/abc")
		}, "resource_id", nil},
		"since": {func(ctx context.Context) ([]ledger.Entry, error) {
			return store.ListSince(ctx, time.Now(), 10)
		}, "received_at", []string{"received_at DESCENDING"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := test.list(t.Context()); !errors.Is(err, ledger.ErrNotListed) {
				t.Errorf("error %v, want ErrNotListed", err)
			}
			filter := server.query.GetWhere().GetFieldFilter()
			if got := filter.GetField().GetFieldPath(); got != test.field {
				t.Errorf("filters by %q, want %q alone: %v", got, test.field, server.query.GetWhere())
			}
			var orders []string
			for _, order := range server.query.GetOrderBy() {
				orders = append(orders, order.GetField().GetFieldPath()+" "+order.GetDirection().String())
			}
			if len(orders) != len(test.orders) || len(orders) == 1 && orders[0] != test.orders[0] {
				t.Errorf("ordered by %q, want %q", orders, test.orders)
			}
			for _, field := range server.query.GetSelect().GetFields() {
				if path := field.GetFieldPath(); path == "payload" || path == "attributes" {
					t.Errorf("it fetches %s", path)
				}
			}
		})
	}
}
