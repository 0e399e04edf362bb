package main

import (
	"context"
	"net/http"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"

	testbackend "github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/shared/ledger"
)

// A defect is something done wrong. A nil member changes nothing.
type defect struct {
	publish func(*pubsubpb.PublishRequest, func() error) error // around the call
	status  func(status int) int                               // of the answer
}

// defects are what FAULTTEST_DEFECT can name.
var defects = map[string]defect{
	"": {},
	// The mark of a possible copy is left out.
	"unmarked": {publish: func(request *pubsubpb.PublishRequest, call func() error) error {
		delete(request.Messages[0].Attributes, ledger.RedeliveredAttribute)
		return call()
	}},
	// Every publish is done twice.
	"twice": {publish: func(_ *pubsubpb.PublishRequest, call func() error) error {
		_ = call()
		return call()
	}},
	// A publish without an answer is tried again at once.
	"impatient": {publish: func(_ *pubsubpb.PublishRequest, call func() error) error {
		if err := call(); err == nil {
			return nil
		}
		return call()
	}},
	// The message is not what was delivered.
	"careless": {publish: func(request *pubsubpb.PublishRequest, call func() error) error {
		request.Messages[0].Data = append(request.Messages[0].Data, '\n')
		return call()
	}},
	// The message goes to another topic.
	"astray": {publish: func(request *pubsubpb.PublishRequest, call func() error) error {
		request.Topic = strings.Replace(request.Topic, testbackend.TopicID, testbackend.DeadLetterTopicID, 1)
		return call()
	}},
	// A delivery that is in flight is acknowledged.
	"trusting": {status: func(status int) int {
		if status == http.StatusConflict {
			return http.StatusOK
		}
		return status
	}},
	// A delivery that is refused is acknowledged.
	"credulous": {status: func(status int) int {
		if status == http.StatusUnauthorized {
			return http.StatusOK
		}
		return status
	}},
}

func (d defect) call(ctx context.Context, method string, request, reply any, to *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	call := func() error { return invoke(ctx, method, request, reply, to, options...) }
	if publish, is := request.(*pubsubpb.PublishRequest); is && d.publish != nil {
		return d.publish(publish, call)
	}
	return call()
}
