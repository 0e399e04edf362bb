package replay_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/cli/replay"
	"github.com/gemhook/gemhook/shared/ledger"
)

// Dead letters are selected as deliveries are; one that is not an event only by its type or id.
func TestFromDeadLetters(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	letters := &messages.DeadLetters{}
	for i, m := range []map[string]string{
		{"ce-id": "a", "ce-type": "batch.failed", "ce-tenant": "acme"},
		{"ce-id": "b", "ce-type": "batch.failed"},
		{"ce-id": "c", "ce-type": ledger.DeadLetterType},
	} {
		letters.Messages = append(letters.Messages, &messages.Message{PublishTime: at.Add(time.Duration(i) * time.Second), Attributes: m})
	}
	for name, test := range map[string]struct {
		selection replay.Selection
		want      string
	}{
		"all but what is no event":     {replay.Selection{}, "a b"},
		"what is no event, by type":    {replay.Selection{Type: ledger.DeadLetterType}, "c"},
		"what is no event, by its id":  {replay.Selection{WebhookIDs: []string{"c"}}, "c"},
		"by ids":                       {replay.Selection{WebhookIDs: []string{"b", "x"}}, "b"},
		"by type":                      {replay.Selection{Type: "batch.failed"}, "a b"},
		"by another type":              {replay.Selection{Type: "batch.expired"}, ""},
		"by tenant":                    {replay.Selection{Tenant: "acme"}, "a"},
		"by id and tenant":             {replay.Selection{WebhookIDs: []string{"a", "b"}, Tenant: "acme"}, "a"},
		"since the moment of one":      {replay.Selection{Since: at.Add(time.Second)}, "b"},
		"since just after it":          {replay.Selection{Since: at.Add(time.Second + 1)}, ""},
		"until the moment of one":      {replay.Selection{Until: at.Add(time.Second)}, "a"},
		"until just after it":          {replay.Selection{Until: at.Add(time.Second + 1)}, "a b"},
		"since and until the same one": {replay.Selection{Since: at, Until: at}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ids []string
			for _, item := range replay.FromDeadLetters(letters, test.selection, "events") {
				ids = append(ids, item.WebhookID)
				if item.Topic != "events" || item.Outcome != replay.Planned {
					t.Errorf("item %+v", item)
				}
			}
			if got := strings.Join(ids, " "); got != test.want {
				t.Errorf("planned are %q, want %q", got, test.want)
			}
		})
	}
}
