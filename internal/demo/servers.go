package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
)

// startReceiver starts the receiver as it is deployed, configured by the variables that a deployment would set, and tells
// the sender where it is.
func (d *demo) startReceiver(ctx context.Context, b *backends, gemini *sender, started *closers) error {
	configuration, err := config.Load(config.Receive, config.Map(map[string]string{
		"GOOGLE_CLOUD_PROJECT":      project,
		"GEMHOOK_TOPIC":             topicID,
		"GEMHOOK_DEAD_LETTER_TOPIC": deadLetterTopicID,
		"GEMHOOK_SIGNING_SECRETS":   strings.Join(gemini.keys.Secrets, " "),
		"GEMHOOK_DYNAMIC_KEYS":      gemini.dynamicKey.Reveal(),
		"GEMHOOK_JWKS_URL":          gemini.url + standin.JWKSPath,
		"GEMHOOK_JWT_AUDIENCE":      audience,
	}))
	if err != nil {
		return err
	}
	log := slog.New(cloudlog.NewHandler(d.log, &cloudlog.Options{Level: configuration.LogLevel, Project: project}))
	receiver := receive.New(configuration, log, &backend.Options{Store: b.store, Now: d.now})
	started.add(receiver.Close)
	gemini.receiverURL, err = listen(receiver, started)
	if err != nil {
		return fmt.Errorf("start the receiver: %w", err)
	}
	d.out.up("receiver", gemini.receiverURL)
	return nil
}

// startGemini starts the stand-in for Gemini. It serves the public half of its keys, as Google does, and delivers another
// event on request.
func (d *demo) startGemini(keys *standin.Keys, started *closers) (*sender, error) {
	gemini, err := newSender(keys, d.rand, d.now)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", standin.NewServer(keys))
	mux.HandleFunc("POST "+deliverPath, gemini.serveDeliver)
	if gemini.url, err = listen(mux, started); err != nil {
		return nil, fmt.Errorf("start the stand-in for Gemini: %w", err)
	}
	d.out.up("stand-in for Gemini", gemini.url)
	return gemini, nil
}

// shutdownTimeout outlasts the longest delivery.
const shutdownTimeout = 10 * time.Second

// listen serves a handler on a free port of loopback and returns its URL, without a slash at the end.
func listen(handler http.Handler, started *closers) (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	started.add(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		err := server.Shutdown(ctx)
		if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		return err
	})
	return "http://" + listener.Addr().String(), nil
}
