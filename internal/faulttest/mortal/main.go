// Command mortal is the receiver as it is deployed, in a process that kills itself.
//
// It serves on the listener that it inherits as file descriptor 3, until the pipe that it inherits as file descriptor 4
// closes: so it never outlives whoever started it. Its configuration is the receiver's environment, and
//
//	MORTAL_FIRESTORE, MORTAL_PUBSUB  the addresses of the backends
//	MORTAL_POINT, MORTAL_PASSAGE     where to die, and the how-manieth time it comes by there
//	MORTAL_DEFECT                    what to do wrong, to see whether anybody notices
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

	"github.com/sethvargo/go-envconfig"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
)

func main() {
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(4, "parent"))
		os.Exit(0)
	}()
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "mortal:", err)
		os.Exit(1)
	}
}

func serve() error {
	configuration, err := config.Load(context.Background(), envconfig.OsLookuper())
	if err != nil {
		return err
	}
	passage, _ := strconv.ParseInt(os.Getenv("MORTAL_PASSAGE"), 10, 64)
	d := &death{point: os.Getenv("MORTAL_POINT"), passage: passage}
	wrong, known := defects[os.Getenv("MORTAL_DEFECT")]
	if !known {
		return errors.New("unknown MORTAL_DEFECT")
	}
	log := slog.New(cloudlog.NewHandler(os.Stdout, &cloudlog.Options{Level: configuration.LogLevel}))
	receiver := app.New(configuration, log, &app.Options{
		Firestore: clientOptions(os.Getenv("MORTAL_FIRESTORE"), d.call, wrong.call),
		PubSub:    clientOptions(os.Getenv("MORTAL_PUBSUB"), d.call, wrong.call),
		Anonymous: true,
	})
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return fmt.Errorf("inherit the listener: %w", err)
	}
	return http.Serve(listener, d.answers(receiver, wrong))
}

// clientOptions lead a client to a backend, with interceptors, the first the outermost. The variables that name emulators
// would have the client ignore them.
func clientOptions(address string, interceptors ...grpc.UnaryClientInterceptor) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(address),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithPerRPCCredentials(owner{})),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(interceptors...)),
	}
}

// owner is whom Firestore's client says it is to an emulator. For others that goes through security rules with each call,
// which takes it as long again.
type owner struct{}

func (owner) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer owner"}, nil
}

func (owner) RequireTransportSecurity() bool { return false }

// death comes at a point, at the how-manieth passage.
type death struct {
	point   string
	passage int64
	passed  atomic.Int64
}

// at dies if this is the time and place.
func (d *death) at(point string) {
	if point == d.point && d.passed.Add(1) == d.passage {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
}

// call has points before each step of a delivery that is a call, and after it was done.
func (d *death) call(ctx context.Context, method string, request, reply any, to *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	step := stepOf(request)
	d.at("before " + step)
	err := invoke(ctx, method, request, reply, to, options...)
	if err == nil {
		d.at("after " + step)
	}
	return err
}

// answers has a point before each acknowledgement, and the answers' defect.
func (d *death) answers(next http.Handler, wrong defect) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&answer{w, d, wrong}, r)
	})
}

type answer struct {
	http.ResponseWriter
	death *death
	wrong defect
}

func (a *answer) WriteHeader(status int) {
	if a.wrong.status != nil {
		status = a.wrong.status(status)
	}
	if status == http.StatusOK {
		a.death.at("before answer")
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the receiver set its deadlines.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
