// Command faultyfunction is the receiver or the reconciler as it is deployed, in a process that can
// kill itself.
//
// The receiver serves on the listener that it inherits as file descriptor 4. The reconciler does
// one run and ends with code 0, or 1 if the run went wrong. Both end when the pipe that they
// inherit as file descriptor 3 closes: so neither outlives the process that started it. The
// configuration is the function's environment, and
//
//	FUNCTION_TARGET                        receive or reconcile
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

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	testbackend "github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/app/reconcile"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
)

func main() {
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(3, "parent"))
		os.Exit(0)
	}()
	if err := run(os.Getenv("FUNCTION_TARGET")); err != nil {
		fmt.Fprintln(os.Stderr, "faultyfunction:", err)
		os.Exit(1)
	}
}

func run(function string) error {
	visit, _ := strconv.ParseInt(os.Getenv("FAULTTEST_CRASH_VISIT"), 10, 64)
	c := &crash{point: os.Getenv("FAULTTEST_CRASH_POINT"), visit: visit}
	wrong, known := defects[os.Getenv("FAULTTEST_DEFECT")]
	if !known {
		return errors.New("unknown FAULTTEST_DEFECT")
	}
	options := backend.Options{
		Firestore: clientOptions(os.Getenv("FAULTTEST_FIRESTORE"), c.call, wrong.call),
		PubSub:    clientOptions(os.Getenv("FAULTTEST_PUBSUB"), c.call, wrong.call),
		Anonymous: true,
	}
	if function == "reconcile" {
		return runReconciler(options)
	}
	return serveReceiver(options, c, wrong)
}

func serveReceiver(options backend.Options, c *crash, wrong defect) error {
	configuration, err := config.Load(config.Receive, os.LookupEnv)
	if err != nil {
		return err
	}
	listener, err := net.FileListener(os.NewFile(4, "listener"))
	if err != nil {
		return fmt.Errorf("inherit the listener: %w", err)
	}
	return http.Serve(listener, c.answers(receive.New(configuration, newLog(configuration), &options), wrong))
}

func runReconciler(options backend.Options) error {
	configuration, err := config.Load(config.ReconcileDirect, os.LookupEnv)
	if err != nil {
		return err
	}
	runner, _ := reconcile.New(configuration, newLog(configuration), &reconcile.Options{Options: options})
	_, err = runner.Invoke(context.Background(), nil)
	return err
}

func newLog(configuration config.Config) *slog.Logger {
	return slog.New(cloudlog.NewHandler(os.Stderr, &cloudlog.Options{Level: configuration.LogLevel}))
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
