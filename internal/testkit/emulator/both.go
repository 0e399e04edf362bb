package emulator

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"
)

// StartBoth starts both emulators at once; log, if not nil, gets what they print. The end of ctx
// stops them.
//
// The error is the first of either; then neither emulator is left running.
func StartBoth(ctx context.Context, log io.Writer) (firestore, pubSub *Emulator, err error) {
	group, starting := errgroup.WithContext(ctx)
	begin := func(e **Emulator, start func(context.Context, *Options) (*Emulator, error)) {
		group.Go(func() (err error) {
			// The group's context ends when all have started: it must only end the start.
			own, cancel := context.WithCancel(ctx)
			unlink := context.AfterFunc(starting, cancel)
			defer unlink()
			if *e, err = start(own, &Options{Log: log}); err != nil {
				cancel()
			}
			return err
		})
	}
	begin(&firestore, StartFirestore)
	begin(&pubSub, StartPubSub)
	if err := group.Wait(); err != nil {
		for _, e := range []*Emulator{firestore, pubSub} {
			if e != nil {
				err = errors.Join(err, e.Stop())
			}
		}
		return nil, nil, err
	}
	return firestore, pubSub, nil
}
