package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/dev"
)

const devHelp = `Runs all of gemhook on this machine, with nothing set up: a stand-in for Gemini
with a webhook registered, the receiver, collect and reconcile, and what they need.
It delivers genuine, repeated and forged events, has the results of three jobs
collected, and shows each with what came of it. Then it stays up until Ctrl-C.

Firestore and Pub/Sub are Google's emulators where they are installed (a Java
runtime, and gcloud components install cloud-firestore-emulator pubsub-emulator),
and stand-ins within the program otherwise.

Secrets, logs and the settings for every other command are in one folder. The
commands find the settings by themselves while gemhook dev runs in the folder
above, and elsewhere with --env.`

// devCommandFlags are the values of the flags of gemhook dev.
type devCommandFlags struct {
	once, verbose bool
	inspect       bool
	folder        string
	port          int
}

func devCommand(s *session) *cobra.Command {
	var flags devCommandFlags
	command := &cobra.Command{
		Use:   "dev",
		Short: "Run all of gemhook on this machine, with a stand-in for Gemini",
		Long:  devHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			options := dev.Options{
				Console: s.console, Folder: flags.folder, Port: flags.port, Once: flags.once,
				Inspect: flags.inspect && !flags.once,
			}
			if flags.verbose {
				options.Log = s.Stderr
			}
			if flags.once && !command.Flags().Changed("port") {
				options.Port = 0
			}
			err := dev.Run(command.Context(), options)
			if errors.Is(err, dev.ErrUnexpected) {
				return failure.ErrShown
			}
			return err
		},
	}
	command.Flags().BoolVar(&flags.once, "once", false, "end after the table; the exit code is 0 only if all was as expected")
	command.Flags().BoolVar(&flags.inspect, "inspect", true, "serve a page that shows each delivery; not with --once")
	command.Flags().BoolVar(&flags.verbose, "verbose", false, "show the functions' log, which otherwise only goes to a file")
	command.Flags().StringVar(&flags.folder, "dir", settingsFolder, "folder for secrets, logs and settings")
	command.Flags().IntVar(&flags.port, "port", 8790, "the first of the ports to listen on; 0 is any free ones, as with --once")
	_ = command.MarkFlagDirname("dir")
	return command
}
