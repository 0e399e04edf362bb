// Package backend opens Firestore and Pub/Sub on this machine, for tests and for programs that
// developers run: [Open] makes a project of its own on emulators that run already, [Start] starts
// the emulators, or stand-ins within the process where they are not installed.
package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// The topics of a receiver, by the ids that [Project.Create] gives them.
const (
	TopicID           = "gemini-events"
	DeadLetterTopicID = "gemini-dead-letters"
)

// A Project is a project on the emulators, with clients of its own.
type Project struct {
	ID            string
	FirestoreHost string // addresses of the emulators
	PubSubHost    string
	Documents     *firestore.Client
	Messages      *pubsub.Client
}

// Open opens a project with a new id, which begins with prefix, on the emulators at those
// addresses, whatever the environment names. A project needs no creation. Close it at the end.
func Open(ctx context.Context, prefix, firestoreHost, pubSubHost string) (*Project, error) {
	p := &Project{
		ID:            fmt.Sprintf("%s-%d", prefix, time.Now().UnixNano()),
		FirestoreHost: firestoreHost, PubSubHost: pubSubHost,
	}
	documents, err := connect(firestoreHost)
	if err != nil {
		return nil, err
	}
	if p.Documents, err = firestore.NewClient(ctx, p.ID, documents); err != nil {
		return nil, fmt.Errorf("open Firestore: %w", err)
	}
	messages, err := connect(pubSubHost)
	if err != nil {
		return nil, err
	}
	if p.Messages, err = pubsub.NewClient(ctx, p.ID, messages); err != nil {
		return nil, fmt.Errorf("open Pub/Sub: %w", err)
	}
	return p, nil
}

// connect connects to an emulator. Where the environment names one, a client would ignore any
// option but this.
func connect(host string) (option.ClientOption, error) {
	connection, err := grpc.NewClient(host,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(Owner{}))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", host, err)
	}
	return option.WithGRPCConn(connection), nil
}

// Owner is the credential by which Firestore's client says to an emulator that it is the owner of
// the project. Calls of others go through security rules, which takes as long again.
type Owner struct{}

// GetRequestMetadata implements [google.golang.org/grpc/credentials.PerRPCCredentials].
func (Owner) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer owner"}, nil
}

// RequireTransportSecurity implements [google.golang.org/grpc/credentials.PerRPCCredentials].
func (Owner) RequireTransportSecurity() bool { return false }

// Close ends the connections.
func (p *Project) Close() error { return errors.Join(p.Messages.Close(), p.Documents.Close()) }

// Topic returns the full name of a topic.
func (p *Project) Topic(id string) string { return "projects/" + p.ID + "/topics/" + id }

// Subscription returns the full name of a subscription.
func (p *Project) Subscription(id string) string {
	return "projects/" + p.ID + "/subscriptions/" + id
}

// CreateTopic creates a topic, and subscriptions to it whose acknowledgement deadline is deadline,
// at least ten seconds. The emulator keeps no message of a topic without subscriptions.
func (p *Project) CreateTopic(ctx context.Context, id string, deadline time.Duration, subscriptions ...string) error {
	topic := &pubsubpb.Topic{Name: p.Topic(id)}
	if _, err := p.Messages.TopicAdminClient.CreateTopic(ctx, topic); err != nil {
		return fmt.Errorf("create topic %s: %w", id, err)
	}
	for _, subscription := range subscriptions {
		if _, err := p.Messages.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
			Name: p.Subscription(subscription), Topic: topic.Name, AckDeadlineSeconds: int32(deadline / time.Second),
		}); err != nil {
			return fmt.Errorf("create subscription %s: %w", subscription, err)
		}
	}
	return nil
}

// Pull returns some messages of a subscription, none only if none came within patience. They come
// again after the subscription's deadline unless they are acknowledged.
func (p *Project) Pull(ctx context.Context, subscription string, patience time.Duration) ([]*pubsubpb.ReceivedMessage, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response, err := p.Messages.SubscriptionAdminClient.Pull(within, &pubsubpb.PullRequest{
		Subscription: p.Subscription(subscription), MaxMessages: 1000,
	})
	if status.Code(err) == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("pull: %w", err)
	}
	return response.ReceivedMessages, nil
}

// Acknowledge acknowledges messages of a subscription.
func (p *Project) Acknowledge(ctx context.Context, subscription string, messages []*pubsubpb.ReceivedMessage) error {
	if len(messages) == 0 {
		return nil
	}
	var ids []string
	for _, message := range messages {
		ids = append(ids, message.AckId)
	}
	err := p.Messages.SubscriptionAdminClient.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{
		Subscription: p.Subscription(subscription), AckIds: ids,
	})
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

// takePatience is how long Take waits for the messages that are wanted.
const takePatience = time.Minute

// Take returns all messages of a subscription and acknowledges them. It waits until enough have
// come as are wanted, a minute at most, and then until none has come within half a second.
func (p *Project) Take(ctx context.Context, subscription string, wanted int) ([]*pubsubpb.PubsubMessage, error) {
	var all []*pubsubpb.PubsubMessage
	for patient := time.Now().Add(takePatience); ; {
		messages, err := p.Pull(ctx, subscription, 500*time.Millisecond)
		if err != nil {
			return all, err
		}
		if len(messages) == 0 && (len(all) >= wanted || time.Now().After(patient)) {
			return all, nil
		}
		for _, message := range messages {
			all = append(all, message.Message)
		}
		if err := p.Acknowledge(ctx, subscription, messages); err != nil {
			return all, err
		}
	}
}

// Document returns the ledger's document of a key, nil if there is none.
func (p *Project) Document(ctx context.Context, collection, key string) (map[string]any, error) {
	snapshot, err := p.Documents.Collection(collection).Doc(key).Get(ctx)
	if status.Code(err) == codes.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	return snapshot.Data(), nil
}
