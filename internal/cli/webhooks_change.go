package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

func webhooksUpdateCommand(s *session) *cobra.Command {
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
				return failure.Usagef("nothing to change: give --name, --uri or --event")
			}
			if command.Flags().Changed("uri") {
				var err error
				if changes.URI, err = deliverable(s.settings, uri); err != nil {
					return failure.Usagef("--uri: %w", err)
				}
			}
			r, err := newRegistry(s)
			if err != nil {
				return err
			}
			return r.update(command.Context(), args, changes, fields...)
		},
	}
	flags := update.Flags()
	flags.StringVar(&name, "name", "", "its new name")
	flags.StringVar(&uri, "uri", "", "where it is to deliver")
	flags.StringSliceVar(&events, "event", nil, "types of event it is to deliver, in place of those it does")
	complete(update, "event", geminiapi.EventTypes()...)
	return update
}

func webhooksEnableCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "enable [ID]",
		Short: "Have Gemini deliver again to a webhook that is disabled",
		Long: "Enables a webhook, for instance after Gemini has disabled it because its deliveries failed for too long.\n" +
			"First mend what made them fail: gemhook doctor." + idHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			r, err := newRegistry(s)
			if err != nil {
				return err
			}
			return r.update(command.Context(), args, geminiapi.Webhook{State: geminiapi.StateEnabled}, "state")
		},
	}
}

// A deletion is one run of "webhooks delete".
type deletion struct {
	*registry
	stdin io.Reader
	yes   bool // do not ask
}

func webhooksDeleteCommand(s *session) *cobra.Command {
	var yes bool
	remove := &cobra.Command{
		Use:   "delete ID",
		Short: "Remove a webhook from Gemini",
		Long: "Removes a webhook: Gemini delivers no more events to it. Its signing secret stays stored.\n" +
			"It asks first; where there is no terminal to ask on, it needs --yes.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			r, err := newRegistry(s)
			if err != nil {
				return err
			}
			d := &deletion{r, s.Stdin, yes}
			return d.run(command.Context(), args)
		},
	}
	remove.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return remove
}

func (d *deletion) run(ctx context.Context, args []string) error {
	w, err := d.one(ctx, args)
	if err != nil {
		return err
	}
	if !d.yes {
		question := fmt.Sprintf("Delete webhook %s, which delivers to %s?", w.ID, console.OneLine(w.URI))
		if err := confirm(d.console, d.stdin, question); err != nil {
			return err
		}
	}
	done := d.console.Working("asking Gemini")
	err = d.gemini.Delete(ctx, w.ID)
	if done(); err != nil {
		return err
	}
	return d.console.Print(map[string]string{"deleted": w.ID}, func() string { return "deleted " + w.ID + "\n" })
}

// confirm asks a person. It fails unless there is one who says yes.
func confirm(c *console.Console, stdin io.Reader, question string) error {
	if !console.IsTerminal(stdin) {
		return failure.Usagef("there is no terminal to ask on: repeat with --yes")
	}
	c.Ask(question + " [y/N]")
	answer, _ := bufio.NewReader(stdin).ReadString('\n') // no answer is no
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("not confirmed")
	}
	return nil
}
