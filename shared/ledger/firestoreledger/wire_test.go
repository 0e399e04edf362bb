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
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// refusing is a Firestore whose writes end each with the next code; the last one stays.
type refusing struct {
	firestorepb.UnimplementedFirestoreServer
	codes   []codes.Code
	writes  atomic.Int64
	onWrite func(write int) // with 1 for the first; may be nil
}

func (r *refusing) Commit(context.Context, *firestorepb.CommitRequest) (*firestorepb.CommitResponse, error) {
	write := int(r.writes.Add(1))
	if r.onWrite != nil {
		r.onWrite(write)
	}
	if code := r.codes[min(write, len(r.codes))-1]; code != codes.OK {
		return nil, status.Error(code, "as the test says")
	}
	return &firestorepb.CommitResponse{WriteResults: []*firestorepb.WriteResult{{UpdateTime: timestamppb.Now()}}}, nil
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
		"exists in the end":   {[]codes.Code{codes.Aborted, codes.Aborted, codes.AlreadyExists}, ledger.ErrExists, nil},
		"changed in the end":  {[]codes.Code{codes.Aborted, codes.Aborted, codes.FailedPrecondition}, nil, ledger.ErrChanged},
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

// A write that Firestore aborts because others are in its way is tried again until it succeeds, or
// until its context ends.
func TestAborted(t *testing.T) {
	for name, write := range map[string]func(context.Context, *firestoreledger.Store) error{
		"create": func(ctx context.Context, store *firestoreledger.Store) error {
			_, err := store.Create(ctx, "static!1", &ledger.Document{})
			return err
		},
		"replace": func(ctx context.Context, store *firestoreledger.Store) error {
			_, err := store.Replace(ctx, "static!1", time.Now(), &ledger.Document{})
			return err
		},
		"finish": func(ctx context.Context, store *firestoreledger.Store) error {
			return store.Finish(ctx, "static!1", time.Now(), ledger.Outcome{State: ledger.Released})
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := &refusing{codes: []codes.Code{codes.Aborted, codes.Aborted, codes.OK}}
			if err := write(t.Context(), firestoreledger.New(newClient(t, serve(t, server)), "deliveries")); err != nil {
				t.Error(err)
			}
			if got := server.writes.Load(); got != 3 {
				t.Errorf("%d writes, want 3", got)
			}
		})
		t.Run(name+" until its context ends", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server := &refusing{codes: []codes.Code{codes.Aborted}, onWrite: func(write int) {
				if write == 3 {
					cancel()
				}
			}}
			if err := write(ctx, firestoreledger.New(newClient(t, serve(t, server)), "deliveries")); err == nil {
				t.Error("no error")
			}
			if got := server.writes.Load(); got != 3 {
				t.Errorf("%d writes, want 3", got)
			}
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
