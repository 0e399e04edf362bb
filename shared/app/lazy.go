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

func (l lazyLedger) Claim(ctx context.Context, message ledger.Message) (ledger.ClaimResult, error) {
	opened, err := l.opened.Get(ctx)
	if err != nil {
		return ledger.ClaimResult{}, err
	}
	return opened.Claim(ctx, message)
}

func (l lazyLedger) Settle(ctx context.Context, claim *ledger.Claim, messageID string) error {
	opened, err := l.opened.Get(ctx)
	if err != nil {
		return err
	}
	return opened.Settle(ctx, claim, messageID)
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
