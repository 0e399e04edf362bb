// Package receive composes the receiver: from its configuration to the handler that both platforms
// serve.
package receive

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/fresh"
	"github.com/gemhook/gemhook/shared/jwks"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// The receiver's keys. New adds where they are.
var (
	signingSecrets = backend.Keys[webhook.Secrets]{
		Variable: "GEMHOOK_SIGNING_SECRETS", What: "signing secrets",
		Parse:   webhook.ParseSecrets,
		IsEmpty: func(secrets webhook.Secrets) bool { return len(secrets) == 0 },
	}
	dynamicKeys = backend.Keys[tenant.Keys]{
		Variable: "GEMHOOK_DYNAMIC_KEYS", What: "dynamic keys",
		Parse: tenant.ParseKeys, IsEmpty: tenant.Keys.IsZero,
	}
)

// keySetFreshness says how long Google's key set is kept, and how often it is fetched again. Where
// it cannot be fetched, the last good one serves for a day.
var keySetFreshness = fresh.Options{
	MaxAge: time.Hour, MaxStale: 24 * time.Hour,
	RefreshInterval: time.Minute, RetryInterval: time.Second, Timeout: 2 * time.Second,
}

// FromEnvironment returns the receiver that the process environment describes, for at most
// concurrency requests at once. It ends the process if the environment describes none.
func FromEnvironment(concurrency int) *app.App {
	configuration, log := app.Start(config.Receive, func(c config.Config) app.Pace {
		return app.Pace{Bodies: c.MaxBody * int64(concurrency)}
	}, signingSecrets.Check(), dynamicKeys.Check())
	return New(configuration, log, nil)
}

// New returns a receiver and begins to open what it needs. options may be nil.
func New(configuration config.Config, log *slog.Logger, options *backend.Options) *app.App {
	b := backend.Open(configuration, log, options)
	b.Warm()
	secrets := backend.OpenKeys(b, signingSecrets.At(configuration.SigningSecrets))
	keys := backend.OpenKeys(b, dynamicKeys.At(configuration.DynamicKeys))
	keySet := fresh.New(func(ctx context.Context) (*webhook.KeySet, error) {
		return jwks.Fetch(ctx, http.DefaultClient, configuration.JWKSURL)
	}, b.Freshness(keySetFreshness, "key set"))

	serveStatic, serveDynamic := !configuration.SigningSecrets.IsZero(), !configuration.DynamicKeys.IsZero()
	if serveStatic {
		backend.Warm(secrets)
	}
	if serveDynamic {
		backend.Warm(keys)
		backend.Warm(keySet)
	}
	verifying := &webhook.Options{
		Tolerance: configuration.Tolerance, Audience: configuration.JWTAudience,
		MaxTokenLife: receiver.MaxTokenLife(configuration.Retention), Now: b.Now,
	}
	return app.New(receiver.New(receiver.Deps{
		Static:    webhook.NewStatic(secrets, verifying),
		Dynamic:   webhook.NewDynamic(keySet, verifying),
		Gate:      tenant.NewGate(keys),
		Ledger:    b.Ledger,
		Publisher: b.Publisher,
		Log:       log,
	}, receiver.Options{
		ServeStatic:     serveStatic,
		ServeDynamic:    serveDynamic,
		Topic:           configuration.Topic,
		DeadLetterTopic: configuration.DeadLetterTopic,
		MaxBody:         configuration.MaxBody,
		Version:         app.Version,
		Now:             b.Now,
	}), b)
}
