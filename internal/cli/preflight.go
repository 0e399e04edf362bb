package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"google.golang.org/api/cloudresourcemanager/v1"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/doctor"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/preflight"
)

func preflightCommand(s *session) *cobra.Command {
	var lambda bool
	command := &cobra.Command{
		Use:   "preflight",
		Short: "Look at a project before anything is made in it",
		Long: `Looks at what an organization forbids in a project and at what you may not do there, before the first
terraform apply, and names the setting that gets along with it. It changes nothing.

It sees constraints of the kind that has lists and switches. What an organization has written itself
(custom and managed constraints) it does not see.`,
		Example: "  gemhook preflight --project my-project",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return lookAhead(command.Context(), s, lambda)
		},
	}
	command.Flags().BoolVar(&lambda, "lambda", false, "for the functions on AWS Lambda")
	return command
}

func lookAhead(ctx context.Context, s *session, lambda bool) error {
	project, err := s.settings.Get(deployment.Project)
	if err != nil {
		return err
	}
	service, err := cloudresourcemanager.NewService(ctx, s.ResourceManager...)
	if err != nil {
		return failure.Advise(failure.WithCode(err, failure.Permission), "run gcloud auth application-default login")
	}
	findings := []doctor.Check{}
	var written error
	clear, err := preflight.Examine(ctx, service, project, lambda, func(check doctor.Check) {
		findings = append(findings, check)
		if !s.console.JSON() && written == nil {
			written = s.console.PrintLine(check, func() string { return findingText(s.console, check) })
		}
	})
	if err != nil {
		return err
	}
	if written != nil {
		return written
	}
	if err := s.console.Print(map[string]any{"clear": clear, "checks": findings}, func() string { return outlook(findings) }); err != nil {
		return err
	}
	if !clear {
		return failure.ErrShown
	}
	return nil
}

func outlook(findings []doctor.Check) string {
	if slices.ContainsFunc(findings, func(c doctor.Check) bool { return c.Outcome == doctor.Failed }) {
		return "\nwith the settings named above an apply gets along with that\n"
	}
	return "\nnothing stands in the way that could be looked at\n"
}
