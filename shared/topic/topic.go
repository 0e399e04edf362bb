// Package topic publishes one message at a time to Pub/Sub, and knows whether a failed publish may
// still have landed.
//
// It calls Publish of the API directly rather than through the client library's batching publisher:
// a delivery has one message and somebody waiting for its id, so there is nothing to batch;
// concurrent publishes do not share a queue; and a call that is not tried again behind the caller's
// back ends with the caller's context. A second try of a publish whose answer was lost would put a
// copy on the topic that nothing marks as one.
//
// With PUBSUB_EMULATOR_HOST set, New talks to the emulator.
package topic

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// ErrNotPublished is in the error of a publish that has surely published nothing, and will not.
// Without it a failed publish may have landed.
var ErrNotPublished = errors.New("surely not published")

// Publisher publishes to the topics of one project. It is safe for concurrent use.
type Publisher struct {
	client  *pubsub.TopicAdminClient
	project string
}

// New returns a publisher for the topics of a project. It connects in the background.
func New(ctx context.Context, project string, options ...option.ClientOption) (*Publisher, error) {
	options = slices.Concat(emulator(), options, []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithStatsHandler(sentinel{})),
	})
	client, err := pubsub.NewTopicAdminClient(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("open Pub/Sub: %w", err)
	}
	return &Publisher{client: client, project: project}, nil
}

// emulator returns the options that lead to the emulator, if there is one. The client library looks
// for it only in the package of its batching publisher, which would bring OpenCensus and half a
// megabyte into the program.
func emulator() []option.ClientOption {
	// Firestore's client takes the emulator's address with and without a scheme, so this does too.
	host := os.Getenv("PUBSUB_EMULATOR_HOST")
	for _, scheme := range []string{"http://", "https://"} {
		host = strings.TrimPrefix(host, scheme)
	}
	if host == "" {
		return nil
	}
	return []option.ClientOption{
		option.WithEndpoint(host),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Close ends the connections.
func (p *Publisher) Close() error { return p.client.Close() }

// GetTopic looks at a topic, by its full name.
func (p *Publisher) GetTopic(ctx context.Context, request *pubsubpb.GetTopicRequest, options ...gax.CallOption) (*pubsubpb.Topic, error) {
	return p.client.GetTopic(ctx, request, options...)
}

// Publish publishes one message to a topic and returns its message id. It tries once and has given
// up when ctx ends.
func (p *Publisher) Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	call := new(call)
	response, err := p.client.Publish(
		context.WithValue(ctx, callKey{}, call),
		&pubsubpb.PublishRequest{
			Topic:    "projects/" + p.project + "/topics/" + topicID,
			Messages: []*pubsubpb.PubsubMessage{{Data: data, Attributes: attributes}},
		},
		gax.WithRetry(func() gax.Retryer { return nil }),
	)
	switch {
	case err != nil && (!call.sent.Load() || call.answered.Load() && refusal(err)):
		return "", fmt.Errorf("publish to %s: %w: %w", topicID, ErrNotPublished, err)
	case err != nil:
		return "", fmt.Errorf("publish to %s: %w", topicID, err)
	case len(response.GetMessageIds()) != 1:
		return "", fmt.Errorf("publish to %s: the answer has %d message ids", topicID, len(response.GetMessageIds()))
	}
	return response.GetMessageIds()[0], nil
}

// refusal reports whether a status means that Pub/Sub did not take the message
// (https://cloud.google.com/pubsub/docs/reference/error-codes). The other codes also come from a
// server that gave up half-way.
func refusal(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.Unauthenticated,
		codes.FailedPrecondition, codes.ResourceExhausted, codes.Unimplemented:
		return true
	}
	return false
}

// call is how far one call got. A call that was not even sent, as when no connection can be made,
// has published nothing; and a status is Pub/Sub's word only if it was answered: gRPC gives broken
// connections the same codes.
type call struct{ sent, answered atomic.Bool }

// callKey is the context key of a call that sentinel watches.
type callKey struct{}

// sentinel is a stats handler that fills in the call found in the context.
type sentinel struct{}

func (sentinel) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (sentinel) HandleRPC(ctx context.Context, event stats.RPCStats) {
	call, watched := ctx.Value(callKey{}).(*call)
	if !watched {
		return
	}
	switch event.(type) {
	case *stats.OutPayload:
		call.sent.Store(true)
	case *stats.InTrailer:
		call.answered.Store(true)
	}
}

func (sentinel) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (sentinel) HandleConn(context.Context, stats.ConnStats) {}
