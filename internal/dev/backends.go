package dev

import (
	"context"
	"errors"
	"os"
	"strings"

	"cloud.google.com/go/pubsub/v2/pstest"
	"golang.org/x/sync/errgroup"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
	"github.com/gemhook/gemhook/shared/ledger"
)

// project is a name that only the emulators know.
const project = "gemhook-dev"

// backends are where the receiver keeps its ledger and publishes.
type backends struct {
	store         ledger.Store // the stand-in for Firestore; nil with the emulator
	firestoreHost string       // of the emulator; empty without
	pubsubHost    string       // of the emulator or the stand-in
}

// startBackends starts both of Google's emulators at the same time, and a stand-in in this process
// for each that is not installed. From here on the clients in this process find them as they always
// do: in the environment.
func (w *installation) startBackends(ctx context.Context, started *closers) (*backends, error) {
	w.out.line("starting Firestore and Pub/Sub …")

	// An interrupt ends the start. Once they are up, the receiver has to stop before them.
	starting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	started.add(func() error { cancel(); return nil })
	detach := context.AfterFunc(ctx, cancel)

	var firestore, pubSub *emulator.Emulator
	var group errgroup.Group
	start := func(e **emulator.Emulator, name string, start startFunc) {
		port := w.nextPort()
		group.Go(func() (err error) {
			*e, err = w.startEmulator(starting, name, port, start)
			if err != nil {
				cancel() // the other's start
			}
			return err
		})
	}
	start(&firestore, "Firestore", emulator.StartFirestore)
	start(&pubSub, "Pub/Sub", emulator.StartPubSub)
	err := group.Wait()
	for _, e := range []*emulator.Emulator{firestore, pubSub} {
		if e != nil {
			started.add(e.Stop)
		}
	}
	if !detach() {
		return nil, context.Cause(ctx) // it has ended meanwhile
	}
	if err != nil {
		return nil, err
	}

	b := &backends{}
	var standIns []string
	if firestore != nil {
		b.firestoreHost = firestore.Host()
	} else {
		b.store = memoryledger.New()
		standIns = append(standIns, "Firestore")
	}
	if pubSub != nil {
		b.pubsubHost = pubSub.Host()
	} else {
		server := pstest.NewServerWithAddress(w.address())
		started.add(server.Close)
		b.pubsubHost = server.Addr
		standIns = append(standIns, "Pub/Sub")
	}
	if len(standIns) > 0 {
		w.out.warn("  in-process stand-ins for " + strings.Join(standIns, " and ") +
			": Google's emulators are not installed (see --help)")
	}
	// The client libraries in this process find them by these.
	return b, errors.Join(os.Setenv("FIRESTORE_EMULATOR_HOST", b.firestoreHost), os.Setenv("PUBSUB_EMULATOR_HOST", b.pubsubHost))
}

type startFunc = func(context.Context, *emulator.Options) (*emulator.Emulator, error)

// startEmulator returns nil where the emulator is not installed.
func (w *installation) startEmulator(ctx context.Context, name string, port int, start startFunc) (*emulator.Emulator, error) {
	begin := w.now()
	e, err := start(ctx, &emulator.Options{Log: w.log, Port: port})
	if errors.Is(err, emulator.ErrNotInstalled) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w.out.up(name+" emulator", e.Host()+w.out.Paint(console.Dim, "  after "+seconds(w.now().Sub(begin))))
	return e, nil
}
