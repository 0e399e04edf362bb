package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// errNoKey is returned where the Gemini API is needed and there is no key.
var errNoKey = errors.New("there is no Gemini API key")

// A session is one run of a command: its settings, and the clients it has opened.
type session struct {
	Environment
	console *console.Console
	started bool // a command runs: what fails from here on is no mistake in the command line

	terraformDir, output, apiKeyFile string
	settings                         *deployment.Settings

	api       *geminiapi.Client
	messages  *pubsub.Client
	documents *firestore.Client
	manager   *secretmanager.Client
}

// prepare checks the flags that every command has, and finds the settings.
func (s *session) prepare(command *cobra.Command) error {
	switch s.output {
	case "json":
		s.console.UseJSON()
	case "text":
	default:
		return usage("--output is text or json")
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
	if s.terraformDir != "" && isOurs(command) {
		var err error
		if outputs, err = s.terraform(command.Context()); err != nil {
			return err
		}
	}
	s.settings = deployment.Find(flags, outputs, s.Getenv)
	return nil
}

// isOurs tells whether a command is gemhook's and not one of cobra's, which need no settings.
func isOurs(command *cobra.Command) bool {
	return command.HasParent() && command.Parent().Name() != "completion" && command.Name() != "help" &&
		!strings.HasPrefix(command.Name(), "__")
}

func (s *session) terraform(ctx context.Context) (*deployment.Outputs, error) {
	defer s.working("reading Terraform's outputs")()
	outputs, err := deployment.Terraform(ctx, s.terraformDir)
	if errors.Is(err, deployment.ErrNoOutputs) {
		err = advise(err, "apply it first: terraform -chdir="+s.terraformDir+" apply")
	}
	if err != nil {
		return nil, &coded{err, exitSettings}
	}
	return outputs, nil
}

// working shows that something goes on until the returned function is called.
func (s *session) working(on string) (done func()) { return s.console.Progress(on, 0).Stop }

// call bounds one call of a backend.
func (s *session) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.CallTimeout)
}

// gemini returns a client of the WebhookService.
func (s *session) gemini() (*geminiapi.Client, error) {
	if s.api != nil {
		return s.api, nil
	}
	key, err := s.apiKey()
	if err != nil {
		return nil, err
	}
	s.api = geminiapi.New(key, &geminiapi.Options{
		BaseURL: s.settings.Optional(deployment.GeminiURL), HTTPClient: s.HTTPClient, Now: s.Now, Wait: s.Wait,
	})
	return s.api, nil
}

// apiKey reads the API key. It comes by no flag, where other users of the machine and the shell's history would see it.
func (s *session) apiKey() (string, error) {
	key := s.Getenv("GEMINI_API_KEY")
	switch s.apiKeyFile {
	case "":
	case "-":
		text, err := io.ReadAll(s.Stdin)
		if err != nil {
			return "", fmt.Errorf("read the API key: %w", err)
		}
		key = string(text)
	default:
		text, err := os.ReadFile(s.apiKeyFile)
		if err != nil {
			return "", &coded{fmt.Errorf("read the API key: %w", err), exitSettings}
		}
		key = string(text)
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", errNoKey
	}
	return key, nil
}

func (s *session) pubsub(ctx context.Context) (*pubsub.Client, error) {
	if s.messages != nil {
		return s.messages, nil
	}
	project, err := s.settings.Get(deployment.Project)
	if err != nil {
		return nil, err
	}
	if s.messages, err = pubsub.NewClient(context.WithoutCancel(ctx), project); err != nil {
		return nil, fmt.Errorf("open Pub/Sub: %w", err)
	}
	return s.messages, nil
}

func (s *session) firestore(ctx context.Context) (*firestore.Client, error) {
	if s.documents != nil {
		return s.documents, nil
	}
	project, err := s.settings.Get(deployment.Project)
	if err != nil {
		return nil, err
	}
	s.documents, err = firestore.NewClientWithDatabase(context.WithoutCancel(ctx), project, s.settings.Optional(deployment.Database))
	if err != nil {
		return nil, fmt.Errorf("open Firestore: %w", err)
	}
	return s.documents, nil
}

func (s *session) secretManager(ctx context.Context) (*secretmanager.Client, error) {
	if s.manager != nil {
		return s.manager, nil
	}
	manager, err := secretmanager.NewClient(context.WithoutCancel(ctx), s.SecretManager...)
	if err != nil {
		return nil, err
	}
	s.manager = manager
	return manager, nil
}

// ledger returns a reader of the ledger.
func (s *session) ledger(ctx context.Context) (*deliveries.Reader, error) {
	client, err := s.firestore(ctx)
	if err != nil {
		return nil, err
	}
	return deliveries.NewReader(client, s.settings.Optional(deployment.Collection)), nil
}

// secretStore returns where the signing secrets are stored.
func (s *session) secretStore() (*secretstore.Store, error) {
	ref, err := s.settings.Get(deployment.SigningSecrets)
	if err != nil {
		return nil, err
	}
	return secretstore.Open(ref, s.secretManager)
}

// secretText reads the text of a setting that says where a secret is.
func (s *session) secretText(ctx context.Context, setting deployment.Setting) (string, error) {
	ref, err := s.settings.Secret(setting)
	if err != nil {
		return "", err
	}
	ctx, cancel := s.call(ctx)
	defer cancel()
	text, err := ref.Read(ctx, s.secretManager)
	return text.Reveal(), err
}

func (s *session) close() {
	// What is closed at the end of a run has nothing to lose.
	if s.messages != nil {
		_ = s.messages.Close()
	}
	if s.documents != nil {
		_ = s.documents.Close()
	}
	if s.manager != nil {
		_ = s.manager.Close()
	}
}

// moment reads a time: RFC 3339, or how long ago it was, such as 90m or 2h.
func (s *session) moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, usage("--" + flag + " is a time such as 2026-01-22T12:00:00Z, or how long ago, such as 90m")
	}
	return s.Now().Add(-ago), nil
}

// stamp shows a time to people.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05Z")
}
