package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/gemhook/gemhook/internal/cli/explain"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/page"
	"github.com/gemhook/gemhook/internal/inspect/tap"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/jwks"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// tapped wraps the receiver, so that the inspector, if there is one, shows its deliveries.
func (w *installation) tapped(receiver http.Handler) http.Handler {
	if w.inspected == nil {
		return receiver
	}
	return tap.Handler(w.inspected, receiver)
}

// tappedLogger returns the receiver's logger, from whose lines the inspector, if there is one,
// takes how long each step took.
func (w *installation) tappedLogger() *slog.Logger {
	if w.inspected == nil {
		return w.logger()
	}
	return slog.New(tap.LogHandler(w.inspected, w.logger().Handler()))
}

// tappedStore wraps a ledger's store in memory, so that the inspector, if there is one, shows its
// documents. With Firestore the store is nil, and the inspector listens to the documents instead.
func (w *installation) tappedStore(store ledger.Store) ledger.Store {
	if w.inspected == nil || store == nil {
		return store
	}
	return tap.Store(w.inspected, store)
}

// startInspector serves the inspector and returns its URL, which is empty if there is none.
func (w *installation) startInspector(ctx context.Context, b *backends, gemini *sender, started *closers) (string, error) {
	if w.inspected == nil {
		return "", nil
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if b.store == nil {
		stop, err := w.listenToLedger(running)
		if err != nil {
			cancel()
			return "", err
		}
		started.add(stop)
	}
	served, wait, err := page.Serve(running, w.address(), w.inspected, page.Options{
		Title: "dev", Receiver: gemini.receiverURL,
		Verify: func(ctx context.Context, r *inspect.Record) *explain.Report { return w.verify(ctx, gemini, r) },
		Send: func(ctx context.Context, r *inspect.Record, edit page.Edit) (string, error) {
			return w.sendAgain(ctx, gemini, r, edit)
		},
	})
	if err != nil {
		cancel()
		return "", err
	}
	started.add(func() error { cancel(); return wait() })
	w.out.up("inspector", served.URL())
	return served.URL(), nil
}

// ledgerSize is how many of the newest deliveries the inspector listens to.
const ledgerSize = 500

// listenToLedger follows the documents in Firestore until ctx ends. The function that it returns
// waits for that end.
func (w *installation) listenToLedger(ctx context.Context) (func() error, error) {
	client, err := firestore.NewClient(ctx, project)
	if err != nil {
		return nil, fmt.Errorf("open Firestore: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := tap.Ledger(ctx, w.inspected, client.Collection("deliveries"), ledgerSize); err != nil {
			fmt.Fprintf(w.log, "inspector: %v\n", err)
		}
	}()
	return func() error { <-ended; return client.Close() }, nil
}

// verify verifies a request as of the time when it came in, with the keys that the receiver has
// now.
func (w *installation) verify(ctx context.Context, gemini *sender, r *inspect.Record) *explain.Report {
	if r.Request == nil {
		return nil
	}
	var keys explain.Keys
	secrets, err := os.ReadFile(w.folder.file(signingSecrets))
	if err == nil {
		keys.Secrets, err = webhook.ParseSecrets(string(secrets))
	}
	if len(keys.Secrets) == 0 {
		keys.SecretsErr = errors.Join(errors.New("there is no signing secret"), err)
	}
	dynamic, err := os.ReadFile(w.folder.file(dynamicKeys))
	if err == nil {
		keys.Tenants, err = tenant.ParseKeys(string(dynamic))
	}
	if keys.Tenants.IsZero() {
		keys.TenantsErr = errors.Join(errors.New("there is no dynamic key"), err)
	}
	keys.KeySet, keys.KeySetErr = jwks.Fetch(ctx, http.DefaultClient, gemini.url+standin.JWKSPath)
	capture := explain.Capture{Path: r.Request.Path, Header: r.Request.Header, Body: r.Request.Body}
	return explain.Deliver(ctx, capture, keys, explain.Options{
		At: r.At, Tolerance: tolerance, Audience: audience, MaxBody: maxBody, Retention: retention,
	})
}

// The receiver's defaults.
const (
	tolerance = 5 * time.Minute
	maxBody   = 256 << 10
	retention = 7 * 24 * time.Hour
)

// sendAgain has the stand-in sign a delivery again, by the same scheme, and sends it to the same
// path.
func (w *installation) sendAgain(ctx context.Context, gemini *sender, r *inspect.Record, edit page.Edit) (string, error) {
	if r.Request == nil {
		return "", errors.New("its request is not known")
	}
	d := standin.Delivery{ID: r.WebhookID, Time: w.now(), Body: r.Request.Body}
	if edit.Body != nil {
		d.Body = edit.Body
	}
	if edit.NewID || d.ID == "" {
		id, err := standin.NewID(w.rand)
		if err != nil {
			return "", err
		}
		d.ID = id
	}
	scheme, keys := standin.SchemeV1, *gemini.keys
	if strings.HasPrefix(r.Request.Path, tenant.PathPrefix) {
		scheme = standin.SchemeV1a
		if strings.Count(r.Request.Header.Get(standin.HeaderSignature), ".") == 2 {
			scheme = standin.SchemeJWT
		}
	} else {
		secrets, err := os.ReadFile(w.folder.file(signingSecrets))
		if err != nil {
			return "", fmt.Errorf("read the signing secrets: %w", err)
		}
		keys.Secrets = strings.Fields(string(secrets))
	}
	signed, err := gemini.sign(&keys, d, scheme)
	if err != nil {
		return "", err
	}
	answer, err := gemini.send(ctx, r.Request.Path, signed)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Signed again (%s) and sent: the receiver answered %d %s.", scheme, answer.StatusCode, answer.Status+answer.Error), nil
}
