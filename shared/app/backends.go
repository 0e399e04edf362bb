package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/firestore"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/fresh"
	"github.com/gemhook/gemhook/shared/jwks"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
	"github.com/gemhook/gemhook/shared/secret"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/topic"
	"github.com/gemhook/gemhook/shared/webhook"
)

// Options change what an app talks to.
type Options struct {
	Store         ledger.Store // instead of Firestore
	Firestore     []option.ClientOption
	PubSub        []option.ClientOption
	SecretManager []option.ClientOption
	Anonymous     bool         // what these options lead to wants no credentials
	HTTPClient    *http.Client // for the key set; nil is http.DefaultClient
	Now           func() time.Time
}

// How long keys are kept, and how often they are read again. A load must end well before a delivery's
// time for verification does. Where Secret Manager cannot be reached the last good keys serve for an
// hour, Google's key set for a day.
var (
	secretsFreshness = fresh.Options{
		MaxAge: 5 * time.Minute, MaxStale: time.Hour, Definite: isRevoked,
		RefreshInterval: 10 * time.Second, RetryInterval: time.Second, Timeout: 2 * time.Second,
	}
	keySetFreshness = fresh.Options{
		MaxAge: time.Hour, MaxStale: 24 * time.Hour,
		RefreshInterval: time.Minute, RetryInterval: time.Second, Timeout: 2 * time.Second,
	}
)

// errNotOpened is in the error of a backend that cannot be opened. It says nothing of what is there: a
// missing file can be that of the credentials.
var errNotOpened = errors.New("not opened")

// errNoKeys is in the error of a text that was read and holds no key.
var errNoKeys = errors.New("there is no key in it")

