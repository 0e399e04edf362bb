package cli

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	reconcileapp "github.com/gemhook/gemhook/shared/app/reconcile"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/reconciler"
)

const reconcileHelp = `Does what the function reconcile does on its schedule, with the same code: it
finishes deliveries that an instance left half-way, enables a webhook of the
receiver that Gemini has disabled, and publishes the events of batches that ended
and of which none came.

Without --apply it only says what it would do, item by item. It looks at every batch
again, whatever earlier runs have looked at. GEMHOOK_API_KEYS says
where the API keys are; else GEMINI_API_KEY, or the file of --api-key-file, is that of all.`

func reconcileCommand(s *session) *cobra.Command {
	var apply bool
	command := &cobra.Command{
		Use:   "reconcile",
		Short: "Put right what receiver and Gemini have left undone",
		Long:  reconcileHelp,
		Example: "  gemhook reconcile --terraform-dir terraform/gcp\n" +
			"  gemhook reconcile --terraform-dir terraform/gcp --apply",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			done := s.console.Working("looking for what was left undone")
			items, report, err := s.reconcile(command.Context(), reconcileapp.Options{DryRun: !apply})
			done()
			if err != nil {
				return err
			}
			if err := showReconciled(s.console, items, report, apply); err != nil {
				return err
			}
			if report.Failed() {
				return failure.ErrShown
			}
			return nil
		},
	}
	geminiFlags(s, command)
	command.Flags().BoolVar(&apply, "apply", false, "do it; without it, only show what would be done")
	return command
}

// reconcile does a run of the reconciler's jobs with the deployment's settings, and returns what
// has become of each item. Its error is that of settings from which no run can be made.
func (s *session) reconcile(ctx context.Context, options reconcileapp.Options) ([]reconciler.Item, *reconciler.Report, error) {
	if _, err := s.settings.CloudProject(); err != nil {
		return nil, nil, err
	}
	configuration, err := config.Load(config.ReconcileDirect, s.lookup, reconcileapp.TextCheck())
	if err != nil {
		return nil, nil, failure.WithCode(err, failure.Settings)
	}
	var mu sync.Mutex
	var items []reconciler.Item
	options.FromStart = true
	options.Observe = func(item reconciler.Item) {
		mu.Lock()
		defer mu.Unlock()
		items = append(items, item)
	}
	// Options of a caller lead to stand-ins, which want no credentials.
	options.Options = backend.Options{SecretManager: s.SecretManager, Anonymous: s.SecretManager != nil, Now: s.Now}
	runner, opened := reconcileapp.New(configuration, slog.New(slog.DiscardHandler), &options)
	report := runner.Run(ctx)
	return items, report, opened.Close()
}

// lookup returns a function's setting by its variable: from the deployment, else the environment.
func (s *session) lookup(name string) (string, bool) {
	for _, setting := range deployment.All() {
		if setting.Variable() == name {
			value := s.settings.Optional(setting)
			return value, value != ""
		}
	}
	value := s.Getenv(name)
	if name == "GEMHOOK_API_KEYS" && value == "" {
		value, _ = s.apiKey() // without one, reconcile only finishes
	}
	return value, value != ""
}

// showReconciled prints the items of a run, and the report of each job.
func showReconciled(c *console.Console, items []reconciler.Item, report *reconciler.Report, apply bool) error {
	value := struct {
		Items []reconciler.Item      `json:"items"`
		Jobs  []reconciler.JobReport `json:"jobs"`
	}{items, report.Jobs}
	return c.Print(value, func() string {
		text := ""
		var rows [][]console.Cell
		for _, item := range items {
			rows = append(rows, []console.Cell{
				{Text: item.Job}, {Text: string(item.Outcome)}, {Text: item.Subject}, {Text: item.Action}, {Text: item.Detail},
			})
		}
		if len(rows) > 0 {
			text = c.Table([]string{"JOB", "OUTCOME", "OF", "ACTION", "WHY"}, rows) + "\n"
		}
		for _, job := range report.Jobs {
			if job.Error != "" {
				text += fmt.Sprintf("✗ %s: %s\n", job.Job, job.Error)
			}
			if job.More {
				text += fmt.Sprintf("– %s: the time was over before everything was looked at\n", job.Job)
			}
		}
		switch {
		case text == "":
			text = "There is nothing to do.\n"
		case !apply && len(rows) > 0:
			text += "Nothing was changed. To do it, add --apply.\n"
		}
		return text
	})
}
