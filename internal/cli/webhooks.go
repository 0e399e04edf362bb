package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/doctor"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// errNoWebhook is returned where no webhook delivers to the receiver.
var errNoWebhook = errors.New("no webhook delivers to the receiver")

func (s *session) webhooksCommand() *cobra.Command {
	webhooks := group("webhooks", "Register the receiver with Gemini, and look after that",
		s.webhooksCreateCommand(), s.webhooksListCommand(), s.webhooksGetCommand(), s.webhooksUpdateCommand(),
		s.webhooksEnableCommand(), s.webhooksPingCommand(), s.webhooksRotateCommand(), s.webhooksDeleteCommand())
	s.geminiFlags(webhooks)
	return webhooks
}

// geminiFlags adds what every command that talks to Gemini has.
func (s *session) geminiFlags(command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringVar(&s.apiKeyFile, "api-key-file", "", "file that holds the Gemini API key; - is standard input ($GEMINI_API_KEY)")
	flags.String("gemini-url", "", "base URL of the Gemini API ($GOOGLE_GEMINI_BASE_URL)")
	flags.String("url", "", "the receiver's static URL ($GEMHOOK_URL)")
	_ = command.MarkPersistentFlagFilename("api-key-file")
}

const idHelp = "\n\nWithout an ID it is the webhook that delivers to the receiver."

func (s *session) webhooksListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the project's webhooks",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			webhooks, err := s.listWebhooks(command.Context())
			if err != nil {
				return err
			}
			return s.console.Print(webhooks, func() string {
				if len(webhooks) == 0 {
					return "no webhooks\n"
				}
				var rows [][]console.Cell
				for _, w := range webhooks {
					rows = append(rows, []console.Cell{
						{Text: w.ID}, {Text: w.Name}, stateCell(w.State), {Text: fmt.Sprint(len(w.SubscribedEvents))}, {Text: w.URI},
					})
				}
				return s.console.Table([]string{"ID", "NAME", "STATE", "EVENTS", "URI"}, rows)
			})
		},
	}
}

func stateCell(state geminiapi.State) console.Cell {
	if state == geminiapi.StateEnabled {
		return console.Cell{Text: string(state), Colour: console.Green}
	}
	return console.Cell{Text: string(state), Colour: console.Red}
}

// listWebhooks returns every webhook of the project, never nil.
func (s *session) listWebhooks(ctx context.Context) ([]*geminiapi.Webhook, error) {
	defer s.working("asking Gemini")()
	client, err := s.gemini()
	if err != nil {
		return nil, err
	}
	webhooks := []*geminiapi.Webhook{}
	for w, err := range client.List(ctx) {
		if err != nil {
			return nil, err
		}
		webhooks = append(webhooks, w)
	}
	return webhooks, nil
}

// webhook returns the one that args name, or the only one that delivers to the receiver.
func (s *session) webhook(ctx context.Context, args []string) (*geminiapi.Webhook, error) {
	if len(args) > 0 {
		defer s.working("asking Gemini")()
		client, err := s.gemini()
		if err != nil {
			return nil, err
		}
		return client.Get(ctx, args[0])
	}
	receiver, err := s.settings.Receiver()
	if err != nil {
		return nil, advise(err, "name the webhook by its ID, or give the receiver's URL: --url, --terraform-dir, or "+deployment.URL.Variable())
	}
	webhooks, err := s.webhooksAt(ctx, receiver)
	switch {
	case err != nil:
		return nil, err
	case len(webhooks) == 0:
		return nil, advise(fmt.Errorf("%w at %s", errNoWebhook, receiver), "register one: gemhook webhooks create")
	case len(webhooks) > 1:
		return nil, usage(fmt.Sprintf("%d webhooks deliver to %s: name one by its ID", len(webhooks), receiver))
	}
	return webhooks[0], nil
}

// webhooksAt returns the webhooks that deliver to a URL.
func (s *session) webhooksAt(ctx context.Context, url string) (at []*geminiapi.Webhook, err error) {
	all, err := s.listWebhooks(ctx)
	for _, w := range all {
		if doctor.SameURL(w.URI, url) {
			at = append(at, w)
		}
	}
	return at, err
}

func (s *session) webhooksGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get [ID]",
		Short: "Show a webhook",
		Long:  "Shows a webhook." + idHelp,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			w, err := s.webhook(command.Context(), args)
			if err != nil {
				return err
			}
			return s.printWebhook(w)
		},
	}
}

