package listing_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/ledgertest"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
)

// newClient returns a client of a project that is the test's own.
func newClient(t *testing.T, host string) *firestore.Client {
	t.Helper()
	t.Setenv("FIRESTORE_EMULATOR_HOST", host)
	client, err := firestore.NewClient(t.Context(), fmt.Sprintf("listing-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// listed is a store in Firestore with its listings.
type listed struct {
	*firestoreledger.Store
	*listing.Firestore
}

func TestFirestore(t *testing.T) {
	client := newClient(t, testkit.FirestoreHost(t))
	var opened atomic.Int64
	ledgertest.RunLister(t, func(*testing.T) ledgertest.ListingStore {
		collection := fmt.Sprintf("deliveries-%d", opened.Add(1))
		return listed{firestoreledger.New(client, collection), listing.NewFirestore(client, collection)}
	})
}

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
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	grpcServer := grpc.NewServer()
	firestorepb.RegisterFirestoreServer(grpcServer, server)
	go func() { _ = grpcServer.Serve(listener) }()
	t.Cleanup(grpcServer.Stop)
	listings := listing.NewFirestore(newClient(t, listener.Addr().String()), "deliveries")
	for name, test := range map[string]struct {
		list   func(context.Context) ([]listing.Entry, error)
		field  string
		orders []string
	}{
		"state": {func(ctx context.Context) ([]listing.Entry, error) {
			return listings.ListState(ctx, ledger.Claimed, "static!1", 10)
		}, "state", []string{"__name__ ASCENDING"}},
		"resource": {func(ctx context.Context) ([]listing.Entry, error) {
			return listings.ListResource(ctx, "abc", "batches/abc")
		}, "resource_id", nil},
		"since": {func(ctx context.Context) ([]listing.Entry, error) {
			return listings.ListSince(ctx, time.Now(), 10)
		}, "received_at", []string{"received_at DESCENDING"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := test.list(t.Context()); !errors.Is(err, listing.ErrNotListed) {
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
