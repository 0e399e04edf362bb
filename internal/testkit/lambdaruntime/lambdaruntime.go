// Package lambdaruntime is the AWS Lambda service as a function sees it: a server of the Lambda
// Runtime API, for tests that run a function's real program.
//
//	runtime, err := lambdaruntime.New()
//	if err != nil {
//		return err
//	}
//	defer runtime.Close()
//	cmd := exec.Command(program)
//	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+runtime.Host())
//	if err := cmd.Start(); err != nil {
//		return err
//	}
//	response, err := runtime.Invoke(ctx, event)
//
// The API is that of the [Lambda developer guide]. As in Lambda, one program handles one invocation
// at a time. Unlike in Lambda, it is not frozen between invocations, and is not killed when one
// takes too long.
//
// [Lambda developer guide]: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package lambdaruntime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// ErrClosed is returned by Invoke on a closed server.
var ErrClosed = errors.New("lambdaruntime: server closed")

// maxDuration is the longest that Lambda lets a function be configured to take.
const maxDuration = 15 * time.Minute

// An Error is what the function reported instead of a response.
type Error struct {
	// Type and Message are the function's own: for a Go function the name of the error's Go type
	// and the text of the error, or the panic's value.
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`

	// Init is set where the function reported that it cannot be started, and so will handle no
	// invocation.
	Init bool `json:"-"`
}

// Error implements the error interface.
func (e *Error) Error() string {
	if e.Init {
		return fmt.Sprintf("lambda function cannot start: %s: %s", e.Type, e.Message)
	}
	return fmt.Sprintf("lambda function: %s: %s", e.Type, e.Message)
}

// A Server serves the Runtime API to a function. Its methods may be called concurrently.
type Server struct {
	server   *http.Server
	host     string
	queue    chan *invocation // to the function that asks for its next
	initFail chan *Error      // holds one report of a function that cannot start
	closed   chan struct{}
	close    func() error

	mu      sync.Mutex
	count   int
	pending map[string]*invocation // handed to the function, by id
}

// An invocation is one call of Invoke.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	result   chan result // has room for the one result
}

type result struct {
	response []byte
	err      error
}

// New returns a server that listens on a free port of 127.0.0.1.
func New() (*Server, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start lambda runtime server: %w", err)
	}
	s := &Server{
		host:     listener.Addr().String(),
		queue:    make(chan *invocation),
		initFail: make(chan *Error, 1),
		closed:   make(chan struct{}),
		pending:  make(map[string]*invocation),
	}
	s.server = &http.Server{Handler: s.handler()}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.server.Serve(listener) // ends with Close
	}()
	s.close = sync.OnceValue(func() error {
		close(s.closed)
		err := s.server.Close()
		<-served
		return err
	})
	return s, nil
}

// Host is the address of the server, "127.0.0.1:port": the value that the function wants in
// AWS_LAMBDA_RUNTIME_API.
func (s *Server) Host() string { return s.host }

// Close ends the server. A program that is served by it loses its connection, on which most end
// themselves. Further calls do nothing.
func (s *Server) Close() error { return s.close() }

// Invoke has the function handle the event payload and returns its response. It waits for a program
// that is starting or busy. ctx bounds the wait; its deadline is what the function is told as its
// own, and without one that is Lambda's longest, fifteen minutes.
//
// The error is an *[Error] if the function reported one, that of ctx if it ended first, and
// [ErrClosed] if the server did. A program that crashed has reported nothing: Invoke then waits for
// another, or for the end of ctx.
func (s *Server) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, maxDuration)
	defer cancel()
	deadline, _ := ctx.Deadline()
	inv := &invocation{payload: payload, deadline: deadline, result: make(chan result, 1)}
	s.mu.Lock()
	s.count++
	inv.id = fmt.Sprintf("00000000-0000-4000-8000-%012x", s.count)
	s.pending[inv.id] = inv
	s.mu.Unlock()
	defer s.take(inv.id)

	queue := s.queue
	for {
		select {
		case queue <- inv:
			queue = nil
		case r := <-inv.result:
			return r.response, r.err
		case err := <-s.initFail:
			return nil, err
		case <-s.closed:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take removes the invocation with the id and returns it; nil if there is none that waits for a
// result.
func (s *Server) take(id string) *invocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv := s.pending[id]
	delete(s.pending, id)
	return inv
}
