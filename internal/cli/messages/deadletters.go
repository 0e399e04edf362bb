package messages

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// hold is for how long a dead letter is kept from other readers while it is looked at: the longest
// that Pub/Sub allows.
const hold = 600 // seconds

// batch is how many dead letters are asked for at once.
const batch = 100

// DeadLetters are messages of a subscription that are held until they are taken or released. It is
// safe for concurrent use.
type DeadLetters struct {
	Messages     []*Message // in the order they came in
	client       *pubsub.Client
	subscription string

	mu   sync.Mutex
	held map[string]string // message id to ack id
}

// PullDeadLetters pulls the messages of a subscription, at most limit (0 is all), and holds them.
// No call reports that a subscription is empty, so it ends when nothing has come for as long as
// patience. The caller must Release.
func PullDeadLetters(ctx context.Context, client *pubsub.Client, subscription string, limit int, patience time.Duration) (*DeadLetters, error) {
	d := &DeadLetters{client: client, subscription: fullName(client, subscription), held: map[string]string{}}
	for limit == 0 || len(d.Messages) < limit {
		most := batch
		if limit > 0 {
			most = min(batch, limit-len(d.Messages))
		}
		arrived, err := d.pull(ctx, most, patience)
		if err != nil {
			return d, fmt.Errorf("pull from %s: %w", subscription, err)
		}
		if !arrived {
			break
		}
	}
	return d, nil
}

func (d *DeadLetters) pull(ctx context.Context, most int, patience time.Duration) (arrived bool, err error) {
	pulling, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response, err := d.client.SubscriptionAdminClient.Pull(pulling, &pubsubpb.PullRequest{
		Subscription: d.subscription, MaxMessages: int32(most),
	})
	if err != nil {
		if ctx.Err() == nil && (status.Code(err) == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded)) {
			return false, nil
		}
		return false, err
	}
	var ackIDs []string
	for _, received := range response.GetReceivedMessages() {
		m := received.GetMessage()
		if _, again := d.held[m.GetMessageId()]; !again {
			d.Messages = append(d.Messages, &Message{
				ID: m.GetMessageId(), PublishTime: m.GetPublishTime().AsTime(), Data: m.GetData(), Attributes: m.GetAttributes(),
			})
		}
		d.held[m.GetMessageId()] = received.GetAckId() // only the newest is valid
		ackIDs = append(ackIDs, received.GetAckId())
	}
	if len(ackIDs) == 0 {
		return false, nil
	}
	return true, d.modify(ctx, ackIDs, hold)
}

func (d *DeadLetters) modify(ctx context.Context, ackIDs []string, seconds int32) error {
	return d.client.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: d.subscription, AckIds: ackIDs, AckDeadlineSeconds: seconds,
	})
}

// Take acknowledges a message: it is gone from the subscription.
func (d *DeadLetters) Take(ctx context.Context, m *Message) error {
	d.mu.Lock()
	ackID := d.held[m.ID]
	d.mu.Unlock()
	err := d.client.SubscriptionAdminClient.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{
		Subscription: d.subscription, AckIds: []string{ackID},
	})
	if err != nil {
		return fmt.Errorf("acknowledge message %s: %w", m.ID, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.held, m.ID)
	return nil
}

// Release releases what has not been taken; readers get it again after the subscription's backoff.
func (d *DeadLetters) Release(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ackIDs []string
	for _, ackID := range d.held {
		ackIDs = append(ackIDs, ackID)
	}
	for len(ackIDs) > 0 {
		n := min(len(ackIDs), batch)
		if err := d.modify(ctx, ackIDs[:n], 0); err != nil {
			return fmt.Errorf("give messages back to %s: %w", d.subscription, err)
		}
		ackIDs = ackIDs[n:]
	}
	clear(d.held)
	return nil
}
