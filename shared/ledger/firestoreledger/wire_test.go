package firestoreledger_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// refusing is a Firestore whose writes fail, each with the next code; the last one stays.
type refusing struct {
	firestorepb.UnimplementedFirestoreServer
	codes  []codes.Code
	writes atomic.Int64
}

func (r *refusing) Commit(context.Context, *firestorepb.CommitRequest) (*firestorepb.CommitResponse, error) {
	i := int(r.writes.Add(1)) - 1
	return nil, status.Error(r.codes[min(i, len(r.codes)-1)], "as the test says")
}

// TestCodes goes through what Firestore can answer to a write. After Unavailable the client library
// tries again: if the first write had been carried out, the second finds its own document in the
// way.
func TestCodes(t *testing.T) {
	for name, test := range map[string]struct {
		codes  []codes.Code
		create error // nil: none of the ledger's
		update error
	}{
		"exists":              {[]codes.Code{codes.AlreadyExists}, ledger.ErrExists, nil},
		"failed precondition": {[]codes.Code{codes.FailedPrecondition}, nil, ledger.ErrChanged},
		"not found":           {[]codes.Code{codes.NotFound}, nil, ledger.ErrChanged},
		"aborted":             {[]codes.Code{codes.Aborted}, nil, nil},
		"permission denied":   {[]codes.Code{codes.PermissionDenied}, nil, nil},
		"deadline exceeded":   {[]codes.Code{codes.DeadlineExceeded}, nil, nil},
		"own create":          {[]codes.Code{codes.Unavailable, codes.AlreadyExists}, ledger.ErrExists, nil},
		"own update":          {[]codes.Code{codes.Unavailable, codes.FailedPrecondition}, nil, ledger.ErrChanged},
	} {
		t.Run(name, func(t *testing.T) {
			server := &refusing{codes: test.codes}
			store := firestoreledger.New(newClient(t, serve(t, server)), "deliveries")
			attempt := func(step string, want error, write func(context.Context) error) {
				t.Helper()
				server.writes.Store(0)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				err := write(ctx)
				if err == nil {
					t.Fatalf("%s succeeded", step)
				}
				for _, known := range []error{ledger.ErrExists, ledger.ErrChanged, ledger.ErrNotFound} {
					if errors.Is(err, known) != (known == want) {
						t.Errorf("%s: error %v, want %v", step, err, want)
					}
				}
			}
			attempt("create", test.create, func(ctx context.Context) error {
				_, err := store.Create(ctx, "static!1", &ledger.Document{})
				return err
			})
			attempt("replace", test.update, func(ctx context.Context) error {
				_, err := store.Replace(ctx, "static!1", time.Now(), &ledger.Document{})
				return err
			})
			attempt("finish", test.update, func(ctx context.Context) error {
				return store.Finish(ctx, "static!1", time.Now(), ledger.Outcome{State: ledger.Released})
			})
		})
	}
}

// serve starts a Firestore and returns its address.
func serve(t *testing.T, server firestorepb.FirestoreServer) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	grpcServer := grpc.NewServer()
	firestorepb.RegisterFirestoreServer(grpcServer, server)
	go func() { _ = grpcServer.Serve(listener) }()
	t.Cleanup(grpcServer.Stop)
	return listener.Addr().String()
}
