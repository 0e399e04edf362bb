// Package cli is gemhook's command line for operators: it registers the receiver with Gemini, rotates secrets, shows what
// came, sends test deliveries, publishes again, and finds out why nothing arrives.
//
// One file per command. Each finds what it works with by package deployment, and writes by package console: results to
// standard output, everything else to standard error. What a command does is in the packages below this one; what is in
// this package is flags, words and exit codes. docs/cli.md is the page for people.
package cli

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/api/option"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/retry"
)

// An Environment is the world that a command runs in. The zero value of a field is the real thing.
type Environment struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	HTTPClient     *http.Client
	SecretManager  []option.ClientOption // Secret Manager has no emulator, nor a variable that names one
	Now            func() time.Time
	Wait           func(context.Context, time.Duration) error
	Rand           io.Reader

	CallTimeout time.Duration // of one call of a backend; 0 is 20 seconds
	PingTimeout time.Duration // for a test delivery to come through; 0 is a minute
	Patience    time.Duration // for another message of a subscription; 0 is 3 seconds
}

func (e *Environment) setDefaults() {
	if e.Stdin == nil {
		e.Stdin = os.Stdin
	}
	if e.Stdout == nil {
		e.Stdout = os.Stdout
	}
	if e.Stderr == nil {
		e.Stderr = os.Stderr
	}
	if e.Getenv == nil {
		e.Getenv = os.Getenv
	}
	if e.HTTPClient == nil {
		e.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Wait == nil {
		e.Wait = retry.Wait
	}
	if e.Rand == nil {
		e.Rand = rand.Reader
	}
	if e.CallTimeout == 0 {
		e.CallTimeout = 20 * time.Second
	}
	if e.PingTimeout == 0 {
		e.PingTimeout = time.Minute
	}
	if e.Patience == 0 {
		e.Patience = 3 * time.Second
	}
}

// Run runs one command and returns its exit code. When ctx ends, the command stops at the next point where stopping does no
// harm.
func Run(ctx context.Context, args []string, environment Environment) int {
	environment.setDefaults()
	s := &session{
		Environment: environment,
		console:     console.New(environment.Stdout, environment.Stderr, environment.Getenv),
	}
	root := s.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	s.close()
	if err != nil && !s.started {
		err = &usageError{err}
	}
	return s.report(ctx, err)
}

const rootHelp = `gemhook registers a receiver with Gemini, rotates its secrets, shows what came in,
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
  66  there is no such webhook, delivery, secret or topic
  69  something cannot be reached
  77  not permitted: the API key, or the account
  78  a setting is missing or wrong
  130 interrupted (143: terminated)
`

func (s *session) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "gemhook",
		Short:         "The operator's command line for gemhook",
		Long:          rootHelp,
		Version:       app.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          needsCommand,
		PersistentPreRunE: func(command *cobra.Command, _ []string) error {
			s.started = !command.HasSubCommands()
			return s.prepare(command)
		},
	}
	root.SetIn(s.Stdin)
	root.SetOut(s.Stdout)
	root.SetErr(s.Stderr)
	root.SetUsageTemplate(root.UsageTemplate() + "{{if not .HasParent}}\n" + exitCodesHelp + "{{end}}")
	flags := root.PersistentFlags()
	flags.StringVar(&s.terraformDir, "terraform-dir", "", "take what Terraform made from the outputs of this folder, such as terraform/gcp ($GEMHOOK_TERRAFORM_DIR)")
	flags.String("project", "", "Google Cloud project ($GOOGLE_CLOUD_PROJECT)")
	flags.StringVarP(&s.output, "output", "o", "text", "what to print: text or json")
	complete(root, "output", "text", "json")
	_ = root.MarkPersistentFlagDirname("terraform-dir")
	root.AddCommand(s.webhooksCommand(), s.urlCommand(), s.sendCommand(), s.verifyCommand(), s.tailCommand(),
		s.deliveriesCommand(), s.replayCommand(), s.doctorCommand())
	return root
}

// group returns a command that only has commands below it.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: needsCommand}
	g.AddCommand(below...)
	return g
}

// needsCommand shows what there is to choose from.
func needsCommand(command *cobra.Command, _ []string) error {
	_ = command.Help()
	return errNoCommand
}

// complete offers values for a flag to the shell.
func complete(command *cobra.Command, flag string, values ...string) {
	_ = command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
