package topic_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/topic"
)

func TestNothingListening(t *testing.T) {
	listener := listen(t)
	address := listener.Addr().String()
	_ = listener.Close()
	if _, err := publish(t, newPublisher(t, address)); !errors.Is(err, topic.ErrNotPublished) {
		t.Errorf("error %v, want ErrNotPublished", err)
	}
}

// TestSilentConnection is a peer that accepts connections and says nothing, not even hello: no
// request is ever sent.
func TestSilentConnection(t *testing.T) {
	listener := listen(t)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = connection.Close() })
		}
	}()
	publisher := newPublisher(t, listener.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := publisher.Publish(ctx, topicID, nil, nil); !errors.Is(err, topic.ErrNotPublished) {
		t.Errorf("error %v, want ErrNotPublished", err)
	}
}

// TestNoAnswer is a request that has arrived and is not answered: it may be carried out, now or
// later.
func TestNoAnswer(t *testing.T) {
	for name, newContext := range map[string]func(t *testing.T) (context.Context, context.CancelFunc){
		"deadline": func(t *testing.T) (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 300*time.Millisecond)
		},
		"cancel": func(t *testing.T) (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := newContext(t)
			defer cancel()
			answer := make(chan struct{})
			s, publisher := newServer(t, func(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
				if name == "cancel" {
					cancel()
				}
				<-answer
				return published("m-1"), nil
			})
			t.Cleanup(func() { close(answer) }) // before the server stops, which waits for it
			returned := make(chan error, 1)
			go func() {
				_, err := publisher.Publish(ctx, topicID, nil, nil)
				returned <- err
			}()
			select {
			case err := <-returned:
				// The server knows the deadline and can be the first to see it pass.
				if code := status.Code(err); code != codes.DeadlineExceeded && code != codes.Canceled || errors.Is(err, topic.ErrNotPublished) {
					t.Errorf("error %v, want an unsure failure because the context has ended", err)
				}
			case <-time.After(patience):
				t.Error("publish outlives its context")
			}
			if calls := s.calls.Load(); calls != 1 {
				t.Errorf("%d calls for one publish", calls)
			}
		})
	}
}

// The parts of HTTP/2 (RFC 9113) that wireServer speaks.
const (
	frameData, frameReset, frameSettings, framePing = 0x0, 0x3, 0x4, 0x6
	flagAck, flagEndStream                          = 0x1, 0x1

	refusedStream      = 0x7
	enhanceYourCalm    = 0xb
	inadequateSecurity = 0xc
)

// TestBrokenOff is about answers that are none of Pub/Sub's: the connection ends after the request,
// or the stream is reset. gRPC gives these the codes of refusals, yet the request had arrived.
func TestBrokenOff(t *testing.T) {
	for name, test := range map[string]struct {
		act  func(connection net.Conn, stream []byte)
		code codes.Code
	}{
		"connection cut":      {func(connection net.Conn, _ []byte) { _ = connection.Close() }, codes.Unavailable},
		"enhance your calm":   {reset(enhanceYourCalm), codes.ResourceExhausted},
		"inadequate security": {reset(inadequateSecurity), codes.PermissionDenied},
		"refused stream":      {reset(refusedStream), codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t)
			var requests atomic.Int64
			go func() {
				for {
					connection, err := listener.Accept()
					if err != nil {
						return
					}
					go wireServer(connection, func(stream []byte) {
						requests.Add(1)
						test.act(connection, stream)
					})
				}
			}()
			_, err := publish(t, newPublisher(t, listener.Addr().String()))
			if status.Code(err) != test.code {
				t.Errorf("error %v, want one with code %s", err, test.code)
			}
			if errors.Is(err, topic.ErrNotPublished) {
				t.Errorf("error %v: but the request had arrived", err)
			}
			// HTTP/2 promises that a refused stream was not looked at, so gRPC may send that again.
			if n := requests.Load(); n != 1 && (n == 0 || name != "refused stream") {
				t.Errorf("%d requests for one publish", n)
			}
		})
	}
}

func reset(code byte) func(net.Conn, []byte) {
	return func(connection net.Conn, stream []byte) {
		_, _ = connection.Write(frame(frameReset, 0, stream, []byte{0, 0, 0, code}))
	}
}

func frame(kind, flags byte, stream, payload []byte) []byte {
	header := []byte{0, 0, byte(len(payload)), kind, flags}
	return append(append(header, stream...), payload...)
}

// wireServer reads HTTP/2 requests off a connection and acts on each once it is complete.
func wireServer(connection net.Conn, act func(stream []byte)) {
	defer connection.Close()
	none := make([]byte, 4)
	if _, err := io.ReadFull(connection, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	_, _ = connection.Write(frame(frameSettings, 0, none, nil))
	for {
		header := make([]byte, 9)
		if _, err := io.ReadFull(connection, header); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(append([]byte{0}, header[:3]...)))
		if _, err := io.ReadFull(connection, payload); err != nil {
			return
		}
		switch kind, flags := header[3], header[4]; {
		case kind == frameSettings && flags&flagAck == 0:
			_, _ = connection.Write(frame(frameSettings, flagAck, none, nil))
		case kind == framePing && flags&flagAck == 0:
			_, _ = connection.Write(frame(framePing, flagAck, none, payload))
		case kind == frameData && flags&flagEndStream != 0:
			act(header[5:])
		}
	}
}

// TestAnswerOfAProxy is an HTTP status without a gRPC one, from something before Pub/Sub that may
// have passed the request on.
func TestAnswerOfAProxy(t *testing.T) {
	for _, code := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			var protocols http.Protocols
			protocols.SetUnencryptedHTTP2(true)
			var requests atomic.Int64
			proxy := &http.Server{Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				http.Error(w, "no", code)
			})}
			listener := listen(t)
			go func() { _ = proxy.Serve(listener) }()
			t.Cleanup(func() { _ = proxy.Close() })
			if _, err := publish(t, newPublisher(t, listener.Addr().String())); err == nil || errors.Is(err, topic.ErrNotPublished) {
				t.Errorf("error %v, want an unsure failure", err)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests for one publish", n)
			}
		})
	}
}
