// Package reconcile composes the reconciler: from its configuration to what both platforms call.
package reconcile

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/apikey"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/fresh"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/notes"
	"github.com/gemhook/gemhook/shared/pushauth"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// apiKeys are the API keys. New adds where they are.
var apiKeys = backend.Keys[apikey.Keys]{
	Variable: "GEMHOOK_API_KEYS", What: "API keys",
	Parse: apikey.Parse, IsEmpty: apikey.Keys.IsZero,
}

// TextCheck returns the check of API keys that a setting holds itself, for config.Load.
func TextCheck() config.TextCheck { return apiKeys.Check() }

// Options change what a reconciler talks to, and how it does a run.
type Options struct {
	backend.Options
	RunFor    time.Duration // these five are as in reconciler.Options
	MaxPages  int
	DryRun    bool
	FromStart bool
	Observe   func(reconciler.Item)
}

// receiverTimeout bounds the request that checks whether the receiver answers.
const receiverTimeout = 10 * time.Second

// FromEnvironment returns the reconciler that the process environment describes, called over HTTP
// with a token. It ends the process if the environment describes none.
func FromEnvironment() *app.App {
	configuration, log := app.Start(config.Reconcile, pace, TextCheck())
	reconciler, b := New(configuration, log, nil)
	return app.New(reconciler, b)
}

// Direct returns what a platform invokes without HTTP. It ends the process as FromEnvironment does.
func Direct() *reconciler.Reconciler {
	configuration, log := app.Start(config.ReconcileDirect, pace, TextCheck())
	reconciler, _ := New(configuration, log, nil)
	return reconciler
}

// pace has no room for bodies: a run holds a page of documents at most.
func pace(config.Config) app.Pace { return app.Pace{} }

// New returns a reconciler and the backend that it works with. options may be nil.
func New(configuration config.Config, log *slog.Logger, options *Options) (*reconciler.Reconciler, *backend.Backend) {
	if options == nil {
		options = &Options{}
	}
	b := backend.Open(configuration, log, &options.Options)
	b.Warm()
	deps := reconciler.Deps{
		Books: func(ctx context.Context) (reconciler.Books, error) {
			return openBooks(ctx, b, configuration.Collection)
		},
		Publisher: b.Publisher,
		HTTP:      &http.Client{Timeout: receiverTimeout},
		Log:       log,
	}
	if !configuration.APIKeys.IsZero() {
		keys := backend.OpenKeys(b, apiKeys.At(configuration.APIKeys))
		deps.Projects = func(ctx context.Context) ([]reconciler.Project, error) {
			return projects(ctx, keys, configuration.GeminiURL)
		}
	}
	if configuration.PushAudience != "" {
		deps.Checker = pushauth.New(pushauth.Options{
			Audience: configuration.PushAudience, Account: configuration.PushAccount, CertsURL: configuration.PushCertsURL, Now: b.Now,
			OnError: func(err error) { log.Warn("reading the certificates", slog.String("error", err.Error())) },
		})
	}
	return reconciler.New(deps, reconciler.Options{
		CloudProject:    configuration.Project,
		Topic:           configuration.Topic,
		DeadLetterTopic: configuration.DeadLetterTopic,
		Database:        configuration.Database,
		Lease:           configuration.Lease,
		Retention:       configuration.Retention,
		ReceiverURL:     strings.TrimRight(configuration.ReceiverURL, "/"),
		FindAfter:       configuration.FindAfter,
		FindPrefix:      configuration.FindPrefix,
		FinishRate:      configuration.FinishRate,
		Canary:          configuration.Canary,
		RunFor:          options.RunFor,
		MaxPages:        options.MaxPages,
		DryRun:          options.DryRun,
		FromStart:       options.FromStart,
		Observe:         options.Observe,
		Version:         app.Version,
		Now:             b.Now,
	}), b
}

// documents is the store of a ledger, with its listings.
type documents struct {
	*firestoreledger.Store
	*listing.Firestore
}

func openBooks(ctx context.Context, b *backend.Backend, collection string) (reconciler.Books, error) {
	opened, err := b.Ledger.Open(ctx)
	if err != nil {
		return reconciler.Books{}, err
	}
	client, err := b.Firestore(ctx)
	if err != nil {
		return reconciler.Books{}, err
	}
	return reconciler.Books{
		Ledger:    opened,
		Documents: documents{firestoreledger.New(client, collection), listing.NewFirestore(client, collection)},
		Notes:     notes.NewFirestore(client, collection),
	}, nil
}

// projects returns the projects of all API keys.
func projects(ctx context.Context, keys *fresh.Value[apikey.Keys], geminiURL string) ([]reconciler.Project, error) {
	current, err := keys.Get(ctx)
	if err != nil {
		return nil, err
	}
	var found []reconciler.Project
	for _, tenant := range current.Tenants() {
		key, _ := current.For(tenant)
		found = append(found, reconciler.Project{
			Tenant: tenant, Gemini: geminiapi.New(key, &geminiapi.Options{BaseURL: geminiURL}),
		})
	}
	return found, nil
}