// isRevoked reports whether the error of reading keys says that those read before are out of use: the
// version is disabled or destroyed, the access was taken away, the file is gone, or no key is left.
func isRevoked(err error) bool {
	if errors.Is(err, errNotOpened) {
		return false
	}
	switch grpcStatus(err) {
	case codes.NotFound, codes.PermissionDenied, codes.FailedPrecondition:
		return true
	}
	return errors.Is(err, errNoKeys) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// grpcStatus returns the code of the gRPC status in an error, OK if there is none.
func grpcStatus(err error) codes.Code {
	if carrier := (interface{ GRPCStatus() *status.Status })(nil); errors.As(err, &carrier) {
		return carrier.GRPCStatus().Code()
	}
	return codes.OK
}

// backends are what an app needs from outside, each opened when it can be.
type backends struct {
	signingSecrets *fresh.Value[webhook.Secrets]
	tenantKeys     *fresh.Value[tenant.Keys]
	keySet         *fresh.Value[webhook.KeySet]
	ledger         *fresh.Value[ledger.Ledger]
	publisher      *fresh.Value[topic.Publisher]

	mu     sync.Mutex
	opened []io.Closer
}

// opener opens the backends of one configuration.
type opener struct {
	*backends
	identity      *fresh.Value[auth.Credentials]
	configuration config.Config
	options       *Options
	log           *slog.Logger
}

func open(configuration config.Config, log *slog.Logger, options *Options) *backends {
	o := &opener{backends: &backends{}, configuration: configuration, options: options, log: log}
	o.identity = fresh.New(o.identify, fresh.Options{Now: options.Now})

	o.ledger = fresh.New(o.openLedger, fresh.Options{Now: options.Now})
	warm(o.ledger)
	o.publisher = fresh.New(o.openPublisher, fresh.Options{Now: options.Now})
	warm(o.publisher)

	manager := fresh.New(o.openSecretManager, fresh.Options{Now: options.Now})
	o.signingSecrets = fresh.New(func(ctx context.Context) (*webhook.Secrets, error) {
		return o.readSigningSecrets(ctx, manager.Get)
	}, o.freshness(secretsFreshness, "signing secrets"))
	if !configuration.SigningSecrets.IsZero() {
		warm(o.signingSecrets)
	}

	o.keySet = fresh.New(o.fetchKeySet, o.freshness(keySetFreshness, "key set"))
	o.tenantKeys = fresh.New(func(ctx context.Context) (*tenant.Keys, error) {
		return o.readTenantKeys(ctx, manager.Get)
	}, o.freshness(secretsFreshness, "dynamic keys"))
	if !configuration.DynamicKeys.IsZero() {
		warm(o.tenantKeys)
		warm(o.keySet)
	}
	return o.backends
}

// warm begins to load a value. Whether that works out is for whoever needs it to see.
func warm[T any](value *fresh.Value[T]) {
	go func() { _, _ = value.Get(context.Background()) }()
}

func (o *opener) freshness(options fresh.Options, what string) fresh.Options {
	options.Now = o.options.Now
	options.OnError = func(err error) {
		o.log.Warn("reading the "+what, slog.String("error", err.Error()))
	}
	return options
}

func (o *opener) openLedger(ctx context.Context) (*ledger.Ledger, error) {
	store := o.options.Store
	if store == nil {
		options, err := o.clientOptions(ctx, "FIRESTORE_EMULATOR_HOST", o.options.Firestore)
		if err != nil {
			return nil, fmt.Errorf("open Firestore: %w", err)
		}
		client, err := firestore.NewClientWithDatabase(context.Background(), o.configuration.Project,
			o.configuration.Database, options...)
		if err != nil {
			return nil, fmt.Errorf("open Firestore: %w", err)
		}
		o.toClose(client)
		store = firestoreledger.New(client, o.configuration.Collection)
	}
	return ledger.New(store, ledger.Options{
		Lease: o.configuration.Lease, Retention: o.configuration.Retention, Now: o.options.Now,
	}), nil
}

func (o *opener) openPublisher(ctx context.Context) (*topic.Publisher, error) {
	options, err := o.clientOptions(ctx, "PUBSUB_EMULATOR_HOST", o.options.PubSub)
	if err != nil {
		return nil, fmt.Errorf("open Pub/Sub: %w", err)
	}
	publisher, err := topic.New(context.Background(), o.configuration.Project, options...)
	if err != nil {
		return nil, err
	}
	o.toClose(publisher)
	return publisher, nil
}

func (o *opener) openSecretManager(ctx context.Context) (*secretmanager.Client, error) {
	options, err := o.clientOptions(ctx, "", o.options.SecretManager)
	if err != nil {
		return nil, fmt.Errorf("open Secret Manager: %w: %w", errNotOpened, err)
	}
	client, err := secretmanager.NewClient(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("open Secret Manager: %w: %w", errNotOpened, err)
	}
	o.toClose(client)
	return client, nil
}

type managerFunc = func(context.Context) (*secretmanager.Client, error)

func (o *opener) readSigningSecrets(ctx context.Context, manager managerFunc) (*webhook.Secrets, error) {
	text, err := read(ctx, o.configuration.SigningSecrets, "GEMHOOK_SIGNING_SECRETS", manager)
	if err != nil {
		return nil, err
	}
	secrets, err := webhook.ParseSecrets(text.Reveal())
	if len(secrets) == 0 {
		return nil, errors.Join(fmt.Errorf("read GEMHOOK_SIGNING_SECRETS: %w", errNoKeys), err)
	}
	if err != nil {
		o.log.Error("some signing secrets are malformed and not in use", slog.String("error", err.Error()))
	}
	return &secrets, nil
}

func (o *opener) readTenantKeys(ctx context.Context, manager managerFunc) (*tenant.Keys, error) {
	text, err := read(ctx, o.configuration.DynamicKeys, "GEMHOOK_DYNAMIC_KEYS", manager)
	if err != nil {
		return nil, err
	}
	keys, err := tenant.ParseKeys(text.Reveal())
	if keys.IsZero() {
		return nil, errors.Join(fmt.Errorf("read GEMHOOK_DYNAMIC_KEYS: %w", errNoKeys), err)
	}
	if err != nil {
		o.log.Error("some dynamic keys are malformed and not in use", slog.String("error", err.Error()))
	}
	return &keys, nil
}

func read(ctx context.Context, ref secret.Ref, variable string, manager managerFunc) (secret.Text, error) {
	if ref.IsZero() {
		return secret.Text{}, fmt.Errorf("%s is not set", variable)
	}
	text, err := ref.Read(ctx, manager)
	if err != nil {
		return secret.Text{}, fmt.Errorf("read %s: %w", variable, err)
	}
	return text, nil
}

func (o *opener) fetchKeySet(ctx context.Context) (*webhook.KeySet, error) {
	client := o.options.HTTPClient
	if client == nil {
		client = http.DefaultClient
	}
	return jwks.Fetch(ctx, client, o.configuration.JWKSURL)
}

// connections are how clients hold their connections to a backend.
var connections = []option.ClientOption{
	// gRPC's own bound of the wait before it connects again is two minutes, for which a backend that is back would still
	// count as away.
	option.WithGRPCDialOption(grpc.WithConnectParams(grpc.ConnectParams{
		Backoff: backoff.Config{
			BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second,
		},
		MinConnectTimeout: 3 * time.Second,
	})),
	// A connection that has gone silent is given up by the first call that meets it: without this it is used for a
	// quarter of an hour, until TCP gives up.
	option.WithGRPCDialOption(grpc.WithKeepaliveParams(keepalive.ClientParameters{
		Time: 10 * time.Second, Timeout: 3 * time.Second,
	})),
	// What lies between forgets idle connections without a word (AWS's firewall after 350 seconds,
	// https://docs.aws.amazon.com/network-firewall/latest/APIReference/API_FlowTimeouts.html), and an instance that was
	// frozen meanwhile has pinged nobody. A new connection is cheap; a publish on a dead connection may have landed.
	option.WithGRPCDialOption(grpc.WithIdleTimeout(4 * time.Minute)),
	// Spans and metrics, which nobody collects here, would take 20 to 30 µs of each call.
	option.WithTelemetryDisabled(),
}

// clientOptions are those of a client: as whom, how and, if given, where to connect. An emulator, named by that variable, asks
// nobody who they are.
func (o *opener) clientOptions(ctx context.Context, emulator string, given []option.ClientOption) ([]option.ClientOption, error) {
	options := slices.Concat(connections, given)
	if o.options.Anonymous || emulator != "" && os.Getenv(emulator) != "" {
		return options, nil
	}
	identity, err := o.identity.Get(ctx)
	if err != nil {
		return nil, err
	}
	return append(options, option.WithAuthCredentials(identity)), nil
}

func (b *backends) toClose(opened io.Closer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = append(b.opened, opened)
}

func (b *backends) close() []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, opened := range b.opened {
		errs = append(errs, opened.Close())
	}
	b.opened = nil
	return errs
}
