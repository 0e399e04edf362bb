package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/doctor"
	"github.com/gemhook/gemhook/internal/cli/failure"
	reconcileapp "github.com/gemhook/gemhook/shared/app/reconcile"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/reconciler"
)

func doctorCommand(s *session) *cobra.Command {
	var events []string
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check a deployment from end to end",
		Long: `Checks what the receiver is configured with, what it stands on, the receiver itself, its registration
at Gemini, and a test delivery all the way to the topic; and says what to do about each failure. The
test delivery is left out where the ledger cannot be listed (listing = false in Terraform).
At the end it says what "gemhook reconcile" would do. That is a warning; it is a failure if
deliveries are left that Gemini does not deliver any more.

It changes nothing. Subscribers see the test delivery that Gemini sends, and nothing else. If no dead
letter is on record it has the receiver make one, and takes it out of the dead-letter subscription.`,
		Example: "  gemhook doctor --terraform-dir terraform/gcp",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return examine(command.Context(), s, events)
		},
	}
	geminiFlags(s, command)
	command.Flags().String("topic", "", "id of the topic ($GEMHOOK_TOPIC)")
	command.Flags().StringSliceVar(&events, "event", geminiapi.EventTypes(), "types of event that the webhook should be subscribed to")
	complete(command, "event", geminiapi.EventTypes()...)
	return command
}

func examine(ctx context.Context, s *session, events []string) error {
	findings := []doctor.Check{}
	var progress *console.Progress
	var written error
	healthy, err := doctor.Examine(ctx, doctor.Deps{
		Settings: s.settings, Clients: s.clients,
		DryRun: func(ctx context.Context) ([]reconciler.Item, *reconciler.Report, error) {
			return s.reconcile(ctx, reconcileapp.Options{DryRun: true, RunFor: s.CallTimeout, MaxPages: dryRunPages})
		},
		HTTP: s.HTTPClient, Events: events, CallTimeout: s.CallTimeout, PingTimeout: s.PingTimeout, Patience: s.Patience,
		Now: s.Now, Wait: s.Wait, Rand: s.Rand,
	}, func(name string) {
		progress = s.console.Progress(name, 0)
	}, func(check doctor.Check) {
		if progress != nil {
			progress.Stop()
		}
		findings = append(findings, check)
		if !s.console.JSON() && written == nil {
			written = s.console.PrintLine(check, func() string { return findingText(s.console, check) })
		}
	})
	if progress != nil {
		progress.Stop()
	}
	if err != nil {
		return err
	}
	if written != nil {
		return written
	}
	if err := s.console.Print(map[string]any{"healthy": healthy, "checks": findings}, func() string { return summary(findings) }); err != nil {
		return err
	}
	if !healthy {
		return failure.ErrShown
	}
	return nil
}

func findingText(c *console.Console, check doctor.Check) string {
	mark := map[doctor.Outcome]string{
		doctor.Passed:  c.Paint(console.Green, "✓"),
		doctor.Failed:  c.Paint(console.Red, "✗"),
		doctor.Skipped: c.Paint(console.Dim, "–"),
		doctor.Warned:  c.Paint(console.Yellow, "!"),
	}[check.Outcome]
	text := fmt.Sprintf("%s %-18s  %s", mark, check.Name, console.OneLine(check.Detail))
	if check.Advice != "" {
		text += "\n" + strings.Repeat(" ", 22) + c.Paint(console.Cyan, "→ "+strings.ReplaceAll(check.Advice, "\n", "\n"+strings.Repeat(" ", 24)))
	}
	return text
}

// dryRunPages is how many pages each job lists at most, to say what reconcile would do: about 3,000
// deliveries, and as many batches as Gemini puts on that many pages.
const dryRunPages = 10

func summary(findings []doctor.Check) string {
	counts := map[doctor.Outcome]int{}
	for _, finding := range findings {
		counts[finding.Outcome]++
	}
	unmade := slices.ContainsFunc(findings, func(c doctor.Check) bool { return c.Outcome == doctor.Skipped && c.Advice != "" })
	switch {
	case counts[doctor.Failed] == 0 && counts[doctor.Warned] > 0:
		return "\nno check failed, but something is left to be done\n"
	case counts[doctor.Failed] == 0 && unmade:
		return "\nno check failed, but not all could be made\n"
	case counts[doctor.Failed] == 0:
		return "\neverything is in order\n"
	}
	return fmt.Sprintf("\n%d of %d checks failed, %d could not be made\n", counts[doctor.Failed], len(findings), counts[doctor.Skipped])
}
