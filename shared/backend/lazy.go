package backend

import (
	"context"
	"fmt"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"

	"github.com/gemhook/gemhook/shared/fresh"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/topic"
)

// A Ledger is a [ledger.Ledger] that is opened by the first call. It is safe for concurrent use.
type Ledger struct{ opened *fresh.Value[ledger.Ledger] }

// Open returns the ledger itself, for what is not here.
func (l *Ledger) Open(ctx context.Context) (*ledger.Ledger, error) { return l.opened.Get(ctx) }

// Claim is [ledger.Ledger.Claim].
func (l *Ledger) Claim(ctx context.Context, message ledger.Message) (ledger.ClaimResult, error) {
	opened, err := l.opened.Get(ctx)
	if err != nil {
		return ledger.ClaimResult{}, err
	}
	return opened.Claim(ctx, message)
}

// Settle is [ledger.Ledger.Settle].
func (l *Ledger) Settle(ctx context.Context, claim *ledger.Claim, messageID string) error {
	opened, err := l.opened.Get(ctx)
	if err != nil {
		return err
	}
	return opened.Settle(ctx, claim, messageID)
}

// Release is [ledger.Ledger.Release].
func (l *Ledger) Release(ctx context.Context, claim *ledger.Claim) error {
	opened, err := l.opened.Get(ctx)
	if err != nil {
		return err
	}
	return opened.Release(ctx, claim)
}

// A Publisher is a [topic.Publisher] that is opened by the first call. It is safe for concurrent
// use.
type Publisher struct{ opened *fresh.Value[topic.Publisher] }

// Publish is [topic.Publisher.Publish]. While there is no publisher, its error is
// topic.ErrNotPublished.
func (p *Publisher) Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	opened, err := p.opened.Get(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", topic.ErrNotPublished, err)
	}
	return opened.Publish(ctx, topicID, data, attributes)
}

// GetTopic is [topic.Publisher.GetTopic].
func (p *Publisher) GetTopic(ctx context.Context, request *pubsubpb.GetTopicRequest, options ...gax.CallOption) (*pubsubpb.Topic, error) {
	opened, err := p.opened.Get(ctx)
	if err != nil {
		return nil, err
	}
	return opened.GetTopic(ctx, request, options...)
}
