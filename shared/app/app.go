// Package app has what the process of each function has: its configuration and log, its memory
// limit, and a graceful end. The packages below it compose one function each.
package app

import (
	"log/slog"
	"net/http"
	"os"

	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
)

// Version is gemhook's.
const Version = "0.1.0"

// Start returns the configuration that the process environment has for a function, checked with
// texts too, and a log to standard output. It sets the process's garbage collector to the pace that pace returns for the
// configuration. It ends the process, with one message that names every bad variable, if the
// configuration is bad.
func Start(function config.Function, pace func(config.Config) Pace, texts ...config.TextCheck) (config.Config, *slog.Logger) {
	configuration, err := config.Load(function, os.LookupEnv, texts...)
	if err != nil {
		slog.New(cloudlog.NewHandler(os.Stdout, nil)).Error(err.Error())
		os.Exit(1)
	}
	pace(configuration).set()
	return configuration, slog.New(cloudlog.NewHandler(os.Stdout, &cloudlog.Options{
		Level: configuration.LogLevel, Project: configuration.Project,
	}))
}

// App is a function's handler with its backend. It is safe for concurrent use.
type App struct {
	http.Handler
	backend *backend.Backend
}

// New returns an app whose log lines carry the trace of their request.
func New(handler http.Handler, backend *backend.Backend) *App {
	return &App{Handler: cloudlog.Trace(handler), backend: backend}
}

// Close ends the connections to the backend. An instance that is simply stopped need not call it.
func (a *App) Close() error { return a.backend.Close() }
