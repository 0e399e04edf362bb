package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// fixture is a client that reaches a server through a proxy.
type fixture struct {
	client grpc_health_v1.HealthClient
	acted  atomic.Int64 // calls that the server has carried out
}

func newFixture(t *testing.T, choose func(method string) *Fault) *fixture {
	t.Helper()
	s := &fixture{}
	server := grpc.NewServer(grpc.UnaryInterceptor(
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			s.acted.Add(1)
			return handle(ctx, request)
		}))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	proxy, err := New(listener.Addr().String(), &Options{Choose: choose})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	connection, err := grpc.NewClient(proxy.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	s.client = grpc_health_v1.NewHealthClient(connection)
	return s
}

func (s *fixture) call(t *testing.T, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := s.client.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err
}

// once has a fault happen to the second call and to no other.
func once(fault *Fault) func(string) *Fault {
	var calls atomic.Int64
	return func(string) *Fault {
		if calls.Add(1) == 2 {
			return fault
		}
		return nil
	}
}

const (
	patience = 300 * time.Millisecond // with a call that is expected to have no answer
	plenty   = 20 * time.Second       // with any other
)

// Each fault, at each moment, has the effect on a call that it names.
func TestFaults(t *testing.T) {
	for _, kind := range Kinds {
		for _, moment := range Moments {
			t.Run(fmt.Sprintf("%s %s", kind, moment), func(t *testing.T) {
				t.Parallel()
				s := newFixture(t, once(&Fault{Kind: kind, Moment: moment, Delay: patience}))
				if err := s.call(t, plenty); err != nil {
					t.Fatalf("the call before the fault: %v", err)
				}
				begun, allowed := time.Now(), plenty
				if kind == BlackHole {
					allowed = patience
				}
				err := s.call(t, allowed)
				took := time.Since(begun)

				wantCode := map[Kind]codes.Code{
					Delay: codes.OK, Cut: codes.Unavailable, Reset: codes.Unavailable, BlackHole: codes.DeadlineExceeded,
				}[kind]
				if code := status.Code(err); code != wantCode {
					t.Errorf("%v, want %v", err, wantCode)
				}
				if kind == Delay && took < patience {
					t.Errorf("answered after %v, want %v or more", took, patience)
				}
				want := int64(1)
				if kind == Delay || moment == AfterServer {
					want = 2
				}
				if acted := s.acted.Load(); acted != want {
					t.Errorf("the server has acted %d times, want %d", acted, want)
				}
			})
		}
	}
}

// After a connection that was cut, the next call gets a new one.
func TestACutConnectionIsFollowedByAnother(t *testing.T) {
	s := newFixture(t, once(&Fault{Kind: Cut, Moment: BeforeServer}))
	for i, want := range []codes.Code{codes.OK, codes.Unavailable, codes.OK} {
		if code := status.Code(s.call(t, plenty)); code != want {
			t.Errorf("call %d: %v, want %v", i+1, code, want)
		}
	}
}

// A connection that swallows bytes does so until it is closed.
func TestABlackHoleStaysOne(t *testing.T) {
	s := newFixture(t, once(&Fault{Kind: BlackHole, Moment: BeforeServer}))
	for i, want := range []codes.Code{codes.OK, codes.DeadlineExceeded, codes.DeadlineExceeded} {
		allowed := plenty
		if want == codes.DeadlineExceeded {
			allowed = patience
		}
		if code := status.Code(s.call(t, allowed)); code != want {
			t.Errorf("call %d: %v, want %v", i+1, code, want)
		}
	}
}

// gRPC does not always say which of the two it was.
func TestCutAndReset(t *testing.T) {
	for kind, want := range map[Kind]error{Cut: io.EOF, Reset: syscall.ECONNRESET} {
		t.Run(string(kind), func(t *testing.T) {
			server, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			proxy, err := New(server.Addr().String(), &Options{Choose: func(string) *Fault {
				return &Fault{Kind: kind, Moment: BeforeServer}
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer proxy.Close()
			connection, err := net.Dial("tcp", proxy.Address())
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			if _, err := connection.Write(callTo("/a.Service/Method")); err != nil {
				t.Fatal(err)
			}
			if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, want) {
				t.Errorf("the client reads %v, want %v", err, want)
			}
		})
	}
}

// callTo is how a client begins: with a call.
func callTo(path string) []byte {
	var block, start bytes.Buffer
	_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":path", Value: path})
	start.WriteString(http2.ClientPreface)
	_ = http2.NewFramer(&start, nil).WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true,
	})
	return start.Bytes()
}

// Who chooses the faults is told the method of each call.
func TestTheMethodIsNamed(t *testing.T) {
	methods := make(chan string, 1)
	s := newFixture(t, func(method string) *Fault {
		methods <- method
		return nil
	})
	if err := s.call(t, plenty); err != nil {
		t.Fatal(err)
	}
	if method := <-methods; method != "/grpc.health.v1.Health/Check" {
		t.Errorf("asked about %q", method)
	}
}
