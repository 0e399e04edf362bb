// Package messages reads Pub/Sub subscriptions for people: it follows one without taking messages
// from other readers, and takes dead letters from one.
//
// With PUBSUB_EMULATOR_HOST set, the client given to it talks to the emulator.
package messages

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// unused is how long a subscription of gemhook's may be without a reader before Pub/Sub deletes it,
// in case gemhook cannot. A day is the least that Pub/Sub allows
// (https://cloud.google.com/pubsub/docs/subscription-properties#expiration_period).
const unused = 24 * time.Hour

// A Message is what a subscription holds. Its data are the verified bytes of a delivery.
type Message struct {
	ID          string
	PublishTime time.Time
	Data        []byte
	Attributes  map[string]string
}

// A Filter says which messages are wanted. The zero Filter wants all.
type Filter struct {
	Type   string
	Tenant string
	// Results is for the results topic: Type is that of the event then, which a result message has
	// beside its own.
	Results bool
}

// Match reports whether a message with those attributes is wanted.
func (f Filter) Match(attributes map[string]string) bool {
	return (f.Type == "" || attributes[f.typeAttribute()] == f.Type) && (f.Tenant == "" || attributes["ce-tenant"] == f.Tenant)
}

func (f Filter) typeAttribute() string {
	if f.Results {
		return "ce-eventtype"
	}
	return "ce-type"
}

// text is the filter in Pub/Sub's language
// (https://cloud.google.com/pubsub/docs/subscription-message-filter).
func (f Filter) text() string {
	var terms []string
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	if f.Type != "" {
		terms = append(terms, `attributes."`+f.typeAttribute()+`" = "`+quote.Replace(f.Type)+`"`)
	}
	if f.Tenant != "" {
		terms = append(terms, `attributes."ce-tenant" = "`+quote.Replace(f.Tenant)+`"`)
	}
	return strings.Join(terms, " AND ")
}

// Subscribe makes a subscription of its own on a topic, so that nobody else's is touched, and
// returns its full name. It gets what is published from now on. The caller must Unsubscribe.
func Subscribe(ctx context.Context, client *pubsub.Client, topic string, filter Filter) (string, error) {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	name := "projects/" + client.Project() + "/subscriptions/gemhook-cli-" + hex.EncodeToString(random[:])
	_, err := client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name:               name,
		Topic:              "projects/" + client.Project() + "/topics/" + topic,
		AckDeadlineSeconds: 60,
		Filter:             filter.text(),
		ExpirationPolicy:   &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(unused)},
	})
	// A call that is made again after its answer was lost finds its own subscription.
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return "", fmt.Errorf("subscribe to topic %s: %w", topic, err)
	}
	return name, nil
}

// Unsubscribe deletes a subscription that Subscribe made. It is not an error if that is gone
// already.
func Unsubscribe(ctx context.Context, client *pubsub.Client, name string) error {
	err := client.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: name})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("delete subscription %s: %w", name, err)
	}
	return nil
}

// Check checks that a subscription, by its id or full name, is there and can be reached: following
// and pulling would wait for it patiently. A caller that may consume it but not look at it gets no
// error.
func Check(ctx context.Context, client *pubsub.Client, subscription string) error {
	_, err := client.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{
		Subscription: fullName(client, subscription),
	})
	if err != nil && status.Code(err) != codes.PermissionDenied {
		return fmt.Errorf("look at subscription %s: %w", subscription, err)
	}
	return nil
}

func fullName(client *pubsub.Client, subscription string) string {
	if strings.Contains(subscription, "/") {
		return subscription
	}
	return "projects/" + client.Project() + "/subscriptions/" + subscription
}

// Follow calls show for each message of a subscription that the filter wants, one at a time, until
// ctx ends or show returns false. Pub/Sub may bring a message more than once; it is shown once.
//
// With ack it acknowledges what it has shown: other readers of the subscription will not get it.
// Whatever else it holds goes back when Follow returns, and until then other readers wait for it;
// going back counts as one delivery attempt, of which a subscription with a dead-letter policy
// allows a few.
func Follow(ctx context.Context, client *pubsub.Client, subscription string, filter Filter, ack bool, show func(*Message) bool) error {
	receiving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	subscriber := client.Subscriber(subscription)
	subscriber.ReceiveSettings.MaxOutstandingMessages = -1
	subscriber.ReceiveSettings.MaxOutstandingBytes = -1
	f := &follower{filter: filter, ack: ack, show: show, shown: map[string]bool{}, over: make(chan struct{})}
	go func() {
		select {
		case <-ctx.Done():
		case <-f.over:
		case <-receiving.Done():
		}
		f.giveBack()
		stop()
	}()
	if err := subscriber.Receive(receiving, f.receive); err != nil {
		return fmt.Errorf("follow subscription %s: %w", subscription, err)
	}
	return nil
}

// A follower is one call of Follow.
type follower struct {
	filter Filter
	ack    bool
	show   func(*Message) bool
	over   chan struct{} // closed when show returns false

	mu    sync.Mutex
	ended bool
	shown map[string]bool
	held  []*pubsub.Message
}

func (f *follower) receive(_ context.Context, received *pubsub.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	message := &Message{received.ID, received.PublishTime, received.Data, received.Attributes}
	switch {
	case f.ended:
		received.Nack()
		return
	case f.shown[message.ID] || !f.filter.Match(message.Attributes):
		f.held = append(f.held, received)
		return
	}
	f.shown[message.ID] = true
	more := f.show(message)
	if f.ack {
		received.Ack()
	} else {
		f.held = append(f.held, received)
	}
	if !more {
		f.ended = true
		close(f.over)
	}
}

// giveBack lets other readers have what is held.
func (f *follower) giveBack() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for _, message := range f.held {
		message.Nack()
	}
	f.held = nil
}
