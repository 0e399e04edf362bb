package cli

import (
	"cmp"
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
where the API keys are; else GEMINI_API_KEY is that of all.`

// A reconciliation is one run of "reconcile".
type reconciliation struct {
	console       *console.Console
	configuration config.Config
	options       reconcileapp.Options

	mu    sync.Mutex
	items []reconciler.Item
}

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
			if _, err := s.settings.CloudProject(); err != nil {
				return err
			}
			configuration, err := config.Load(config.ReconcileDirect, s.lookup)
			if err != nil {
				return failure.WithCode(err, failure.Settings)
			}
			r := &reconciliation{console: s.console, configuration: configuration, options: reconcileapp.Options{
				DryRun: !apply, FromStart: true,
				Options: backend.Options{
					// Options of a caller lead to stand-ins, which want no credentials.
					SecretManager: s.SecretManager, Anonymous: s.SecretManager != nil, Now: s.Now,
				},
			}}
			return r.run(command.Context())
		},
	}
	command.Flags().BoolVar(&apply, "apply", false, "do it; without it, only show what would be done")
	command.Flags().String("url", "", "the receiver's static URL ($GEMHOOK_URL)")
	command.Flags().String("gemini-url", "", "base URL of the Gemini API ($GOOGLE_GEMINI_BASE_URL)")
	return command
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
	if name == "GEMHOOK_API_KEYS" {
		value = cmp.Or(value, s.Getenv("GEMINI_API_KEY"))
	}
	return value, value != ""
}

// run does a run, and shows each item as it is done with.
func (r *reconciliation) run(ctx context.Context) error {
	done := r.console.Working("looking for what was left undone")
	r.options.Observe = func(item reconciler.Item) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.items = append(r.items, item)
	}
	runner, opened := reconcileapp.New(r.configuration, slog.New(slog.DiscardHandler), &r.options)
	report := runner.Run(ctx)
	done()
	closeErr := opened.Close()
	if err := r.show(report); err != nil {
		return err
	}
	if report.Failed() {
		return failure.ErrShown
	}
	return closeErr
}

// show prints the items, and what each job says of itself.
func (r *reconciliation) show(report *reconciler.Report) error {
	value := struct {
		Items []reconciler.Item      `json:"items"`
		Jobs  []reconciler.JobReport `json:"jobs"`
	}{r.items, report.Jobs}
	return r.console.Print(value, func() string {
		text := ""
		var rows [][]console.Cell
		for _, item := range r.items {
			rows = append(rows, []console.Cell{
				{Text: item.Job}, {Text: string(item.Outcome)}, {Text: item.Subject}, {Text: item.Action}, {Text: item.Detail},
			})
		}
		if len(rows) > 0 {
			text = r.console.Table([]string{"JOB", "OUTCOME", "OF", "ACTION", "WHY"}, rows) + "\n"
		}
		for _, job := range report.Jobs {
			if job.Error != "" {
				text += fmt.Sprintf("✗ %s: %s\n", job.Job, job.Error)
			}
		}
		switch {
		case text == "":
			text = "There is nothing to do.\n"
		case r.options.DryRun && len(rows) > 0:
			text += "Nothing was changed. To do it, add --apply.\n"
		}
		return text
	})
}
