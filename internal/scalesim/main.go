// Scalesim prints the tables of docs/scale.md: what deliveries at a rate take and cost, and where limits are met.
//
//	go run ./internal/scalesim        the tables, always the same
//	go run ./internal/scalesim -cpu   the CPU time of a delivery, measured on the emulators
//
// The sizes are measured by taking deliveries through the real receiver. The rest is arithmetic with the providers'
// prices and quotas (prices.go) and a simulation of one instance with a fixed seed (simulate.go). Nothing here is part of
// what is deployed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"
)

// rates are the deliveries per second that the page is about.
var rates = []float64{10, 1000, 100_000}

// assumedCPU is the CPU time of a delivery on one vCPU of Cloud Run: some more than -cpu measures, for TLS.
const assumedCPU = time.Millisecond

func main() {
	measureCPU := flag.Bool("cpu", false, "measure the CPU time of a delivery instead, with the emulators")
	n := flag.Int("n", 10_000, "deliveries to measure with")
	flag.Parse()
	if flag.NArg() > 0 || *n < 1 {
		flag.Usage()
		os.Exit(64)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *measureCPU, *n); err != nil {
		fmt.Fprintln(os.Stderr, "scalesim:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, measureCPU bool, n int) error {
	if measureCPU {
		each, err := cpuTime(ctx, n)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%.2f ms of CPU a delivery, over %d\n", float64(each.Microseconds())/1000, n)
		return err
	}
	seed := [32]byte([]byte("gemhook: the seed of docs/scale."))
	each, err := measure(ctx, rand.NewChaCha8(seed))
	if err != nil {
		return err
	}
	r := rand.New(rand.NewChaCha8(seed))
	plans := make([]plan, len(rates))
	for i, rate := range rates {
		plans[i] = newPlan(r, rate, each, assumedCPU)
	}
	_, err = io.WriteString(w, tables(plans, each, assumedCPU))
	return err
}
