package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/shared/app"
)

func versionCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Prints the version of this command line. That of a receiver is in its answer to GET /, and in gemhook doctor.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			version := map[string]string{"version": app.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return s.console.Print(version, func() string {
				return "gemhook " + app.Version + " (" + version["go"] + ", " + version["platform"] + ")\n"
			})
		},
	}
}
