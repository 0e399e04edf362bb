package faulttest

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/testkit/backend"
)

// An Inbox reads the subscription into a record while everything else goes on.
type Inbox struct {
	project *backend.Project
	record  *Record
	cancel  context.CancelFunc
	ended   chan error
}

// openInbox begins to read.
func openInbox(ctx context.Context, project *backend.Project, record *Record) *Inbox {
	ctx, cancel := context.WithCancel(ctx)
	i := &Inbox{project, record, cancel, make(chan error, 1)}
	go func() { i.ended <- i.read(ctx) }()
	return i
}

func (i *Inbox) read(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := i.take(ctx, time.Second); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// take records the messages that are on the topic and returns how many.
func (i *Inbox) take(ctx context.Context, patience time.Duration) (int, error) {
	messages, err := i.project.Pull(ctx, subscriptionID, patience)
	if err != nil {
		return 0, err
	}
	return len(messages), i.note(ctx, messages)
}

// note records messages before it acknowledges them. An acknowledgement that is given up may have
// been received; then they do not come again.
func (i *Inbox) note(ctx context.Context, messages []*pubsubpb.ReceivedMessage) error {
	for _, message := range messages {
		i.record.received(message.Message)
	}
	return i.project.Acknowledge(ctx, subscriptionID, messages)
}

const (
	// arrivalLimit is how long to wait for messages that are said to be on the topic; an emulator
	// takes milliseconds.
	arrivalLimit = redelivery + 30*time.Second
	// quiet is how long nothing has to arrive until a subscription counts as empty: no call reports
	// that it is.
	quiet = 2 * time.Second
)

// Drain reads until everything acknowledged has arrived and nothing more comes for a while, or
// until it gives up what is missing. Then it closes the inbox.
func (i *Inbox) Drain(ctx context.Context) error {
	i.cancel()
	if err := <-i.ended; err != nil {
		return err
	}
	limit := time.Now().Add(arrivalLimit)
	for {
		taken, err := i.take(ctx, quiet)
		if err != nil {
			return err
		}
		if taken == 0 && (i.record.missing() == 0 || time.Now().After(limit)) {
			return nil
		}
	}
}