func (s *session) printWebhook(w *geminiapi.Webhook) error {
	return s.console.Print(w, func() string {
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
		return s.console.Pairs(pairs)
	})
}

func (s *session) webhooksUpdateCommand() *cobra.Command {
	var name, uri string
	var events []string
	update := &cobra.Command{
		Use:     "update [ID]",
		Short:   "Change a webhook's name, URL or events",
		Long:    "Changes what is given and leaves the rest." + idHelp,
		Example: "  gemhook webhooks update --event batch.succeeded,batch.failed",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			changes := geminiapi.Webhook{Name: name, URI: uri, SubscribedEvents: events}
			var fields []string
			for flag, field := range map[string]string{"name": "name", "uri": "uri", "event": "subscribed_events"} {
				if command.Flags().Changed(flag) {
					fields = append(fields, field)
				}
			}
			if len(fields) == 0 {
				return usage("nothing to change: give --name, --uri or --event")
			}
			return s.changeWebhook(command.Context(), args, changes, fields...)
		},
	}
	flags := update.Flags()
	flags.StringVar(&name, "name", "", "its new name")
	flags.StringVar(&uri, "uri", "", "where it is to deliver")
	flags.StringSliceVar(&events, "event", nil, "types of event it is to deliver, in place of those it does")
	complete(update, "event", standin.EventTypes()...)
	return update
}

func (s *session) webhooksEnableCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "enable [ID]",
		Short: "Have Gemini deliver again to a webhook that is disabled",
		Long: "Enables a webhook, for instance after Gemini has disabled it because its deliveries failed for too long.\n" +
			"Set right first what failed: gemhook doctor." + idHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return s.changeWebhook(command.Context(), args, geminiapi.Webhook{State: geminiapi.StateEnabled}, "state")
		},
	}
}

func (s *session) changeWebhook(ctx context.Context, args []string, changes geminiapi.Webhook, fields ...string) error {
	w, err := s.webhook(ctx, args)
	if err != nil {
		return err
	}
	client, err := s.gemini()
	if err != nil {
		return err
	}
	done := s.working("asking Gemini")
	w, err = client.Update(ctx, w.ID, changes, fields...)
	done()
	if err != nil {
		return err
	}
	return s.printWebhook(w)
}

func (s *session) webhooksPingCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ping [ID]",
		Short: "Have Gemini send a test delivery",
		Long: "Has Gemini send a signed test delivery to a webhook. Whether it arrives Gemini does not say; gemhook doctor does\n" +
			"the same and follows the delivery to its end." + idHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			w, err := s.webhook(command.Context(), args)
			if err != nil {
				return err
			}
			client, err := s.gemini()
			if err != nil {
				return err
			}
			done := s.working("having Gemini send a test delivery")
			err = client.Ping(command.Context(), w.ID)
			if done(); err != nil {
				return err
			}
			return s.console.Print(map[string]string{"pinged": w.ID}, func() string {
				return "Gemini sends a test delivery to " + w.URI + "\n"
			})
		},
	}
}

func (s *session) webhooksDeleteCommand() *cobra.Command {
	var yes bool
	remove := &cobra.Command{
		Use:   "delete ID",
		Short: "Remove a webhook from Gemini",
		Long: "Removes a webhook: Gemini delivers no more events to it. Its signing secret stays stored.\n" +
			"It asks first; without a terminal to ask on it wants --yes.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			w, err := s.webhook(ctx, args)
			if err != nil {
				return err
			}
			if !yes {
				if err := s.confirm(fmt.Sprintf("Delete webhook %s, which delivers to %s?", w.ID, w.URI)); err != nil {
					return err
				}
			}
			client, err := s.gemini()
			if err != nil {
				return err
			}
			done := s.working("asking Gemini")
			err = client.Delete(ctx, w.ID)
			if done(); err != nil {
				return err
			}
			return s.console.Print(map[string]string{"deleted": w.ID}, func() string { return "deleted " + w.ID + "\n" })
		},
	}
	remove.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return remove
}

// confirm asks a person. It fails unless that person is there and says yes.
func (s *session) confirm(question string) error {
	if !console.IsTerminal(s.Stdin) {
		return usage("there is no terminal to ask on: repeat with --yes")
	}
	fmt.Fprint(s.Stderr, question+" [y/N] ")
	answer, _ := bufio.NewReader(s.Stdin).ReadString('\n') // no answer is no
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("not confirmed")
	}
	return nil
}
