package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/webhook"
)

// entry is a delivery as JSON: the field names of the ledger, and the key.
type entry struct {
	Key            string            `json:"key"`
	State          ledger.State      `json:"state"`
	WebhookID      string            `json:"webhook_id"`
	Tenant         string            `json:"tenant"`
	Scheme         string            `json:"scheme"`
	Type           string            `json:"type"`
	ResourceID     string            `json:"resource_id"`
	Attempt        int               `json:"attempt"`
	LeaseExpiresAt time.Time         `json:"lease_expires_at"`
	ReceivedAt     time.Time         `json:"received_at"`
	SettledAt      *time.Time        `json:"settled_at"`
	ExpiresAt      time.Time         `json:"expires_at"`
	Topic          string            `json:"topic"`
	MessageID      string            `json:"message_id"`
	Attributes     map[string]string `json:"attributes,omitempty"`
	Payload        string            `json:"payload,omitempty"`        // if it is UTF-8
	PayloadBase64  []byte            `json:"payload_base64,omitempty"` // if it is not
}

func newEntry(d *deliveries.Delivery) *entry {
	e := &entry{
		Key: string(d.Key), State: d.State, WebhookID: d.WebhookID, Tenant: d.Tenant, Scheme: d.Scheme, Type: d.Type,
		ResourceID: d.ResourceID, Attempt: d.Attempt, LeaseExpiresAt: d.LeaseExpiresAt, ReceivedAt: d.ReceivedAt,
		SettledAt: d.SettledAt, ExpiresAt: d.ExpiresAt, Topic: d.Topic, MessageID: d.MessageID, Attributes: d.Attributes,
	}
	if utf8.Valid(d.Payload) {
		e.Payload = string(d.Payload)
	} else {
		e.PayloadBase64 = d.Payload
	}
	return e
}

func deliveriesCommand(s *session) *cobra.Command {
	return group("deliveries", "See what came in, from the ledger", deliveriesListCommand(s), deliveriesGetCommand(s))
}

// A listing is one run of "deliveries list".
type listing struct {
	console *console.Console
	reader  *deliveries.Reader
	filter  deliveries.Filter
}

func deliveriesListCommand(s *session) *cobra.Command {
	var filters filterFlags
	var limit int
	list := &cobra.Command{
		Use:     "list",
		Short:   "List deliveries, newest first",
		Example: "  gemhook deliveries list --type batch.failed --since 24h",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			filter, err := filters.filter(s.Now())
			if err != nil {
				return err
			}
			if filter.Limit = limit; limit < 0 {
				return failure.Usagef("--limit is a number from 0")
			}
			reader, err := s.clients.Deliveries(command.Context())
			if err != nil {
				return err
			}
			l := &listing{s.console, reader, filter}
			return l.run(command.Context())
		},
	}
	filters.add(list)
	list.Flags().IntVar(&limit, "limit", 20, "how many at most; 0 is all")
	return list
}

func (l *listing) run(ctx context.Context) error {
	done := l.console.Working("reading the ledger")
	defer done()
	entries := []*entry{}
	for delivery, err := range l.reader.List(ctx, l.filter) {
		if err != nil {
			return err
		}
		entries = append(entries, newEntry(delivery))
	}
	done()
	return l.console.Print(entries, func() string { return entriesText(l.console, entries, l.filter.Limit) })
}

func entriesText(c *console.Console, entries []*entry, limit int) string {
	if len(entries) == 0 {
		return "no deliveries\n"
	}
	var rows [][]console.Cell
	for _, e := range entries {
		colour := map[ledger.State]console.Colour{
			ledger.Published: console.Green, ledger.DeadLettered: console.Red, ledger.Released: console.Yellow, ledger.Claimed: console.Yellow,
		}[e.State]
		id, eventType := e.WebhookID, e.Type
		if e.State == ledger.DeadLettered && eventType == "" {
			eventType = "(no event)"
		}
		if e.Scheme == string(webhook.SchemeJWT) || deliveries.IsResult(ledger.Key(e.Key)) {
			id = e.Key // the webhook-id of a token's delivery identifies nothing, and a result's is its event's
		}
		rows = append(rows, []console.Cell{
			{Text: stamp(e.ReceivedAt), Colour: console.Dim}, {Text: string(e.State), Colour: colour}, {Text: eventType}, {Text: e.Tenant},
			{Text: e.ResourceID}, {Text: fmt.Sprint(e.Attempt)}, {Text: e.MessageID}, {Text: id},
		})
	}
	text := c.Table([]string{"RECEIVED", "STATE", "TYPE", "TENANT", "RESOURCE", "ATTEMPT", "MESSAGE", "ID"}, rows)
	if len(entries) == limit {
		text += fmt.Sprintf("the newest %d; there may be more (--limit, --until)\n", limit)
	}
	return text
}

func deliveriesGetCommand(s *session) *cobra.Command {
	var tenant string
	var payload bool
	get := &cobra.Command{
		Use:   "get ID",
		Short: "Show all that is known of a delivery",
		Long: `Shows a delivery, by its webhook-id or by its key in the ledger. A webhook-id alone is one of a static
webhook; a dynamic one's needs --tenant. A delivery by token is found by its key.`,
		Example: "  gemhook deliveries get msg_2f1c… --tenant acme\n  gemhook deliveries get msg_2f1c… --payload | jq .data",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			done := s.console.Working("reading the ledger")
			defer done()
			reader, err := s.clients.Deliveries(command.Context())
			if err != nil {
				return err
			}
			ctx, cancel := s.clients.Call(command.Context())
			defer cancel()
			delivery, err := reader.Get(ctx, deliveries.KeyOf(args[0], tenant))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			done()
			if payload {
				return s.console.PrintRaw(delivery.Payload)
			}
			return s.console.Print(newEntry(delivery), func() string { return entryText(s.console, delivery) })
		},
	}
	get.Flags().StringVar(&tenant, "tenant", "", "tenant of a dynamic webhook's delivery")
	get.Flags().BoolVar(&payload, "payload", false, "print the payload alone, byte for byte if it does not go to a terminal")
	return get
}

func entryText(c *console.Console, d *deliveries.Delivery) string {
	settled := ""
	if d.SettledAt != nil {
		settled = stamp(*d.SettledAt)
	}
	text := c.Pairs([][2]string{
		{"key", string(d.Key)}, {"state", string(d.State)}, {"webhook-id", d.WebhookID}, {"type", d.Type}, {"tenant", d.Tenant},
		{"resource", d.ResourceID}, {"scheme", d.Scheme}, {"attempt", fmt.Sprint(d.Attempt)}, {"received", stamp(d.ReceivedAt)},
		{"settled", settled}, {"expires", stamp(d.ExpiresAt)}, {"topic", d.Topic}, {"message", d.MessageID},
	})
	var attributes [][2]string
	for _, name := range slices.Sorted(maps.Keys(d.Attributes)) {
		if name != webhook.HeaderSignature { // long, and of use to programs only
			attributes = append(attributes, [2]string{"  " + name, d.Attributes[name]})
		}
	}
	if len(attributes) > 0 {
		text += c.Paint(console.Bold, "attributes") + "\n" + c.Pairs(attributes)
	}
	if len(d.Payload) == 0 {
		return text
	}
	var indented bytes.Buffer
	if json.Indent(&indented, d.Payload, "  ", "  ") != nil {
		return text + c.Paint(console.Bold, "payload") + "\n  " + console.OneLine(string(d.Payload)) + "\n"
	}
	return text + c.Paint(console.Bold, "payload") + "\n  " + indented.String() + "\n"
}
