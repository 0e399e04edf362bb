// Command faultyreceiver is the receiver as it is deployed, in a process that can kill itself.
//
// It serves on the listener that it inherits as file descriptor 3, until the pipe that it inherits
// as file descriptor 4 closes: so it never outlives the process that started it. Its configuration
// is the receiver's environment, and
//
//	FAULTTEST_FIRESTORE, FAULTTEST_PUBSUB  the addresses of the backends
//	FAULTTEST_CRASH_POINT                  where to crash
//	FAULTTEST_CRASH_VISIT                  on which visit to that point, from 1 on
//	FAULTTEST_DEFECT                       what to do wrong, to see whether the tests notice
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	testbackend "github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
)

func main() {
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(4, "parent"))
		os.Exit(0)
	}()
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "faultyreceiver:", err)
		os.Exit(1)
	}
}

func serve() error {
	configuration, err := config.Load(config.Receive, os.LookupEnv)
	if err != nil {
		return err
	}
	visit, _ := strconv.ParseInt(os.Getenv("FAULTTEST_CRASH_VISIT"), 10, 64)
	c := &crash{point: os.Getenv("FAULTTEST_CRASH_POINT"), visit: visit}
	wrong, known := defects[os.Getenv("FAULTTEST_DEFECT")]
	if !known {
		return errors.New("unknown FAULTTEST_DEFECT")
	}
	log := slog.New(cloudlog.NewHandler(os.Stdout, &cloudlog.Options{Level: configuration.LogLevel}))
	receiver := receive.New(configuration, log, &backend.Options{
		Firestore: clientOptions(os.Getenv("FAULTTEST_FIRESTORE"), c.call, wrong.call),
		PubSub:    clientOptions(os.Getenv("FAULTTEST_PUBSUB"), c.call, wrong.call),
		Anonymous: true,
	})
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return fmt.Errorf("inherit the listener: %w", err)
	}
	return http.Serve(listener, c.answers(receiver, wrong))
}

// clientOptions lead a client to a backend, with interceptors, the first the outermost. The
// variables that name emulators would have the client ignore them.
func clientOptions(address string, interceptors ...grpc.UnaryClientInterceptor) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(address),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithPerRPCCredentials(testbackend.Owner{})),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(interceptors...)),
	}
}

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
