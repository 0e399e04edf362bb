package cli

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2"
	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// tailed is a message as "tail" prints it for programs.
type tailed struct {
	MessageID   string            `json:"message_id"`
	PublishTime time.Time         `json:"publish_time"`
	Attributes  map[string]string `json:"attributes"`
	Data        string            `json:"data,omitempty"`        // if it is UTF-8
	DataBase64  []byte            `json:"data_base64,omitempty"` // if it is not
}

func (s *session) tailCommand() *cobra.Command {
	var (
		filter       messages.Filter
		subscription string
		ack          bool
		count        int
	)
	tail := &cobra.Command{
		Use:   "tail",
		Short: "Follow the events as they are published",
		Long: `Prints a line for each event, from now on, until it is interrupted or --count is reached.

It follows the topic by a subscription of its own, which disturbs nobody and is deleted at the end.
With --subscription it follows that one: what lies in it is shown and stays in it, or is taken with
--ack. While it looks at a subscription its other readers wait for the messages shown, and each of
those counts as delivered once more, of which a dead-letter policy allows a few.

With --output json it prints one object a line.`,
		Example: "  gemhook tail --terraform-dir terraform/gcp --tenant acme\n" +
			"  gemhook tail --subscription gemhook-all --count 10 --output json | jq -r .data",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if ack && subscription == "" {
				return usage("--ack goes with --subscription")
			}
			if count < 0 {
				return usage("--count is a number from 0")
			}
			return s.tail(command.Context(), filter, subscription, ack, count)
		},
	}
	flags := tail.Flags()
	flags.StringVar(&filter.Type, "type", "", "only events of this type")
	flags.StringVar(&filter.Tenant, "tenant", "", "only events of this tenant")
	flags.StringVar(&subscription, "subscription", "", "id of a subscription to follow in place of the topic")
	flags.BoolVar(&ack, "ack", false, "with --subscription: take what is shown out of it")
	flags.IntVar(&count, "count", 0, "end after so many; 0 goes on")
	flags.String("topic", "", "id of the topic ($GEMHOOK_TOPIC)")
	complete(tail, "type", standin.EventTypes()...)
	return tail
}

func (s *session) tail(ctx context.Context, filter messages.Filter, subscription string, ack bool, count int) (err error) {
	client, err := s.pubsub(ctx)
	if err != nil {
		return err
	}
	if subscription == "" {
		topic, err := s.settings.Get(deployment.Topic)
		if err != nil {
			return err
		}
		calling, cancel := s.call(ctx)
		defer cancel()
		if subscription, err = messages.Subscribe(calling, client, topic, filter); err != nil {
			return err
		}
		defer func() {
			calling, cancel := s.call(context.WithoutCancel(ctx))
			defer cancel()
			if err := messages.Unsubscribe(calling, client, subscription); err != nil {
				s.console.Note("gemhook: %v; Pub/Sub does so after a day", err)
			}
		}()
		ack = true
		if !s.console.JSON() {
			s.console.Note("following topic %s …", topic)
		}
	} else if err := s.checkSubscription(ctx, client, subscription); err != nil {
		return err
	}
	seen := 0
	followErr := messages.Follow(ctx, client, subscription, filter, ack, func(m *messages.Message) bool {
		line := &tailed{MessageID: m.ID, PublishTime: m.PublishTime, Attributes: m.Attributes}
		if utf8.Valid(m.Data) {
			line.Data = string(m.Data)
		} else {
			line.DataBase64 = m.Data
		}
		err = s.console.PrintLine(line, func() string { return s.tailText(m) })
		seen++
		return err == nil && seen != count
	})
	if followErr != nil {
		return followErr
	}
	return err // an interrupt is how a tail ends
}

func (s *session) checkSubscription(ctx context.Context, client *pubsub.Client, subscription string) error {
	ctx, cancel := s.call(ctx)
	defer cancel()
	return messages.Check(ctx, client, subscription)
}

// tailText is a message on one line.
func (s *session) tailText(m *messages.Message) string {
	colour := console.Green
	eventType := m.Attributes["ce-type"]
	switch {
	case eventType == ledger.DeadLetterType, strings.HasSuffix(eventType, ".failed"):
		colour = console.Red
	case eventType == "":
		eventType = "(no ce-type)"
	}
	fields := []string{
		s.console.Paint(console.Dim, m.PublishTime.UTC().Format("15:04:05Z")),
		s.console.Paint(colour, fmt.Sprintf("%-27s", console.Clean(eventType))),
	}
	if tenant := m.Attributes["ce-tenant"]; tenant != "" {
		fields = append(fields, s.console.Paint(console.Cyan, console.Clean(tenant)))
	}
	for _, name := range []string{"ce-subject", "ce-id", "error"} {
		if value := m.Attributes[name]; value != "" {
			fields = append(fields, console.Clean(value))
		}
	}
	if m.Attributes[ledger.RedeliveredAttribute] == "true" {
		fields = append(fields, s.console.Paint(console.Yellow, "redelivered"))
	}
	return strings.Join(fields, "  ")
}
