package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// The files in the folder with the receiver's secrets.
const (
	signingSecrets = "signing-secrets"
	dynamicKeys    = "dynamic-keys"
)

// startGemini starts the stand-in for Gemini. It serves the public half of its keys, as Google
// does, and delivers another event on request.
func (w *installation) startGemini(keys *standin.Keys, started *closers) (*sender, error) {
	gemini, err := newSender(keys, w.rand, w.now)
	if err != nil {
		return nil, err
	}
	gemini.lost, gemini.twice = standin.Share{Of: w.rough.drop}, standin.Share{Of: w.rough.duplicate}
	gemini.server = standin.NewServerWithOptions(keys, &standin.ServerOptions{APIKeys: []string{apiKey}})
	mux := http.NewServeMux()
	mux.Handle("/", gemini.server)
	mux.HandleFunc("POST "+deliverPath, gemini.serveDeliver)
	if gemini.url, err = w.listen(mux, started); err != nil {
		return nil, fmt.Errorf("start the stand-in for Gemini: %w", err)
	}
	w.out.up("stand-in for Gemini", gemini.url)
	return gemini, nil
}

// keyRefresh is shorter than in a deployment: a person who rotates a secret here waits for a
// second, and not for ten.
const keyRefresh = time.Second

// startReceiver starts the receiver as it is deployed, with its secrets in files, and registers its
// webhook with the stand-in.
func (w *installation) startReceiver(ctx context.Context, b *backends, gemini *sender, started *closers) error {
	err := errors.Join(
		w.folder.write(signingSecrets, strings.Join(gemini.keys.Secrets, "\n")+"\n"),
		w.folder.write(dynamicKeys, gemini.dynamicKey.Reveal()+"\n"),
	)
	if err != nil {
		return err
	}
	configuration, err := config.Load(config.Receive, config.Map(w.receiverSettings(gemini)))
	if err != nil {
		return err
	}
	receiver := receive.New(configuration, w.tappedLogger(), &backend.Options{
		Store: w.tappedStore(b.store), Now: w.now, KeyRefresh: keyRefresh,
	})
	started.add(receiver.Close)
	if gemini.receiverURL, err = w.listen(w.tapped(receiver), started); err != nil {
		return fmt.Errorf("start the receiver: %w", err)
	}
	w.out.up("receiver", gemini.receiverURL)
	return w.register(ctx, gemini)
}

// register registers the receiver's webhook. From then on the webhook's signing secret is the only
// one.
func (w *installation) register(ctx context.Context, gemini *sender) error {
	api := geminiapi.New(apiKey, &geminiapi.Options{BaseURL: gemini.url})
	created, err := api.Create(ctx, geminiapi.Webhook{
		Name: "gemhook dev", URI: gemini.receiverURL + "/", SubscribedEvents: geminiapi.EventTypes(),
	})
	if err != nil {
		return fmt.Errorf("register the webhook: %w", err)
	}
	gemini.keys.Secrets = []string{created.NewSigningSecret.Reveal()}
	return w.folder.write(signingSecrets, gemini.keys.Secrets[0]+"\n")
}

// receiverSettings returns the variables that a deployment of the receiver would set.
func (w *installation) receiverSettings(gemini *sender) map[string]string {
	return map[string]string{
		"GOOGLE_CLOUD_PROJECT":      project,
		"GEMHOOK_TOPIC":             topicID,
		"GEMHOOK_DEAD_LETTER_TOPIC": deadLetterTopicID,
		"GEMHOOK_SIGNING_SECRETS":   "file:" + w.folder.file(signingSecrets),
		"GEMHOOK_DYNAMIC_KEYS":      "file:" + w.folder.file(dynamicKeys),
		"GEMHOOK_JWKS_URL":          gemini.url + standin.JWKSPath,
		"GEMHOOK_JWT_AUDIENCE":      audience,
	}
}

// settings returns the settings for the command line and for the user's own programs.
func (w *installation) settings(b *backends, gemini *sender, c *collector) map[string]string {
	settings := w.receiverSettings(gemini)
	for name, value := range map[string]string{
		"GEMHOOK_URL":                      gemini.receiverURL,
		"GEMHOOK_DEAD_LETTER_SUBSCRIPTION": deadLetterTopicID + subscriptionTail,
		"GEMHOOK_RESULTS_TOPIC":            resultsTopicID,
		"GOOGLE_GEMINI_BASE_URL":           gemini.url,
		"GEMINI_API_KEY":                   apiKey,
		"PUBSUB_EMULATOR_HOST":             b.pubsubHost,
		"FIRESTORE_EMULATOR_HOST":          b.firestoreHost,
		"STORAGE_EMULATOR_HOST":            c.bucket.Host(),
	} {
		if value != "" {
			settings[name] = value
		}
	}
	return settings
}

// nextPort returns the next port to listen on; 0 is any.
func (w *installation) nextPort() int {
	if w.port == 0 {
		return 0
	}
	w.port++
	return w.port - 1
}

// address returns the next address to listen on.
func (w *installation) address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(w.nextPort()))
}

// shutdownTimeout outlasts the longest delivery.
const shutdownTimeout = 10 * time.Second

// listen serves a handler on the next port and returns its URL, without a slash at the end.
func (w *installation) listen(handler http.Handler, started *closers) (string, error) {
	listener, err := net.Listen("tcp4", w.address())
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

func (w *installation) logger() *slog.Logger {
	return slog.New(cloudlog.NewHandler(w.log, &cloudlog.Options{Project: project}))
}
