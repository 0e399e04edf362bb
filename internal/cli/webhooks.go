package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

func webhooksCommand(s *session) *cobra.Command {
	webhooks := group("webhooks", "Register the receiver with Gemini, and change that",
		webhooksCreateCommand(s), webhooksListCommand(s), webhooksGetCommand(s), webhooksUpdateCommand(s),
		webhooksEnableCommand(s), webhooksPingCommand(s), webhooksRotateCommand(s), webhooksDeleteCommand(s))
	geminiFlags(s, webhooks)
	return webhooks
}

// geminiFlags adds what every command that talks to Gemini has.
func geminiFlags(s *session, command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringVar(&s.apiKeyFile, "api-key-file", "", "file that holds the Gemini API key; - is standard input ($GEMINI_API_KEY)")
	flags.String("gemini-url", "", "base URL of the Gemini API ($GOOGLE_GEMINI_BASE_URL)")
	flags.String("url", "", "the receiver's static URL ($GEMHOOK_URL)")
	_ = command.MarkPersistentFlagFilename("api-key-file")
}

const idHelp = "\n\nWithout an ID it is the webhook that delivers to the receiver."

// A registry is the webhooks of a project, as Gemini has them.
type registry struct {
	gemini   *geminiapi.Client
	settings *deployment.Settings
	console  *console.Console
}

func newRegistry(s *session) (*registry, error) {
	gemini, err := s.clients.Gemini()
	if err != nil {
		return nil, err
	}
	return &registry{gemini, s.settings, s.console}, nil
}

// all returns every webhook, never nil.
func (r *registry) all(ctx context.Context) ([]*geminiapi.Webhook, error) {
	defer r.console.Working("asking Gemini")()
	webhooks := []*geminiapi.Webhook{}
	for w, err := range r.gemini.List(ctx) {
		if err != nil {
			return nil, err
		}
		webhooks = append(webhooks, w)
	}
	return webhooks, nil
}

// at returns the webhooks that deliver to a URL.
func (r *registry) at(ctx context.Context, url string) (at []*geminiapi.Webhook, err error) {
	all, err := r.all(ctx)
	for _, w := range all {
		if geminiapi.SameURI(w.URI, url) {
			at = append(at, w)
		}
	}
	return at, err
}

// one returns the webhook that args name, or the only one that delivers to the receiver.
func (r *registry) one(ctx context.Context, args []string) (*geminiapi.Webhook, error) {
	if len(args) > 0 {
		defer r.console.Working("asking Gemini")()
		return r.gemini.Get(ctx, args[0])
	}
	receiver, err := r.settings.Receiver()
	if err != nil {
		return nil, failure.Advise(err, "name the webhook by its ID, or give the receiver's URL: --url, --terraform-dir, or "+deployment.URL.Variable())
	}
	webhooks, err := r.at(ctx, receiver)
	switch {
	case err != nil:
		return nil, err
	case len(webhooks) == 0:
		none := failure.WithCode(errors.New("no webhook delivers to the receiver at "+receiver), failure.NotFound)
		return nil, failure.Advise(none, "register one: gemhook webhooks create")
	case len(webhooks) > 1:
		return nil, failure.Usagef("%d webhooks deliver to %s: name one by its ID", len(webhooks), receiver)
	}
	return webhooks[0], nil
}

// update changes fields of a webhook.
func (r *registry) update(ctx context.Context, args []string, changes geminiapi.Webhook, fields ...string) error {
	w, err := r.one(ctx, args)
	if err != nil {
		return err
	}
	done := r.console.Working("asking Gemini")
	w, err = r.gemini.Update(ctx, w.ID, changes, fields...)
	done()
	if err != nil {
		return refusedEvents(err, changes.SubscribedEvents)
	}
	return printWebhook(r.console, w)
}

func printWebhook(c *console.Console, w *geminiapi.Webhook) error {
	return c.Print(w, func() string {
		pairs := [][2]string{
			{"id", w.ID}, {"name", w.Name}, {"state", string(w.State)}, {"uri", w.URI},
			{"events", strings.Join(w.SubscribedEvents, " ")},
			{"created", stamp(w.CreateTime)}, {"updated", stamp(w.UpdateTime)},
		}
		for _, secret := range w.SigningSecrets {
			text := secret.TruncatedSecret
			if !secret.ExpireTime.IsZero() {
				text += " until " + stamp(secret.ExpireTime)
			}
			pairs = append(pairs, [2]string{"signing secret", text})
		}
		return c.Pairs(pairs)
	})
}

func webhooksListCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the project's webhooks",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			r, err := newRegistry(s)
			if err != nil {
				return err
			}
			webhooks, err := r.all(command.Context())
			if err != nil {
				return err
			}
			return s.console.Print(webhooks, func() string { return webhooksTable(s.console, webhooks) })
		},
	}
}

func webhooksTable(c *console.Console, webhooks []*geminiapi.Webhook) string {
	if len(webhooks) == 0 {
		return "no webhooks\n"
	}
	var rows [][]console.Cell
	for _, w := range webhooks {
		state := console.Cell{Text: string(w.State), Colour: console.Red}
		if w.State == geminiapi.StateEnabled {
			state.Colour = console.Green
		}
		rows = append(rows, []console.Cell{
			{Text: w.ID}, {Text: w.Name}, state, {Text: fmt.Sprint(len(w.SubscribedEvents))}, {Text: w.URI},
		})
	}
	return c.Table([]string{"ID", "NAME", "STATE", "EVENTS", "URI"}, rows)
}

func webhooksGetCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "get [ID]",
		Short: "Show a webhook",
		Long:  "Shows a webhook." + idHelp,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			r, err := newRegistry(s)
			if err != nil {
				return err
			}
			w, err := r.one(command.Context(), args)
			if err != nil {
				return err
			}
			return printWebhook(s.console, w)
		},
	}
}

func webhooksPingCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "ping [ID]",
		Short: "Have Gemini send a test delivery",
		Long: "Has Gemini send a signed test delivery to a webhook. Gemini does not say whether it arrives; gemhook doctor does\n" +
			"the same and follows the delivery to its end." + idHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			r, err := newRegistry(s)
			if err != nil {
				return err
			}
			w, err := r.one(command.Context(), args)
			if err != nil {
				return err
			}
			done := s.console.Working("having Gemini send a test delivery")
			err = r.gemini.Ping(command.Context(), w.ID)
			if done(); err != nil {
				return err
			}
			return s.console.Print(map[string]string{"pinged": w.ID}, func() string {
				return "Gemini sends a test delivery to " + console.OneLine(w.URI) + "\n"
			})
		},
	}
}
