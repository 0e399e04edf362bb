package main

import (
	"context"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"

	"google.golang.org/grpc"
)

// crash happens at a point, on one of the visits to it.
type crash struct {
	point  string
	visit  int64
	visits atomic.Int64
}

// at kills the process if this is the visit.
func (c *crash) at(point string) {
	if point == c.point && c.visits.Add(1) == c.visit {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
}

// call has points before each step of a delivery that is a call, and after it was done.
func (c *crash) call(ctx context.Context, method string, request, reply any, to *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	step := stepOf(request)
	c.at("before " + step)
	err := invoke(ctx, method, request, reply, to, options...)
	if err == nil {
		c.at("after " + step)
	}
	return err
}

// answers has a point before each acknowledgement, and the answers' defect.
func (c *crash) answers(next http.Handler, wrong defect) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&answer{w, c, wrong}, r)
	})
}

type answer struct {
	http.ResponseWriter
	crash *crash
	wrong defect
}

func (a *answer) WriteHeader(status int) {
	if a.wrong.status != nil {
		status = a.wrong.status(status)
	}
	if status == http.StatusOK {
		a.crash.at("before answer")
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the receiver set its deadlines.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
