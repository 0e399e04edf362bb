package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/clients"
	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/apikey"
	"github.com/gemhook/gemhook/shared/secret"
)

// A session is what all commands share in one run. Settings and clients are there from the moment
// that a command's own code runs.
type session struct {
	Environment
	console  *console.Console
	settings *deployment.Settings
	clients  *clients.Clients
	started  bool // a command runs: an error from here on is not one of the command line

	terraformDir, envFile, output, apiKeyFile string // flags

	key string // of the API, once it was read
}

func newSession(environment Environment) *session {
	environment.setDefaults()
	return &session{
		Environment: environment,
		console:     console.New(environment.Stdout, environment.Stderr, environment.Getenv),
	}
}

func (s *session) close() {
	if s.clients != nil {
		s.clients.Close()
	}
}

// prepare checks the flags that every command has, and finds the settings.
func (s *session) prepare(command *cobra.Command) error {
	switch s.output {
	case "json":
		s.console.UseJSON()
	case "text":
	default:
		return failure.Usagef("--output is text or json")
	}
	if needsSettings(command) {
		if err := s.useSettingsFile(); err != nil {
			return err
		}
	}
	flags := map[string]string{}
	for _, setting := range deployment.All() {
		if flag := command.Flags().Lookup(setting.Flag()); flag != nil && flag.Changed {
			flags[flag.Name] = flag.Value.String()
		}
	}
	var outputs *deployment.Outputs
	if s.terraformDir == "" {
		s.terraformDir = s.Getenv("GEMHOOK_TERRAFORM_DIR")
	}
	if s.terraformDir != "" && needsSettings(command) {
		var err error
		if outputs, err = s.terraform(command.Context()); err != nil {
			return err
		}
	}
	s.settings = deployment.Find(flags, outputs, s.Getenv)
	s.clients = clients.New(clients.Options{
		Settings: s.settings, APIKey: s.apiKey, HTTPClient: s.HTTPClient, SecretManager: s.SecretManager,
		Now: s.Now, Wait: s.Wait, CallTimeout: s.CallTimeout,
	})
	return nil
}

// needsSettings reports whether a command works with a deployment: "version", "dev" and cobra's own
// commands do not.
func needsSettings(command *cobra.Command) bool {
	return command.HasParent() && command.Parent().Name() != "completion" && command.Name() != "help" &&
		command.Name() != "version" && command.Name() != "dev" && !strings.HasPrefix(command.Name(), "__")
}

func (s *session) terraform(ctx context.Context) (*deployment.Outputs, error) {
	defer s.console.Working("reading Terraform's outputs")()
	outputs, err := deployment.Terraform(ctx, s.terraformDir)
	if errors.Is(err, deployment.ErrNoOutputs) {
		err = failure.Advise(err, "apply it first: terraform -chdir="+s.terraformDir+" apply")
	}
	return outputs, failure.WithCode(err, failure.Settings)
}

// apiKey reads the API key. No flag has it, where other users of the machine and the shell's
// history would see it.
func (s *session) apiKey() (string, error) {
	if s.key != "" {
		return s.key, nil
	}
	key := s.Getenv("GEMINI_API_KEY")
	if s.apiKeyFile != "" {
		text, err := s.readFile(s.apiKeyFile)
		if err != nil {
			return "", failure.WithCode(fmt.Errorf("read the API key: %w", err), failure.Settings)
		}
		key = secret.Decode(text)
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", deployment.ErrNoAPIKey
	}
	if !apikey.Valid(key) {
		return "", deployment.ErrBadAPIKey
	}
	s.key = key // standard input can be read once
	return key, nil
}

// readFile reads a file that a flag or argument names; "-" is standard input.
func (s *session) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(s.Stdin)
	}
	return os.ReadFile(name)
}
