package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/dev"
	"github.com/gemhook/gemhook/internal/handler"
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
above, and elsewhere with --env.

--forward-to hands each event to a handler of yours, as a CloudEvent by HTTP, until it
answers with a 2xx; gemhook listen has other forms. With --respond a handler within
the program answers each event with that status instead, so that one sees what a
handler gets, and what becomes of events that it does not accept. What the handler was
sent and has answered is in the table and on the page. It has no effect on the exit code.

--drop and --duplicate are shares of what is delivered, from 0 to 1, spread evenly.
What is dropped Gemini never sends; what is duplicated it sends twice, and the receiver
finds the second. As Pub/Sub, too, may bring a message twice, the handler gets the same
share of the events again.`

// devCommandFlags are the values of the flags of gemhook dev.
type devCommandFlags struct {
	once, verbose bool
	inspect       bool
	folder        string
	port          int

	forwardTo       string
	respond         int
	drop, duplicate float64
}

// check checks that the flags can be used together.
func (f *devCommandFlags) check() error {
	for name, share := range map[string]float64{"drop": f.drop, "duplicate": f.duplicate} {
		if !(share >= 0 && share <= 1) {
			return failure.Usagef("--%s is a share from 0 to 1", name)
		}
	}
	if f.respond != 0 && (f.respond < 200 || f.respond > 599) {
		return failure.Usagef("--respond is a status from 200 to 599")
	}
	if f.respond != 0 && f.forwardTo != "" {
		return failure.Usagef("--respond answers in the place of the handler of --forward-to: use one of the two")
	}
	if f.forwardTo != "" {
		if _, err := handler.ParseURL(f.forwardTo); err != nil {
			return failure.Usagef("--forward-to: %w", err)
		}
	}
	return nil
}

func devCommand(s *session) *cobra.Command {
	var flags devCommandFlags
	command := &cobra.Command{
		Use:   "dev",
		Short: "Run all of gemhook on this machine, with a stand-in for Gemini",
		Long:  devHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			options := dev.Options{
				Console: s.console, Folder: flags.folder, Port: flags.port, Once: flags.once,
				Inspect:   flags.inspect && !flags.once,
				ForwardTo: flags.forwardTo, Respond: flags.respond, Drop: flags.drop, Duplicate: flags.duplicate,
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
	command.Flags().StringVar(&flags.forwardTo, "forward-to", "", "URL or port of a handler of yours, which gets each event")
	command.Flags().IntVar(&flags.respond, "respond", 0, "status with which a handler within the program answers each event")
	command.Flags().Float64Var(&flags.drop, "drop", 0, "share of the deliveries that Gemini never sends, such as 0.1")
	command.Flags().Float64Var(&flags.duplicate, "duplicate", 0, "share of the deliveries that Gemini sends twice, and of the events that the handler gets twice")
	_ = command.MarkFlagDirname("dir")
	return command
}
