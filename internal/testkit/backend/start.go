package backend

import (
	"context"
	"errors"
	"io"

	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
	"github.com/gemhook/gemhook/shared/ledger"
)

// A Backends is Firestore and Pub/Sub on this machine: Google's emulators, or stand-ins within this
// process.
type Backends struct {
	// Store is the stand-in for Firestore, of which only the ledger is there; nil with emulators.
	Store ledger.Store

	FirestoreHost string // address of the emulator; "" with stand-ins
	PubSubHost    string // address of the emulator or the stand-in

	stop func() error
}

// Start starts the emulators, whose output goes to log if that is not nil, or the stand-ins where
// an emulator is not installed. The end of ctx ends the start, but not what has been started: call
// Stop.
func Start(ctx context.Context, log io.Writer) (*Backends, error) {
	starting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unlink := context.AfterFunc(ctx, cancel)
	firestore, pubSub, err := emulator.StartBoth(starting, log)
	inTime := unlink()
	switch {
	case errors.Is(err, emulator.ErrNotInstalled):
		cancel()
		return StartInProcess(), nil
	case err != nil || !inTime:
		cancel()
		return nil, errors.Join(context.Cause(ctx), err)
	}
	return &Backends{
		FirestoreHost: firestore.Host(), PubSubHost: pubSub.Host(),
		stop: func() error {
			defer cancel()
			return errors.Join(firestore.Stop(), pubSub.Stop())
		},
	}, nil
}

// StartInProcess starts the stand-ins.
func StartInProcess() *Backends {
	server := pstest.NewServerWithAddress("127.0.0.1:0")
	return &Backends{Store: memoryledger.New(), PubSubHost: server.Addr, stop: server.Close}
}

// Stop ends them. What they hold is lost.
func (b *Backends) Stop() error { return b.stop() }
