// Package backend opens what a function needs from outside: Firestore with the ledger, Pub/Sub,
// Secret Manager, and the credentials for them.
//
// Each is opened once per instance, and nothing of it is needed to start: what cannot be opened is
// tried again by the next request that needs it, and until then that request gets an answer that
// says to retry. [Warm] opens things ahead of the first request.
package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/firestore"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"google.golang.org/api/option"

	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/fresh"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
	"github.com/gemhook/gemhook/shared/topic"
)

// Options change what a function talks to.
type Options struct {
	Store         ledger.Store // instead of Firestore
	Firestore     []option.ClientOption
	PubSub        []option.ClientOption
	SecretManager []option.ClientOption
	Anonymous     bool             // what these options lead to wants no credentials
	Now           func() time.Time // nil is time.Now
	KeyRefresh    time.Duration    // the least time between two reads of keys that signatures cause; 0 is 10 s
}

// A Backend has what one function needs from outside. It is safe for concurrent use.
type Backend struct {
	Ledger    *Ledger
	Publisher *Publisher

	configuration config.Config
	options       Options
	log           *slog.Logger
	identity      *fresh.Value[auth.Credentials]
	firestore     *fresh.Value[firestore.Client]
	secretManager *fresh.Value[secretmanager.Client]

	mu     sync.Mutex
	opened []io.Closer
}

// Open returns the backend of a configuration, of which nothing is open yet. options may be nil.
func Open(configuration config.Config, log *slog.Logger, options *Options) *Backend {
	if options == nil {
		options = &Options{}
	}
	b := &Backend{configuration: configuration, options: *options, log: log}
	if b.options.Now == nil {
		b.options.Now = time.Now
	}
	once := fresh.Options{Now: b.options.Now}
	b.identity = fresh.New(b.identify, once)
	b.firestore = fresh.New(b.openFirestore, once)
	b.secretManager = fresh.New(b.openSecretManager, once)
	b.Ledger = &Ledger{fresh.New(b.openLedger, once)}
	b.Publisher = &Publisher{fresh.New(b.openPublisher, once)}
	return b
}

// Warm begins to open the ledger and the publisher, in parallel.
func (b *Backend) Warm() {
	Warm(b.Ledger.opened)
	Warm(b.Publisher.opened)
}

// Warm begins to load a value. Whoever needs it sees the error, if there is one.
func Warm[T any](value *fresh.Value[T]) {
	go func() { _, _ = value.Get(context.Background()) }()
}

// Now returns the time by the clock of the options.
func (b *Backend) Now() time.Time { return b.options.Now() }

// Close ends the connections. An instance that is simply stopped need not call it.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, opened := range b.opened {
		errs = append(errs, opened.Close())
	}
	b.opened = nil
	return errors.Join(errs...)
}

// OnClose has Close close c as well.
func (b *Backend) OnClose(c io.Closer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = append(b.opened, c)
}

// Firestore returns the client of the ledger's database.
func (b *Backend) Firestore(ctx context.Context) (*firestore.Client, error) {
	return b.firestore.Get(ctx)
}

func (b *Backend) openFirestore(ctx context.Context) (*firestore.Client, error) {
	options, err := b.ClientOptions(ctx, "FIRESTORE_EMULATOR_HOST", b.options.Firestore)
	if err != nil {
		return nil, fmt.Errorf("open Firestore: %w", err)
	}
	client, err := firestore.NewClientWithDatabase(context.Background(), b.configuration.Project,
		b.configuration.Database, options...)
	if err != nil {
		return nil, fmt.Errorf("open Firestore: %w", err)
	}
	b.OnClose(client)
	return client, nil
}

func (b *Backend) openLedger(ctx context.Context) (*ledger.Ledger, error) {
	store := b.options.Store
	if store == nil {
		client, err := b.firestore.Get(ctx)
		if err != nil {
			return nil, err
		}
		store = firestoreledger.New(client, b.configuration.Collection)
	}
	return ledger.New(store, ledger.Options{
		Lease: b.configuration.Lease, Retention: b.configuration.Retention, Now: b.options.Now,
	}), nil
}

func (b *Backend) openPublisher(ctx context.Context) (*topic.Publisher, error) {
	options, err := b.ClientOptions(ctx, "PUBSUB_EMULATOR_HOST", b.options.PubSub)
	if err != nil {
		return nil, fmt.Errorf("open Pub/Sub: %w", err)
	}
	publisher, err := topic.New(context.Background(), b.configuration.Project, options...)
	if err != nil {
		return nil, err
	}
	b.OnClose(publisher)
	return publisher, nil
}

func (b *Backend) openSecretManager(ctx context.Context) (*secretmanager.Client, error) {
	options, err := b.ClientOptions(ctx, "", b.options.SecretManager)
	if err != nil {
		return nil, fmt.Errorf("open Secret Manager: %w: %w", errNotOpened, err)
	}
	client, err := secretmanager.NewClient(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("open Secret Manager: %w: %w", errNotOpened, err)
	}
	b.OnClose(client)
	return client, nil
}

// ClientOptions returns the options of a client of Google Cloud: as whom it calls, how it holds its
// connections, and those given, such as where to connect. Where the variable named by emulator is
// set, the client has no credentials. The error is that of finding credentials.
func (b *Backend) ClientOptions(ctx context.Context, emulator string, given []option.ClientOption) ([]option.ClientOption, error) {
	options := slices.Concat(connections, given)
	if b.options.Anonymous || emulator != "" && os.Getenv(emulator) != "" {
		return options, nil
	}
	identity, err := b.identity.Get(ctx)
	if err != nil {
		return nil, err
	}
	return append(options, option.WithAuthCredentials(identity)), nil
}
