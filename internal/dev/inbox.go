package dev

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/sync/errgroup"

	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/tap"
)

const (
	topicID           = "gemini-events"
	deadLetterTopicID = "gemini-dead-letters"
	resultsTopicID    = "gemini-results"
	subscriptionTail  = "-dev" // appended to the topic's id
)

const (
	// arrivalLimit is how long to wait for messages that the receiver says it published. An
	// emulator takes less than a second.
	arrivalLimit = 10 * time.Second
	// quiet is how long nothing has to arrive until everything counts as arrived: no call reports
	// that a subscription is empty.
	quiet = 500 * time.Millisecond
)

// A message is what a subscriber got.
type message struct {
	topic       string
	id          string
	webhookID   string // ce-id
	eventType   string // ce-type
	redelivered bool   // marked as such: it may be a copy
	data        []byte
	handled     string // what the local handler answered; empty: it did not get it
	accepted    bool   // by the local handler
}

// An inbox holds what the subscriptions to the topics have received, in the order of arrival. It is
// safe for concurrent use.
type inbox struct {
	failed chan error // receives the error that ends a subscription

	mu       sync.Mutex
	messages []message
	arrived  chan struct{} // closed by the next arrival
}

// openTopics creates the topics and a subscription to each, and begins to receive. A log, if there
// is one, gets each message.
func openTopics(ctx context.Context, log *inspect.Log, started *closers) (*inbox, error) {
	client, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return nil, fmt.Errorf("open Pub/Sub: %w", err)
	}
	started.add(client.Close)

	box := &inbox{failed: make(chan error, 1), arrived: make(chan struct{})}
	receiving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	started.add(func() error {
		cancel()
		_ = group.Wait() // its error is that of box.failed
		return nil
	})
	for _, topic := range []string{topicID, deadLetterTopicID, resultsTopicID} {
		if err := createTopic(ctx, client, topic); err != nil {
			return nil, fmt.Errorf("create topic %s: %w", topic, err)
		}
		group.Go(func() error {
			err := client.Subscriber(topic+subscriptionTail).Receive(receiving, func(_ context.Context, m *pubsub.Message) {
				box.put(topic, m)
				if log != nil {
					tap.Message(log, inspect.Message{ID: m.ID, Topic: topic, PublishTime: m.PublishTime, Data: m.Data, Attributes: m.Attributes})
				}
				m.Ack()
			})
			if err != nil {
				select {
				case box.failed <- fmt.Errorf("receive from %s: %w", topic, err):
				default: // another subscription failed before
				}
			}
			return err
		})
	}
	return box, nil
}

func createTopic(ctx context.Context, client *pubsub.Client, id string) error {
	name := "projects/" + project + "/topics/" + id
	if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: name}); err != nil {
		return err
	}
	return createSubscription(ctx, client, id, id+subscriptionTail)
}

func createSubscription(ctx context.Context, client *pubsub.Client, topic, id string) error {
	_, err := client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name:               "projects/" + project + "/subscriptions/" + id,
		Topic:              "projects/" + project + "/topics/" + topic,
		AckDeadlineSeconds: 60,
	})
	return err
}

// put stores a message, unless it is there already: Pub/Sub may bring one more than once.
func (b *inbox) put(topic string, m *pubsub.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.has(m.ID) {
		return
	}
	b.messages = append(b.messages, message{
		topic:       topic,
		id:          m.ID,
		webhookID:   m.Attributes["ce-id"],
		eventType:   m.Attributes["ce-type"],
		redelivered: m.Attributes["ce-redelivered"] == "true",
		data:        m.Data,
	})
	close(b.arrived)
	b.arrived = make(chan struct{})
}

func (b *inbox) has(messageID string) bool {
	return slices.ContainsFunc(b.messages, func(m message) bool { return m.id == messageID })
}

// all returns the messages received so far.
func (b *inbox) all() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

// arrival returns a channel that is closed when another message arrives.
func (b *inbox) arrival() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.arrived
}

// await returns once the messages with those ids are there and nothing more has arrived for a
// while. After arrivalLimit it returns even if some are missing.
func (b *inbox) await(ctx context.Context, messageIDs []string) error {
	limit := time.NewTimer(arrivalLimit)
	defer limit.Stop()
	for {
		arrived := b.arrival()
		var silence <-chan time.Time
		if b.hasAll(messageIDs) {
			silence = time.After(quiet)
		}
		select {
		case <-arrived:
		case <-silence:
			return nil
		case <-limit.C:
			return nil
		case err := <-b.failed:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (b *inbox) hasAll(messageIDs []string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range messageIDs {
		if !b.has(id) {
			return false
		}
	}
	return true
}

// awaitMessage returns the first message that is wanted, or nil if none has come within
// arrivalLimit.
func (b *inbox) awaitMessage(ctx context.Context, wanted func(message) bool) (*message, error) {
	limit := time.NewTimer(arrivalLimit)
	defer limit.Stop()
	for {
		arrived := b.arrival()
		messages := b.all()
		if i := slices.IndexFunc(messages, wanted); i >= 0 {
			return &messages[i], nil
		}
		select {
		case <-arrived:
		case <-limit.C:
			return nil, nil
		case err := <-b.failed:
			return nil, err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
