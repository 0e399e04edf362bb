package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// undoing is how long undoing a registration may take.
const undoing = time.Minute

// A creation is one run of "webhooks create".
type creation struct {
	*registry
	store *secretstore.Store                                          // nil: the secret is only shown
	call  func(context.Context) (context.Context, context.CancelFunc) // bounds one call of a backend
	creationFlags
}

type creationFlags struct {
	name       string
	events     []string
	showSecret bool
	replace    bool
	another    bool
}

// created is what "webhooks create" prints.
type created struct {
	Webhook       *geminiapi.Webhook `json:"webhook"`
	StoredIn      string             `json:"stored_in,omitempty"`
	StoredSecrets int                `json:"stored_secrets,omitempty"`
	SigningSecret string             `json:"signing_secret,omitempty"` // with --show-secret
}

func webhooksCreateCommand(s *session) *cobra.Command {
	c := &creation{call: func(ctx context.Context) (context.Context, context.CancelFunc) { return s.clients.Call(ctx) }}
	create := &cobra.Command{
		Use:   "create",
		Short: "Register the receiver with Gemini and store the signing secret",
		Long: `Registers the receiver with Gemini and stores the signing secret, which Gemini shows only then,
where the receiver reads it. The secret is not shown, and no registration stays behind whose secret
could not be stored.

Secrets that are stored already stay beside the new one, for another webhook may use them;
--replace drops them. A second webhook for the same URL would bring each event twice, so it needs
--another.

It subscribes to the types that Gemini takes; a receiver accepts every type.`,
		Example: "  gemhook webhooks create --terraform-dir terraform/gcp\n" +
			"  gemhook webhooks create --event batch.succeeded,batch.failed --name batches",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			if c.store, err = s.clients.SigningSecrets(); err != nil && !c.showSecret {
				return err
			}
			if c.registry, err = newRegistry(s); err != nil {
				return err
			}
			return c.run(command.Context())
		},
	}
	flags := create.Flags()
	flags.StringVar(&c.name, "name", "gemhook", "name of the webhook")
	flags.StringSliceVar(&c.events, "event", geminiapi.EventTypes(), "types of event to subscribe to")
	flags.BoolVar(&c.showSecret, "show-secret", false, "print the signing secret")
	flags.BoolVar(&c.replace, "replace", false, "drop the secrets that are stored already")
	flags.BoolVar(&c.another, "another", false, "register even if a webhook delivers to the URL already")
	complete(create, "event", geminiapi.EventTypes()...)
	return create
}

func (c *creation) run(ctx context.Context) error {
	receiver, err := c.settings.Receiver()
	if err != nil {
		return err
	}
	uri, err := deliverable(c.settings, receiver+"/")
	if err != nil {
		return err
	}
	if err := c.checkStore(ctx); err != nil {
		return err
	}
	before, err := c.at(ctx, uri)
	if err != nil {
		return err
	}
	if len(before) > 0 && !c.another {
		return failure.Advise(fmt.Errorf("webhook %s delivers to %s already", before[0].ID, receiver),
			"if its secret is lost, have Gemini make a new one: gemhook webhooks rotate\nto register another all the same: --another")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on nothing but the end of the process stops the command half-way: a secret that is
	// not stored is lost.
	ctx = context.WithoutCancel(ctx)
	w, err := c.register(ctx, uri, before)
	if err != nil {
		return refusedEvents(err, c.events)
	}
	result := &created{Webhook: w}
	if c.store != nil {
		if result.StoredSecrets, err = c.storeSecret(ctx, w); err != nil {
			return err
		}
		result.StoredIn = c.store.String()
	}
	if c.showSecret {
		result.SigningSecret = w.NewSigningSecret.Reveal()
	}
	w.NewSigningSecret = geminiapi.Secret{}
	return c.print(result)
}

// checkStore finds out, before Gemini is asked, that the secret can be stored.
func (c *creation) checkStore(ctx context.Context) error {
	if c.store == nil {
		return nil
	}
	defer c.console.Working("looking at where the secret is stored")()
	ctx, cancel := c.call(ctx)
	defer cancel()
	if err := c.store.CheckWritable(ctx); err != nil {
		return err
	}
	if _, err := c.store.Read(ctx); !errors.Is(err, secretstore.ErrEmpty) {
		return err
	}
	return nil
}

// register asks Gemini. Where its answer is lost it undoes what may have come of it, for the secret
// is lost too.
func (c *creation) register(ctx context.Context, uri string, before []*geminiapi.Webhook) (*geminiapi.Webhook, error) {
	defer c.console.Working("registering with Gemini")()
	w, err := c.gemini.Create(ctx, geminiapi.Webhook{Name: c.name, URI: uri, SubscribedEvents: c.events})
	if !errors.Is(err, geminiapi.ErrOutcomeUnknown) {
		return w, err
	}
	after, listErr := c.at(ctx, uri)
	if listErr != nil {
		return nil, failure.Advise(errors.Join(err, listErr), "see whether a webhook has been registered: gemhook webhooks list; and delete it")
	}
	known := map[string]bool{}
	for _, w := range before {
		known[w.ID] = true
	}
	for _, w := range after {
		if !known[w.ID] && w.Name == c.name {
			return nil, c.undo(ctx, w, err)
		}
	}
	return nil, err
}

// storeSecret stores the new webhook's secret before those that are stored, and returns how many
// there are then.
func (c *creation) storeSecret(ctx context.Context, w *geminiapi.Webhook) (count int, err error) {
	defer c.console.Working("storing the signing secret")()
	writing, cancel := context.WithTimeout(ctx, undoing)
	defer cancel()
	err = c.store.Change(writing, func(stored string) (string, error) {
		secrets := []string{w.NewSigningSecret.Reveal()}
		if !c.replace {
			secrets = append(secrets, rotation.Secrets(stored)...)
		}
		count = len(secrets)
		return strings.Join(secrets, " "), nil
	})
	if err != nil {
		return 0, c.undo(ctx, w, err)
	}
	return count, nil
}

// undo removes a webhook whose secret is lost, and returns why.
func (c *creation) undo(ctx context.Context, w *geminiapi.Webhook, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, undoing)
	defer cancel()
	if err := c.gemini.Delete(ctx, w.ID); err != nil {
		return failure.Advise(errors.Join(fmt.Errorf("webhook %s is registered, and its secret is lost: %w", w.ID, cause), err),
			"delete it: gemhook webhooks delete "+w.ID+"\nor have Gemini make a new secret: gemhook webhooks rotate "+w.ID)
	}
	return failure.Advise(fmt.Errorf("%w; the registration has been undone", cause), failure.Advice(cause))
}

func (c *creation) print(result *created) error {
	return c.console.Print(result, func() string {
		text := fmt.Sprintf("registered %s, which delivers %s to %s\n", result.Webhook.ID,
			console.Count(len(result.Webhook.SubscribedEvents), "type of event", "types of event"), console.OneLine(result.Webhook.URI))
		if result.StoredIn != "" {
			text += "its signing secret is in " + result.StoredIn
			if kept := result.StoredSecrets - 1; kept > 0 {
				text += fmt.Sprintf(", beside %d from before", kept)
			}
			text += "\n"
		}
		if result.SigningSecret != "" {
			text += result.SigningSecret + "\n"
		}
		return text
	})
}
