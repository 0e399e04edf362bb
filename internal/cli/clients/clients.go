// Package clients opens what commands talk to: the Gemini API, Pub/Sub, Firestore, Secret Manager.
// Each client is opened when it is first asked for, with the deployment's settings, and closed with
// all others.
package clients

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"google.golang.org/api/option"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// ErrCredentials is returned where a client of Google Cloud cannot be opened: as nothing is
// contacted for that, its credentials are missing or malformed.
var ErrCredentials = errors.New("no usable credentials")

// Options are what clients are opened with. All fields but SecretManager are required.
type Options struct {
	Settings      *deployment.Settings
	APIKey        func() (string, error) // reads the Gemini API key
	HTTPClient    *http.Client           // of the Gemini API
	SecretManager []option.ClientOption
	Now           func() time.Time
	Wait          func(context.Context, time.Duration) error
	CallTimeout   time.Duration // of one call, see Call
}

// Clients are those of one run. They are not safe for concurrent use; each client itself is.
type Clients struct {
	options Options

	gemini        *geminiapi.Client
	pubsub        *pubsub.Client
	firestore     *firestore.Client
	secretManager *secretmanager.Client
}

// New returns clients of which none is open yet. The caller must Close them.
func New(options Options) *Clients { return &Clients{options: options} }

// Call bounds one call of a backend.
func (c *Clients) Call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.options.CallTimeout)
}

// Gemini returns the client of the WebhookService.
func (c *Clients) Gemini() (*geminiapi.Client, error) {
	if c.gemini != nil {
		return c.gemini, nil
	}
	url, err := c.options.Settings.Gemini()
	if err != nil {
		return nil, err
	}
	key, err := c.options.APIKey()
	if err != nil {
		return nil, err
	}
	c.gemini = geminiapi.New(key, &geminiapi.Options{
		BaseURL: url, HTTPClient: c.options.HTTPClient, Now: c.options.Now, Wait: c.options.Wait,
	})
	return c.gemini, nil
}

// PubSub returns the client of the project's topics and subscriptions.
func (c *Clients) PubSub(ctx context.Context) (*pubsub.Client, error) {
	if c.pubsub != nil {
		return c.pubsub, nil
	}
	client, err := c.OpenPubSub(ctx)
	c.pubsub = client
	return client, err
}

// OpenPubSub returns a new client like PubSub's, with connections of its own. The caller closes it.
// It may be called by several goroutines at once.
func (c *Clients) OpenPubSub(ctx context.Context) (*pubsub.Client, error) {
	project, err := c.options.Settings.CloudProject()
	if err != nil {
		return nil, err
	}
	if err := checkEmulator(ctx, deployment.PubSubEmulator); err != nil {
		return nil, err
	}
	client, err := pubsub.NewClient(context.WithoutCancel(ctx), project)
	if err != nil {
		return nil, fmt.Errorf("open Pub/Sub: %w: %w", ErrCredentials, err)
	}
	return client, nil
}

// Firestore returns the client of the ledger's database.
func (c *Clients) Firestore(ctx context.Context) (*firestore.Client, error) {
	if c.firestore != nil {
		return c.firestore, nil
	}
	project, err := c.options.Settings.CloudProject()
	if err != nil {
		return nil, err
	}
	if err := checkEmulator(ctx, deployment.FirestoreEmulator); err != nil {
		return nil, err
	}
	database := c.options.Settings.Optional(deployment.Database)
	client, err := firestore.NewClientWithDatabase(context.WithoutCancel(ctx), project, database)
	if err != nil {
		return nil, fmt.Errorf("open Firestore: %w: %w", ErrCredentials, err)
	}
	c.firestore = client
	return client, nil
}

// SecretManager returns the client of Secret Manager.
func (c *Clients) SecretManager(ctx context.Context) (*secretmanager.Client, error) {
	if c.secretManager != nil {
		return c.secretManager, nil
	}
	client, err := secretmanager.NewClient(context.WithoutCancel(ctx), c.options.SecretManager...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	c.secretManager = client
	return client, nil
}

// Deliveries returns a reader of the ledger. Each of its pages is one call.
func (c *Clients) Deliveries(ctx context.Context) (*deliveries.Reader, error) {
	client, err := c.Firestore(ctx)
	if err != nil {
		return nil, err
	}
	reader := deliveries.NewReader(client, c.options.Settings.Optional(deployment.Collection))
	reader.Call = c.Call
	return reader, nil
}

// SigningSecrets returns where the signing secrets are stored.
func (c *Clients) SigningSecrets() (*secretstore.Store, error) {
	return c.store(deployment.SigningSecrets)
}

// DynamicKeys returns where the dynamic keys are stored.
func (c *Clients) DynamicKeys() (*secretstore.Store, error) { return c.store(deployment.DynamicKeys) }

func (c *Clients) store(setting deployment.Setting) (*secretstore.Store, error) {
	ref, err := c.options.Settings.Get(setting)
	if err != nil {
		return nil, err
	}
	store, err := secretstore.Open(ref, c.SecretManager)
	if errors.Is(err, secretstore.ErrNotStorable) {
		return nil, fmt.Errorf("%s: %w", setting.Variable(), err)
	}
	return store, err
}

// SecretText reads the text of a setting that says where a secret is.
func (c *Clients) SecretText(ctx context.Context, setting deployment.Setting) (string, error) {
	ref, err := c.options.Settings.Secret(setting)
	if err != nil {
		return "", err
	}
	ctx, cancel := c.Call(ctx)
	defer cancel()
	text, err := ref.Read(ctx, c.SecretManager)
	return text.Reveal(), err
}

// Close closes what is open. At the end of a run nothing can be lost, so it returns no error.
func (c *Clients) Close() {
	if c.pubsub != nil {
		_ = c.pubsub.Close()
	}
	if c.firestore != nil {
		_ = c.firestore.Close()
	}
	if c.secretManager != nil {
		_ = c.secretManager.Close()
	}
}
