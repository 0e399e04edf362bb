// Package collect composes the collector: from its configuration to the handler that both platforms
// serve.
package collect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"google.golang.org/api/option"

	"github.com/gemhook/gemhook/shared/apikey"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/collector"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/fresh"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/objects"
	"github.com/gemhook/gemhook/shared/pushauth"
)

// buffers is what one collection holds at most, in bytes: the chunks of two uploads, what is read
// ahead of them, and the table of the keys of a batch's responses.
const buffers = 48 << 20

// heapGrowth, in percent, is less than that of other functions. A collection allocates few, but
// large pieces of memory, and those of one should be freed before the next one allocates as many.
const heapGrowth = 50

// apiKeys are the API keys. New adds where they are.
var apiKeys = backend.Keys[apikey.Keys]{
	Variable: "GEMHOOK_API_KEYS", What: "API keys",
	Parse: apikey.Parse, IsEmpty: apikey.Keys.IsZero,
}

// Options change what a collector talks to.
type Options struct {
	backend.Options
	Storage []option.ClientOption
}

// FromEnvironment returns the collector that the process environment describes, for at most
// concurrency requests at once. It ends the process if the environment describes none.
func FromEnvironment(concurrency int) *app.App {
	configuration, log := app.Start(config.Collect, func(config.Config) app.Pace {
		return app.Pace{Bodies: buffers * int64(concurrency), Growth: heapGrowth}
	}, apiKeys.Check())
	return New(configuration, log, nil)
}

// New returns a collector and begins to open what it needs. options may be nil.
func New(configuration config.Config, log *slog.Logger, options *Options) *app.App {
	if options == nil {
		options = &Options{}
	}
	b := backend.Open(configuration, log, &options.Options)
	b.Warm()
	gemini := &clients{
		baseURL: configuration.GeminiURL,
		keys:    backend.OpenKeys(b, apiKeys.At(configuration.APIKeys)),
	}
	backend.Warm(gemini.keys)
	bucket := fresh.New(func(ctx context.Context) (*objects.Bucket, error) {
		storage, err := b.ClientOptions(ctx, "STORAGE_EMULATOR_HOST", options.Storage)
		if err != nil {
			return nil, fmt.Errorf("open Cloud Storage: %w", err)
		}
		opened, err := objects.Open(context.Background(), configuration.ResultsBucket, storage...)
		if err == nil {
			b.OnClose(opened)
		}
		return opened, err
	}, fresh.Options{Now: b.Now})
	backend.Warm(bucket)
	return app.New(collector.New(collector.Deps{
		Checker: pushauth.New(pushauth.Options{
			Audience: configuration.PushAudience, Account: configuration.PushAccount, CertsURL: configuration.PushCertsURL, Now: b.Now,
			OnError: func(err error) { log.Warn("reading the certificates", slog.String("error", err.Error())) },
		}),
		Gemini:    gemini.get,
		Bucket:    bucket.Get,
		Ledger:    b.Ledger,
		Publisher: b.Publisher,
		Log:       log,
	}, collector.Options{
		Topic: configuration.ResultsTopic, Version: app.Version, Now: b.Now,
	}), b)
}

// clients makes clients of the Gemini API with the tenants' API keys.
type clients struct {
	baseURL string
	keys    *fresh.Value[apikey.Keys]
}

var errNoKey = errors.New("there is no API key for the tenant")

// get returns a client with a tenant's API key. If Gemini has refused the key of the client before,
// it reads the keys again, and returns nil if the tenant still has the same key.
func (c *clients) get(ctx context.Context, tenant string, isRefused bool) (*geminiapi.Client, error) {
	keys, err := c.keys.Get(ctx)
	if err != nil {
		return nil, err
	}
	key, found := keys.For(tenant)
	if isRefused {
		before := key
		if key, found = c.keys.Refresh(ctx, keys).For(tenant); key == before {
			return nil, nil
		}
	}
	if !found {
		return nil, errNoKey
	}
	return geminiapi.New(key, &geminiapi.Options{BaseURL: c.baseURL}), nil
}
