package replay

import (
	"slices"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/shared/ledger"
)

// FromLedger plans the replay of a delivery in the ledger, to the topic it was published to or else
// to another.
func FromLedger(d *deliveries.Delivery, topicID string) *Item {
	item := &Item{
		Key: string(d.Key), WebhookID: d.WebhookID, Type: d.Type, Tenant: d.Tenant, State: string(d.State),
		ReceivedAt: d.ReceivedAt, Topic: d.Topic, Outcome: Planned,
	}
	if topicID != "" {
		item.Topic = topicID
	}
	return item
}

// A Selection says which dead letters are wanted.
type Selection struct {
	WebhookIDs   []string // any if empty
	Type, Tenant string   // any if empty
	Since, Until time.Time
}

// FromDeadLetters plans the replay of dead letters to a topic. The receiver's own, which are not
// events, are left out unless the selection names their type or webhook-id.
func FromDeadLetters(letters *messages.DeadLetters, selection Selection, topicID string) []*Item {
	var items []*Item
	for _, m := range letters.Messages {
		if !selection.wants(m) {
			continue
		}
		items = append(items, &Item{
			WebhookID: m.Attributes["ce-id"], Type: m.Attributes["ce-type"], Tenant: m.Attributes["ce-tenant"],
			ReceivedAt: m.PublishTime, Topic: topicID, Outcome: Planned, letter: &deadLetter{letters, m},
		})
	}
	return items
}

func (s Selection) wants(m *messages.Message) bool {
	named := slices.Contains(s.WebhookIDs, m.Attributes["ce-id"])
	switch {
	case len(s.WebhookIDs) > 0 && !named,
		s.Type == "" && !named && m.Attributes["ce-type"] == ledger.DeadLetterType,
		!s.Since.IsZero() && m.PublishTime.Before(s.Since),
		!s.Until.IsZero() && !m.PublishTime.Before(s.Until):
		return false
	}
	return messages.Filter{Type: s.Type, Tenant: s.Tenant}.Match(m.Attributes)
}
