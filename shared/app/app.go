// Package app puts gemhook together: from its configuration to the handler that both platforms serve.
//
// What the handler needs from outside (Firestore, Pub/Sub, Secret Manager, Google's key set) is opened once per instance,
// in parallel, from the moment the instance starts. Nothing of it is needed to start: what cannot be opened is tried
// again by the next delivery that needs it, and until then that delivery gets an answer that says to retry.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// Version is gemhook's.
const Version = "0.1.0"

// App is the handler. It is safe for concurrent use.
type App struct {
	handler  http.Handler
	backends *backends
}

// FromEnvironment returns the app that the process environment describes, logging to standard
// output, and paces the process's garbage collector for so many requests at once. It ends the
// process, with one message that names every bad variable, if the environment describes none.
func FromEnvironment(concurrency int) *App {
	configuration, err := config.Load(context.Background(), envconfig.OsLookuper())
	if err != nil {
		slog.New(cloudlog.NewHandler(os.Stdout, nil)).Error(err.Error())
		os.Exit(1)
	}
	paceCollector(configuration.MaxBody * int64(concurrency))
	log := slog.New(cloudlog.NewHandler(os.Stdout, &cloudlog.Options{
		Level: configuration.LogLevel, Project: configuration.Project,
	}))
	return New(configuration, log, nil)
}

// New returns an app and begins to open what it needs. options may be nil.
func New(configuration config.Config, log *slog.Logger, options *Options) *App {
	if options == nil {
		options = &Options{}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	b := open(configuration, log, options)
	verifying := &webhook.Options{
		Tolerance: configuration.Tolerance, Audience: configuration.JWTAudience,
		MaxTokenLife: receiver.MaxTokenLife(configuration.Retention), Now: options.Now,
	}
	return &App{
		backends: b,
		handler: cloudlog.Trace(receiver.New(receiver.Deps{
			Static:    webhook.NewStatic(b.signingSecrets, verifying),
			Dynamic:   webhook.NewDynamic(b.keySet, verifying),
			Gate:      tenant.NewGate(b.tenantKeys),
			Ledger:    lazyLedger{b.ledger},
			Publisher: lazyPublisher{b.publisher},
			Log:       log,
		}, receiver.Options{
			ServeStatic:     !configuration.SigningSecrets.IsZero(),
			ServeDynamic:    !configuration.DynamicKeys.IsZero(),
			Topic:           configuration.Topic,
			DeadLetterTopic: configuration.DeadLetterTopic,
			MaxBody:         configuration.MaxBody,
			Version:         Version,
			Now:             options.Now,
		})),
	}
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Close ends the connections to the backends. An instance that is simply stopped need not call it.
func (a *App) Close() error { return errors.Join(a.backends.close()...) }
