package faulttest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	topicID           = "gemini-events"
	deadLetterTopicID = "gemini-dead-letters"
	subscriptionID    = "the-account"
)

// redelivery is when the emulator brings a message again whose pull was given up just as it was answered.
const redelivery = 10 * time.Second

// A Backend is a project on the emulators, with a subscription to its topic.
type Backend struct {
	Project   string
	Firestore string // the emulator's address
	PubSub    string
	client    *pubsub.Client
}

// NewBackend makes a project of its own, with topics. Close it at the end.
func NewBackend(ctx context.Context, firestore, pubSub string) (*Backend, error) {
	b := &Backend{Project: fmt.Sprintf("ordeal-%d", time.Now().UnixNano()), Firestore: firestore, PubSub: pubSub}
	var err error
	b.client, err = pubsub.NewClient(ctx, b.Project, option.WithEndpoint(pubSub), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		return nil, fmt.Errorf("open Pub/Sub: %w", err)
	}
	for _, id := range []string{topicID, deadLetterTopicID} {
		if _, err := b.client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: b.topic(id)}); err != nil {
			return nil, errors.Join(fmt.Errorf("create topic: %w", err), b.Close())
		}
	}
	if _, err := b.client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: b.subscription(), Topic: b.topic(topicID), AckDeadlineSeconds: int32(redelivery / time.Second),
	}); err != nil {
		return nil, errors.Join(fmt.Errorf("create subscription: %w", err), b.Close())
	}
	return b, nil
}

// Close ends the connections.
func (b *Backend) Close() error { return b.client.Close() }

func (b *Backend) topic(id string) string { return "projects/" + b.Project + "/topics/" + id }

func (b *Backend) subscription() string {
	return "projects/" + b.Project + "/subscriptions/" + subscriptionID
}

// pull takes messages that lie on the topic, none only if there was none for as long as patience says. They come again
// unless they are acknowledged.
func (b *Backend) pull(ctx context.Context, patience time.Duration) ([]*pubsubpb.ReceivedMessage, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response, err := b.client.SubscriptionAdminClient.Pull(within, &pubsubpb.PullRequest{
		Subscription: b.subscription(), MaxMessages: 1000,
	})
	if status.Code(err) == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("pull: %w", err)
	}
	return response.ReceivedMessages, nil
}

func (b *Backend) acknowledge(ctx context.Context, messages []*pubsubpb.ReceivedMessage) error {
	if len(messages) == 0 {
		return nil
	}
	var ids []string
	for _, message := range messages {
		ids = append(ids, message.AckId)
	}
	if err := b.client.SubscriptionAdminClient.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{
		Subscription: b.subscription(), AckIds: ids,
	}); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}
