package topic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/topic"
)

func TestPublish(t *testing.T) {
	data := []byte("{\"a\":\x00\xff\"b\"}\r\n")
	attributes := map[string]string{"ce-id": "msg_1", "empty": "", "größe": "日本語", "long": strings.Repeat("v", 1024)}
	var got *pubsubpb.PublishRequest
	s, publisher := newServer(t, func(_ context.Context, request *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
		got = request
		return published("m-17"), nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	id, err := publisher.Publish(ctx, "gemini-events", data, attributes)
	if err != nil || id != "m-17" {
		t.Fatalf("message id %q, error %v", id, err)
	}
	if got.Topic != "projects/gemhook-tests/topics/gemini-events" {
		t.Errorf("topic %q", got.Topic)
	}
	if calls := s.calls.Load(); calls != 1 || len(got.Messages) != 1 {
		t.Fatalf("%d calls with %d messages, want one of one", calls, len(got.Messages))
	}
	message := got.Messages[0]
	if !bytes.Equal(message.Data, data) || !maps.Equal(message.Attributes, attributes) || message.OrderingKey != "" {
		t.Errorf("message %v is not what was given", message)
	}
}

// The emulator's address is taken with a scheme as well as without, as Firestore's client does.
func TestEmulatorsAddress(t *testing.T) {
	s := &server{publish: func(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
		return published("m-1"), nil
	}}
	address := s.serve(t)
	for _, scheme := range []string{"", "http://", "https://"} {
		t.Run(scheme+"address", func(t *testing.T) {
			t.Setenv("PUBSUB_EMULATOR_HOST", scheme+address)
			publisher, err := topic.New(t.Context(), project)
			if err != nil {
				t.Fatal(err)
			}
			defer publisher.Close()
			if id, err := publish(t, publisher); id != "m-1" || err != nil {
				t.Errorf("message id %q, error %v", id, err)
			}
		})
	}
}

// TestCodes goes through what Pub/Sub can answer. Each answer is to one call: a hidden retry would
// be an unmarked copy.
func TestCodes(t *testing.T) {
	refusals := map[codes.Code]bool{
		codes.InvalidArgument: true, codes.NotFound: true, codes.PermissionDenied: true, codes.Unauthenticated: true,
		codes.FailedPrecondition: true, codes.ResourceExhausted: true, codes.Unimplemented: true,
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		t.Run(code.String(), func(t *testing.T) {
			var s *server
			s, publisher := newServer(t, func(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
				if s.calls.Load() > 1 {
					return published("m-retried"), nil
				}
				return nil, status.Error(code, "as the test says")
			})
			id, err := publish(t, publisher)
			if id != "" || status.Code(err) != code {
				t.Errorf("message id %q, error %v, want code %s", id, err, code)
			}
			if got := errors.Is(err, topic.ErrNotPublished); got != refusals[code] {
				t.Errorf("surely not published: %t, want %t; error %v", got, refusals[code], err)
			}
			if calls := s.calls.Load(); calls != 1 {
				t.Errorf("%d calls for one publish", calls)
			}
		})
	}
}

func TestAnswerWithoutOneID(t *testing.T) {
	for name, ids := range map[string][]string{"none": nil, "two": {"m-1", "m-2"}} {
		t.Run(name, func(t *testing.T) {
			_, publisher := newServer(t, func(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
				return &pubsubpb.PublishResponse{MessageIds: ids}, nil
			})
			if id, err := publish(t, publisher); err == nil || errors.Is(err, topic.ErrNotPublished) {
				t.Errorf("message id %q, error %v, want an unsure failure", id, err)
			}
		})
	}
}

func TestTooLargeToSend(t *testing.T) {
	// The server of this test refuses what is larger than 4 MiB, as Pub/Sub does at 10 MB.
	s, publisher := newServer(t, func(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
		return published("m-1"), nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := publisher.Publish(ctx, topicID, make([]byte, 5<<20), nil); !errors.Is(err, topic.ErrNotPublished) {
		t.Errorf("error %v, want ErrNotPublished", err)
	}
	if calls := s.calls.Load(); calls != 0 {
		t.Errorf("%d calls", calls)
	}
}

func TestContextOverBefore(t *testing.T) {
	s, publisher := newServer(t, func(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
		return published("m-1"), nil
	})
	over := func(want int64) {
		t.Helper()
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		for _, ctx := range []context.Context{canceled, expired} {
			if _, err := publisher.Publish(ctx, topicID, nil, nil); !errors.Is(err, topic.ErrNotPublished) {
				t.Errorf("%v: error %v, want ErrNotPublished", ctx.Err(), err)
			}
		}
		if calls := s.calls.Load(); calls != want {
			t.Errorf("%d calls have reached the server, want %d", calls, want)
		}
	}
	over(0) // before there is a connection
	for range 8 {
		if _, err := publish(t, publisher); err != nil {
			t.Fatal(err)
		}
	}
	over(8) // and on connections that are open
}

// TestConcurrentPublishes has the server answer none before all have arrived: they must not wait
// for one another.
func TestConcurrentPublishes(t *testing.T) {
	const publishes = 64
	var arrived sync.WaitGroup
	arrived.Add(publishes)
	s, publisher := newServer(t, func(_ context.Context, request *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
		arrived.Done()
		arrived.Wait()
		return published("m-" + string(request.Messages[0].Data)), nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var running sync.WaitGroup
	for i := range publishes {
		running.Go(func() {
			id, err := publisher.Publish(ctx, topicID, fmt.Append(nil, i), nil)
			if want := fmt.Sprintf("m-%d", i); err != nil || id != want {
				t.Errorf("message id %q, error %v, want %s", id, err, want)
			}
		})
	}
	running.Wait()
	if calls := s.calls.Load(); calls != publishes {
		t.Errorf("%d calls for %d publishes", calls, publishes)
	}
	if t.Failed() {
		arrived.Add(-publishes + int(s.calls.Load())) // let go of those that wait
	}
}

// TestGetTopic wants the topic, or Pub/Sub's own word that there is none.
func TestGetTopic(t *testing.T) {
	_, publisher := newServer(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for name, want := range map[string]codes.Code{existing: codes.OK, existing + "-other": codes.NotFound} {
		t.Run(want.String(), func(t *testing.T) {
			got, err := publisher.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: name})
			if status.Code(err) != want || err == nil && got.GetName() != name {
				t.Errorf("topic %q, error %v, want %s", got.GetName(), err, want)
			}
		})
	}
}

// TestNewWithoutCredentials wants the reason at once, not from the first publish.
func TestNewWithoutCredentials(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	publisher, err := topic.New(t.Context(), project)
	if err == nil || publisher != nil || !strings.Contains(err.Error(), "open Pub/Sub") {
		t.Errorf("publisher %v, error %v, want that of opening", publisher, err)
	}
}
