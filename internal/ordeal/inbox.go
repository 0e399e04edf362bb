package ordeal

import (
	"context"
	"time"
)

// An Inbox reads the subscription into an account while everything else goes on.
type Inbox struct {
	backend *Backend
	account *Account
	cancel  context.CancelFunc
	ended   chan error
}

// Open begins to read.
func (b *Backend) Open(ctx context.Context, account *Account) *Inbox {
	ctx, cancel := context.WithCancel(ctx)
	i := &Inbox{b, account, cancel, make(chan error, 1)}
	go func() { i.ended <- i.read(ctx) }()
	return i
}

func (i *Inbox) read(ctx context.Context) error {
	for ctx.Err() == nil {
		messages, err := i.backend.pull(ctx, time.Second)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		for _, message := range messages {
			i.account.received(message)
		}
	}
	return nil
}

const (
	// arrivalLimit is how long to wait for messages that are said to be on the topic; an emulator takes milliseconds.
	arrivalLimit = redelivery + 10*time.Second
	// quiet is how long nothing has to arrive for there to be nothing more. No call tells that a subscription is empty.
	quiet = 2 * time.Second
)

// Drain reads until everything acknowledged is there and nothing more arrives for a while, or for so long that what is
// missing will not come any more; then it closes the inbox.
func (i *Inbox) Drain(ctx context.Context) error {
	i.cancel()
	if err := <-i.ended; err != nil {
		return err
	}
	limit := time.Now().Add(arrivalLimit)
	for {
		messages, err := i.backend.pull(ctx, quiet)
		if err != nil {
			return err
		}
		for _, message := range messages {
			i.account.received(message)
		}
		if len(messages) == 0 && (i.account.missing() == 0 || time.Now().After(limit)) {
			return nil
		}
	}
}
