package app

import (
	"context"
	"fmt"

	"github.com/gemhook/gemhook/shared/fresh"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/topic"
)

// lazyLedger is a ledger that is opened by the time it is needed, or by the delivery that needs it.
type lazyLedger struct{ opened *fresh.Value[ledger.Ledger] }

func (l lazyLedger) Claim(ctx context.Context, key ledger.Key, entry ledger.Entry) (*ledger.Claim, error) {
	opened, err := l.opened.Get(ctx)
	if err != nil {
		return nil, err
	}
	return opened.Claim(ctx, key, entry)
}

func (l lazyLedger) Settle(ctx context.Context, claim *ledger.Claim, state ledger.State, messageID string) error {
	opened, err := l.opened.Get(ctx)
	if err != nil {
		return err
	}
	return opened.Settle(ctx, claim, state, messageID)
}

func (l lazyLedger) Release(ctx context.Context, claim *ledger.Claim) error {
	opened, err := l.opened.Get(ctx)
	if err != nil {
		return err
	}
	return opened.Release(ctx, claim)
}

// lazyPublisher is a publisher that is opened by the time it is needed, or by the delivery that needs it.
type lazyPublisher struct{ opened *fresh.Value[topic.Publisher] }

func (p lazyPublisher) Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	opened, err := p.opened.Get(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", topic.ErrNotPublished, err)
	}
	return opened.Publish(ctx, topicID, data, attributes)
}
