package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/secret"
)

// undoing is how long undoing a registration may take.
const undoing = time.Minute

// A creation is one run of "webhooks create".
type creation struct {
	*session
	name       string
	events     []string
	showSecret bool
	replace    bool
	another    bool

	client *geminiapi.Client
	store  *secretstore.Store // nil: the secret is only shown
}

// created is what "webhooks create" prints.
type created struct {
	Webhook       *geminiapi.Webhook `json:"webhook"`
	StoredIn      string             `json:"stored_in,omitempty"`
	StoredSecrets int                `json:"stored_secrets,omitempty"`
	SigningSecret string             `json:"signing_secret,omitempty"` // with --show-secret
}

func (s *session) webhooksCreateCommand() *cobra.Command {
	c := &creation{session: s}
	create := &cobra.Command{
		Use:   "create",
		Short: "Register the receiver with Gemini and store the signing secret",
		Long: `Registers the receiver with Gemini and stores the signing secret, which Gemini shows only then,
where the receiver reads it. The secret is not shown, and no registration stays behind whose secret
could not be stored.

Secrets that are stored already stay beside the new one, for another webhook may use them;
--replace drops them. A second webhook for the same URL would bring each event twice, so that
takes --another.`,
		Example: "  gemhook webhooks create --terraform-dir terraform/gcp\n" +
			"  gemhook webhooks create --event batch.succeeded,batch.failed --name batches",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return c.run(command.Context()) },
	}
	flags := create.Flags()
	flags.StringVar(&c.name, "name", "gemhook", "name of the webhook")
	flags.StringSliceVar(&c.events, "event", standin.EventTypes(), "types of event to subscribe to")
	flags.BoolVar(&c.showSecret, "show-secret", false, "print the signing secret")
	flags.BoolVar(&c.replace, "replace", false, "drop the secrets that are stored already")
	flags.BoolVar(&c.another, "another", false, "register even if a webhook delivers to the URL already")
	complete(create, "event", standin.EventTypes()...)
	return create
}

func (c *creation) run(ctx context.Context) error {
	receiver, err := c.settings.Receiver()
	if err != nil {
		return err
	}
	kept, err := c.look(ctx)
	if err != nil {
		return err
	}
	before, err := c.webhooksAt(ctx, receiver)
	if err != nil {
		return err
	}
	if len(before) > 0 && !c.another {
		return advise(fmt.Errorf("webhook %s delivers to %s already", before[0].ID, receiver),
			"if its secret is lost, have Gemini make a new one: gemhook webhooks rotate\nto register another all the same: --another")
	}
	if c.client, err = c.gemini(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on nothing but its death stops the command half-way: a secret that is not stored is lost.
	ctx = context.WithoutCancel(ctx)
	w, err := c.register(ctx, receiver+"/", before)
	if err != nil {
		return err
	}
	result := &created{Webhook: w}
	if c.store != nil {
		if err := c.storeSecret(ctx, w, kept); err != nil {
			return err
		}
		result.StoredIn, result.StoredSecrets = c.store.String(), 1+len(kept)
	}
	if c.showSecret {
		result.SigningSecret = w.NewSigningSecret.Reveal()
	}
	w.NewSigningSecret = geminiapi.Secret{}
	return c.print(result, len(kept))
}

// look finds out where the secret is to be stored and that it can be, and returns the secrets to keep beside it.
func (c *creation) look(ctx context.Context) (kept []string, err error) {
	defer c.working("looking at where the secret is stored")()
	c.store, err = c.secretStore()
	if err != nil {
		if c.showSecret {
			c.store = nil
			return nil, nil
		}
		return nil, err
	}
	ctx, cancel := c.call(ctx)
	defer cancel()
	if err := c.store.CheckWritable(ctx); err != nil {
		return nil, err
	}
	text, err := c.store.Read(ctx)
	if errors.Is(err, secretstore.ErrEmpty) || c.replace {
		return nil, nil
	}
	return strings.Fields(text.Reveal()), err
}

// register asks Gemini. Where its answer is lost it undoes what may have come of it, for the secret is lost too.
func (c *creation) register(ctx context.Context, uri string, before []*geminiapi.Webhook) (*geminiapi.Webhook, error) {
	defer c.working("registering with Gemini")()
	w, err := c.client.Create(ctx, geminiapi.Webhook{Name: c.name, URI: uri, SubscribedEvents: c.events})
	if !errors.Is(err, geminiapi.ErrOutcomeUnknown) {
		return w, err
	}
	after, listErr := c.webhooksAt(ctx, uri)
	if listErr != nil {
		return nil, advise(errors.Join(err, listErr), "see whether a webhook has been registered: gemhook webhooks list; and delete it")
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

func (c *creation) storeSecret(ctx context.Context, w *geminiapi.Webhook, kept []string) error {
	defer c.working("storing the signing secret")()
	writing, cancel := context.WithTimeout(ctx, undoing)
	defer cancel()
	text := strings.Join(append([]string{w.NewSigningSecret.Reveal()}, kept...), " ")
	if err := c.store.Write(writing, secret.NewText(text)); err != nil {
		return c.undo(ctx, w, err)
	}
	return nil
}

// undo removes a webhook whose secret is lost, and returns why.
func (c *creation) undo(ctx context.Context, w *geminiapi.Webhook, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, undoing)
	defer cancel()
	if err := c.client.Delete(ctx, w.ID); err != nil {
		return advise(errors.Join(fmt.Errorf("webhook %s is registered, and its secret is lost: %w", w.ID, cause), err),
			"delete it: gemhook webhooks delete "+w.ID+"\nor have Gemini make a new secret: gemhook webhooks rotate "+w.ID)
	}
	return advise(fmt.Errorf("%w; the registration has been undone", cause), adviceOn(cause))
}

func (c *creation) print(result *created, kept int) error {
	return c.console.Print(result, func() string {
		text := "registered " + result.Webhook.ID + ", which delivers " +
			fmt.Sprintf("%d types of event to %s\n", len(result.Webhook.SubscribedEvents), result.Webhook.URI)
		if result.StoredIn != "" {
			text += "its signing secret is in " + result.StoredIn
			if kept > 0 {
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
