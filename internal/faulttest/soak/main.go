// Command soak delivers many events while processes crash, and shows the tally: see scripts/soak
// --help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/faulttest"
)

func main() {
	deliveries := flag.Int("deliveries", 100_000, "how many deliveries")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := soak(ctx, *deliveries); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func soak(ctx context.Context, deliveries int) (err error) {
	firestore, pubSub := os.Getenv("FIRESTORE_EMULATOR_HOST"), os.Getenv("PUBSUB_EMULATOR_HOST")
	if firestore == "" || pubSub == "" {
		return errors.New("FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST are not set: run scripts/soak, which starts the emulators")
	}
	folder, err := os.MkdirTemp("", "gemhook-soak-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	program, err := faulttest.Build(ctx, folder)
	if err != nil {
		return err
	}
	screen := console.New(os.Stdout, os.Stderr, os.Getenv)
	progress := screen.Progress("delivering, with a crash every second", deliveries)
	defer progress.Stop()
	result, err := faulttest.Run(ctx, program, firestore, pubSub, faulttest.Soak(deliveries, func() { progress.Add(1) }))
	progress.Stop()
	if err != nil {
		return err
	}
	if err := screen.Print(result, func() string { return table(screen, result) }); err != nil {
		return err
	}
	return result.Err()
}
