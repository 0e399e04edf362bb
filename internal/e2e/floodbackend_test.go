package e2e

import (
	"bytes"
	"context"
	"io"
	"maps"
	"path"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
)

// callCounter stands between a receiver and a backend, passes every call on, and counts them by
// their methods.
type callCounter struct {
	mu    sync.Mutex
	calls map[string]int
}

// inFrontOf returns the address at which calls of a backend are counted.
func (c *callCounter) inFrontOf(t *testing.T, backend string) string {
	t.Helper()
	connection, err := grpc.NewClient(backend, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return serveGRPC(t, func(_ any, from grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(from)
		c.count(path.Base(method))
		return pass(method, from, connection)
	})
}

func (c *callCounter) count(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[method]++
}

func (c *callCounter) counted() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// pass forwards a call from one side to the other. Messages are read as Empty, which keeps all that
// they hold as unknown fields.
func pass(method string, from grpc.ServerStream, connection *grpc.ClientConn) error {
	headers, _ := metadata.FromIncomingContext(from.Context())
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(from.Context(), headers))
	defer cancel()
	to, err := connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	go func() {
		for {
			var request emptypb.Empty
			if err := from.RecvMsg(&request); err == io.EOF {
				_ = to.CloseSend()
				return
			} else if err != nil || to.SendMsg(&request) != nil {
				return // the other direction has the error
			}
		}
	}()
	for {
		var response emptypb.Empty
		if err := to.RecvMsg(&response); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := from.SendMsg(&response); err != nil {
			return err
		}
	}
}

// errorLines keeps the lines of a log that are errors, or no log lines at all, such as a panic's,
// and drops the others.
type errorLines struct {
	mu     sync.Mutex
	begun  []byte // of a line
	errors []string
}

func (l *errorLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(p) {
		l.begun = append(l.begun, line...)
		if !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		if !bytes.HasPrefix(l.begun, []byte("{")) || bytes.Contains(l.begun, []byte(`"severity":"ERROR"`)) {
			l.errors = append(l.errors, string(l.begun))
		}
		l.begun = l.begun[:0]
	}
	return len(p), nil
}

func (l *errorLines) String() string { return strings.Join(l.all(), "") }

func (l *errorLines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.errors
}
