// Command serve runs one of gemhook's functions on this machine, configured by the environment. It
// is the program of scripts/serve.
package main

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/gemhook/gemhook/internal/ending"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/app/collect"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/app/reconcile"
)

// concurrency is how many requests the process has memory for at once.
const concurrency = 80

var functions = map[string]func(concurrency int) *app.App{
	"receive":   receive.FromEnvironment,
	"collect":   collect.FromEnvironment,
	"reconcile": func(int) *app.App { return reconcile.FromEnvironment() },
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func serve() error {
	target := cmp.Or(os.Getenv("FUNCTION_TARGET"), "receive")
	open, known := functions[target]
	if !known {
		return fmt.Errorf("FUNCTION_TARGET is %q, want receive, collect or reconcile", target)
	}
	signals := ending.Notify(os.Stdout, os.Stderr)
	server := &http.Server{
		Handler:           app.ExitOnSIGTERM(open(concurrency)),
		ReadHeaderTimeout: 10 * time.Second,
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(
		cmp.Or(os.Getenv("HOST"), "127.0.0.1"), cmp.Or(os.Getenv("PORT"), "8080")))
	if err != nil {
		return err
	}
	go endAsOnSIGTERM(signals)
	fmt.Fprintf(os.Stderr, "%s is serving on http://%s/\n", target, listener.Addr())
	return server.Serve(listener)
}

// endAsOnSIGTERM has a closed terminal or pipe, and an interrupt, end the process as SIGTERM does:
// after the deliveries that run.
func endAsOnSIGTERM(signals <-chan os.Signal) {
	for received := range signals {
		if received == syscall.SIGTERM {
			return // the app has it too
		}
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Signal(syscall.SIGTERM) // its error is that of a platform without signals
		}
	}
}
