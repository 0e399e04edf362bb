package topic_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/topic"
)

const (
	project = "gemhook-tests"
	topicID = "gemini-events"
)

// patience is for what must happen. A test that has to wait as long has failed.
const patience = 20 * time.Second

// A server is Pub/Sub as far as a publisher sees it: Publish does what the test says, and one topic
// exists.
type server struct {
	pubsubpb.UnimplementedPublisherServer
	publish func(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error)
	calls   atomic.Int64
}

func (s *server) Publish(ctx context.Context, request *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	s.calls.Add(1)
	return s.publish(ctx, request)
}

// existing is the topic that the server has.
const existing = "projects/" + project + "/topics/" + topicID

func (s *server) GetTopic(_ context.Context, request *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	if request.GetTopic() != existing {
		return nil, status.Error(codes.NotFound, "no such topic")
	}
	return &pubsubpb.Topic{Name: existing}, nil
}

type publishFunc = func(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error)

// newServer starts a server and a publisher for it.
func newServer(t *testing.T, publish publishFunc) (*server, *topic.Publisher) {
	t.Helper()
	s := &server{publish: publish}
	return s, newPublisher(t, s.serve(t))
}

// serve has the server listen until the end of the test, and returns its address.
func (s *server) serve(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	grpcServer := grpc.NewServer()
	pubsubpb.RegisterPublisherServer(grpcServer, s)
	go func() { _ = grpcServer.Serve(listener) }()
	t.Cleanup(grpcServer.Stop)
	return listener.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// newPublisher returns a publisher that connects to an address as it would to Pub/Sub, only without
// TLS and credentials.
func newPublisher(t *testing.T, address string) *topic.Publisher {
	t.Helper()
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	publisher, err := topic.New(t.Context(), project,
		option.WithEndpoint(address),
		option.WithoutAuthentication(),
		option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	return publisher
}

// publish publishes something and wants it to take no longer than the test has patience.
func publish(t *testing.T, publisher *topic.Publisher) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	id, err := publisher.Publish(ctx, topicID, []byte("data"), map[string]string{"ce-id": "msg_1"})
	if ctx.Err() != nil {
		t.Fatalf("publish has not returned within %s", patience)
	}
	return id, err
}

func published(id string) *pubsubpb.PublishResponse {
	return &pubsubpb.PublishResponse{MessageIds: []string{id}}
}
