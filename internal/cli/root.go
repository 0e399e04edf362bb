package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/app"
)

const rootHelp = `gemhook registers a receiver with Gemini, rotates its secrets, gives tenants URLs, shows what came in,
sends test deliveries, publishes events again, and finds out why nothing arrives.

What a command works with (the project, the topics, the receiver's URL, where the
secrets are) comes from its flags, from Terraform's outputs (--terraform-dir), or
from the environment, under the names the receiver has. With
FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST it works against the emulators.

The Gemini API key is read from GEMINI_API_KEY or --api-key-file.`

const exitCodesHelp = `Exit codes:
  0   done
  1   failed: refused, a check failed, or an error without a code of its own
  64  the command line is wrong
  66  there is no such webhook, delivery, secret, topic or file
  69  something cannot be reached
  77  not permitted: the API key, the account, or no account at all
  78  a setting is missing or wrong
  130 interrupted (128 and the signal's number: 129 hung up, 141 closed pipe, 143 terminated)
`

// newRoot returns the command above all others.
func newRoot(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:           "gemhook",
		Short:         "The operator's command line for gemhook",
		Long:          rootHelp,
		Version:       app.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          needsCommand,
		PersistentPreRunE: func(command *cobra.Command, _ []string) error {
			s.started = !command.HasSubCommands()
			return s.prepare(command)
		},
	}
	root.SetIn(s.Stdin)
	root.SetOut(s.Stdout)
	root.SetErr(s.Stderr)
	root.SetFlagErrorFunc(noSuchFlag)
	root.SetUsageTemplate(root.UsageTemplate() + "{{if not .HasParent}}\n" + exitCodesHelp + "{{end}}")
	flags := root.PersistentFlags()
	flags.StringVar(&s.terraformDir, "terraform-dir", "", "take what Terraform made from the outputs of this folder, such as terraform/gcp ($GEMHOOK_TERRAFORM_DIR)")
	flags.StringVar(&s.envFile, "env", "", "take the settings from this file, as gemhook dev writes it")
	flags.String("project", "", "Google Cloud project ($GOOGLE_CLOUD_PROJECT)")
	flags.StringVarP(&s.output, "output", "o", "text", "what to print: text or json")
	complete(root, "output", "text", "json")
	_ = root.MarkPersistentFlagDirname("terraform-dir")
	_ = root.MarkPersistentFlagFilename("env")
	root.AddCommand(
		webhooksCommand(s),
		tenantsCommand(s),
		urlCommand(s),
		sendCommand(s),
		verifyCommand(s),
		tailCommand(s),
		listenCommand(s),
		inspectCommand(s),
		deliveriesCommand(s),
		replayCommand(s),
		doctorCommand(s),
		reconcileCommand(s),
		devCommand(s),
		preflightCommand(s),
		versionCommand(s),
	)
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Args = hasHelp
	}
	return root
}

// hasHelp refuses to help with a command that does not exist. Cobra would show the help of the one
// above it.
func hasHelp(help *cobra.Command, args []string) error {
	command, rest, err := help.Root().Find(args)
	if err != nil {
		return err
	}
	return noSuchCommand(command, rest)
}

// group returns a command that only has commands below it.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: noSuchCommand, RunE: needsCommand}
	g.AddCommand(below...)
	return g
}

// needsCommand shows what there is to choose from.
func needsCommand(command *cobra.Command, _ []string) error {
	_ = command.Help()
	return failure.WithCode(failure.ErrShown, failure.Usage)
}

// noSuchCommand refuses whatever follows a group, and says what may have been meant.
func noSuchCommand(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("there is no command %q", command.CommandPath()+" "+args[0])
	command.SuggestionsMinimumDistance = 2 // cobra sets it only for messages of its own
	if similar := command.SuggestionsFor(args[0]); len(similar) > 0 {
		return failure.Advise(err, "did you mean: "+command.CommandPath()+" "+strings.Join(similar, ", "))
	}
	var below []string
	for _, group := range command.Commands() {
		for _, found := range group.Commands() {
			if found.Name() == args[0] {
				below = append(below, found.CommandPath())
			}
		}
	}
	if len(below) > 0 {
		return failure.Advise(err, "did you mean: "+strings.Join(below, ", "))
	}
	return err
}

// noSuchFlag says which flag may have been meant by one that does not exist. Flags are compared as
// cobra compares commands.
func noSuchFlag(command *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	names := &cobra.Command{SuggestionsMinimumDistance: 2}
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: flag.Name, Run: func(*cobra.Command, []string) {}})
	})
	if similar := names.SuggestionsFor(unknown.GetSpecifiedName()); len(similar) > 0 {
		return failure.Advise(err, "did you mean: --"+strings.Join(similar, ", --"))
	}
	return failure.Advise(err, "see "+command.CommandPath()+" --help")
}

// complete offers values for a flag to the shell.
func complete(command *cobra.Command, flag string, values ...string) {
	_ = command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
