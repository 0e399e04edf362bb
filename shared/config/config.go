// Package config reads gemhook's configuration from the environment, once, and reports every fault in it at once.
package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/gemhook/gemhook/shared/secret"
)

// environment are the variables as they are written, with their defaults. README.md has them in a table. The default of
// GEMHOOK_JWKS_URL is where Google publishes the keys of dynamic webhooks (Gemini webhooks guide).
type environment struct {
	Project           string `env:"GOOGLE_CLOUD_PROJECT"`
	Topic             string `env:"GEMHOOK_TOPIC"`
	DeadLetterTopic   string `env:"GEMHOOK_DEAD_LETTER_TOPIC"`
	Database          string `env:"GEMHOOK_DATABASE, default=(default)"`
	Collection        string `env:"GEMHOOK_COLLECTION, default=deliveries"`
	SigningSecrets    string `env:"GEMHOOK_SIGNING_SECRETS"`
	DynamicKeys       string `env:"GEMHOOK_DYNAMIC_KEYS"`
	JWKSURL           string `env:"GEMHOOK_JWKS_URL, default=https://generativelanguage.googleapis.com/.well-known/jwks.json"`
	JWTAudience       string `env:"GEMHOOK_JWT_AUDIENCE"`
	Tolerance         string `env:"GEMHOOK_TOLERANCE, default=5m"`
	Lease             string `env:"GEMHOOK_LEASE, default=60s"`
	Retention         string `env:"GEMHOOK_RETENTION, default=168h"`
	MaxBody           string `env:"GEMHOOK_MAX_BODY, default=262144"`
	GoogleCredentials string `env:"GEMHOOK_GOOGLE_CREDENTIALS"`
	LogLevel          string `env:"LOG_LEVEL, default=info"`
}

// Config is a configuration without fault.
type Config struct {
	Project           string
	Topic             string
	DeadLetterTopic   string
	Database          string
	Collection        string
	SigningSecrets    secret.Ref // zero: the static endpoint has no key
	DynamicKeys       secret.Ref // zero: there are no dynamic endpoints
	JWKSURL           string
	JWTAudience       string // empty: tokens are refused
	Tolerance         time.Duration
	Lease             time.Duration
	Retention         time.Duration
	MaxBody           int64       // bytes
	GoogleCredentials secret.Text // external-account JSON; empty: the platform's own credentials
	LogLevel          slog.Level
}

// readElsewhere are variables of the ecosystem that the libraries and entrypoints read themselves.
var readElsewhere = []string{"FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "PORT"}

// Vars returns the names of all environment variables that gemhook reads.
func Vars() []string {
	var names []string
	for field := range reflect.TypeFor[environment]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		names = append(names, name)
	}
	return append(names, readElsewhere...)
}

// Load reads the configuration. An empty variable counts as missing. The error names every variable that is missing or
// bad, and quotes no value that could be secret.
func Load(ctx context.Context, from envconfig.Lookuper) (Config, error) {
	var env environment
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &env, Lookuper: withoutEmpty{from}}); err != nil {
		return Config{}, fmt.Errorf("read environment: %w", err)
	}
	check := &checker{}
	config := Config{
		Project:           check.project("GOOGLE_CLOUD_PROJECT", env.Project),
		Topic:             check.topic("GEMHOOK_TOPIC", env.Topic),
		DeadLetterTopic:   check.topic("GEMHOOK_DEAD_LETTER_TOPIC", env.DeadLetterTopic),
		Database:          check.database("GEMHOOK_DATABASE", env.Database),
		Collection:        check.collection("GEMHOOK_COLLECTION", env.Collection),
		SigningSecrets:    check.signingSecrets("GEMHOOK_SIGNING_SECRETS", env.SigningSecrets),
		DynamicKeys:       check.dynamicKeys("GEMHOOK_DYNAMIC_KEYS", env.DynamicKeys),
		JWKSURL:           check.url("GEMHOOK_JWKS_URL", env.JWKSURL),
		JWTAudience:       env.JWTAudience,
		Tolerance:         check.duration("GEMHOOK_TOLERANCE", env.Tolerance, minTolerance),
		Lease:             check.duration("GEMHOOK_LEASE", env.Lease, minLease),
		Retention:         check.duration("GEMHOOK_RETENTION", env.Retention, minRetention),
		MaxBody:           check.size("GEMHOOK_MAX_BODY", env.MaxBody),
		GoogleCredentials: check.credentials("GEMHOOK_GOOGLE_CREDENTIALS", env.GoogleCredentials),
		LogLevel:          check.level("LOG_LEVEL", env.LogLevel),
	}
	check.together(&config)
	if err := errors.Join(check.faults...); err != nil {
		return Config{}, fmt.Errorf("bad configuration:\n%w", err)
	}
	return config, nil
}

// withoutEmpty takes empty variables for missing ones, as Terraform and shells cannot always leave one out.
type withoutEmpty struct{ envconfig.Lookuper }

func (l withoutEmpty) Lookup(name string) (string, bool) {
	value, found := l.Lookuper.Lookup(name)
	return value, found && value != ""
}
