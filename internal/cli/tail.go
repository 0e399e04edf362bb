package cli

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2"
	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
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

// A tail is one run of "tail".
type tail struct {
	console  *console.Console
	client   *pubsub.Client
	settings *deployment.Settings
	call     func(context.Context) (context.Context, context.CancelFunc) // bounds one call of a backend
	tailFlags
}

type tailFlags struct {
	filter       messages.Filter
	subscription string
	ack          bool
	count        int
}

func tailCommand(s *session) *cobra.Command {
	var given tailFlags
	command := &cobra.Command{
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
			if given.ack && given.subscription == "" {
				return failure.Usagef("--ack goes with --subscription")
			}
			if given.count < 0 {
				return failure.Usagef("--count is a number from 1; without it tail goes on")
			}
			client, err := s.clients.PubSub(command.Context())
			if err != nil {
				return err
			}
			t := &tail{s.console, client, s.settings, s.clients.Call, given}
			return t.run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&given.filter.Type, "type", "", "only events of this type")
	flags.StringVar(&given.filter.Tenant, "tenant", "", "only events of this tenant")
	flags.StringVar(&given.subscription, "subscription", "", "id of a subscription to follow in place of the topic")
	flags.BoolVar(&given.ack, "ack", false, "with --subscription: take what is shown out of it")
	flags.IntVar(&given.count, "count", 0, "end after so many events")
	flags.String("topic", "", "id of the topic ($GEMHOOK_TOPIC)")
	complete(command, "type", standin.EventTypes()...)
	return command
}

func (t *tail) run(ctx context.Context) error {
	if t.subscription != "" {
		if err := t.check(ctx); err != nil {
			return err
		}
		return t.follow(ctx)
	}
	topic, err := t.settings.Get(deployment.Topic)
	if err != nil {
		return err
	}
	// An interruption does not reach this call: a subscription whose making was interrupted could
	// be there all the same, and would be left.
	calling, cancel := t.call(context.WithoutCancel(ctx))
	defer cancel()
	if t.subscription, err = messages.Subscribe(calling, t.client, topic, t.filter); err != nil {
		return err
	}
	defer func() {
		calling, cancel := t.call(context.WithoutCancel(ctx))
		defer cancel()
		if err := messages.Unsubscribe(calling, t.client, t.subscription); err != nil {
			t.console.Note("gemhook: %v; Pub/Sub does so after a day", err)
		}
	}()
	t.ack = true
	if !t.console.JSON() {
		t.console.Note("following topic %s …", topic)
	}
	return t.follow(ctx)
}

func (t *tail) check(ctx context.Context) error {
	ctx, cancel := t.call(ctx)
	defer cancel()
	return messages.Check(ctx, t.client, t.subscription)
}

// follow prints events until there are enough, ctx ends, or nobody takes what is printed. An
// interrupt is how a tail ends, and no error.
func (t *tail) follow(ctx context.Context) error {
	seen := 0
	var printErr error
	err := messages.Follow(ctx, t.client, t.subscription, t.filter, t.ack, func(m *messages.Message) bool {
		line := &tailed{MessageID: m.ID, PublishTime: m.PublishTime, Attributes: m.Attributes}
		if utf8.Valid(m.Data) {
			line.Data = string(m.Data)
		} else {
			line.DataBase64 = m.Data
		}
		printErr = t.console.PrintLine(line, func() string { return tailText(t.console, m) })
		seen++
		return printErr == nil && seen != t.count
	})
	if err != nil {
		return err
	}
	return printErr
}

// tailText is a message on one line.
func tailText(c *console.Console, m *messages.Message) string {
	colour := console.Green
	eventType := m.Attributes["ce-type"]
	switch {
	case eventType == ledger.DeadLetterType, strings.HasSuffix(eventType, ".failed"):
		colour = console.Red
	case eventType == "":
		eventType = "(no ce-type)"
	}
	fields := []string{
		c.Paint(console.Dim, m.PublishTime.UTC().Format(clockLayout)),
		c.Paint(colour, console.Pad(console.OneLine(eventType), 27)),
	}
	if tenant := m.Attributes["ce-tenant"]; tenant != "" {
		fields = append(fields, c.Paint(console.Cyan, console.OneLine(tenant)))
	}
	for _, name := range []string{"ce-subject", "ce-id", "error"} {
		if value := m.Attributes[name]; value != "" {
			fields = append(fields, console.OneLine(value))
		}
	}
	if m.Attributes[ledger.RedeliveredAttribute] == "true" {
		fields = append(fields, c.Paint(console.Yellow, "redelivered"))
	}
	return strings.Join(fields, "  ")
}
