// Package config reads a function's configuration from the environment, once, and reports every
// fault in it at once.
//
// All settings are in one table, [Settings]. To add one, add its row there, a field to [Config],
// and a line to docs/reference/configuration.md, which a test compares with the table.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gemhook/gemhook/shared/secret"
)

// A Function is one of gemhook's functions, or a set of them.
type Function uint8

// The functions. ReconcileDirect is reconcile where the platform invokes it without HTTP, so that
// no token needs to be checked.
const (
	Receive Function = 1 << iota
	Collect
	Reconcile
	ReconcileDirect
)

const (
	everyReconcile = Reconcile | ReconcileDirect
	everyFunction  = Receive | Collect | everyReconcile
)

// Config is a configuration without fault. The fields of other functions are zero.
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

	APIKeys       secret.Ref // of the Gemini API; zero: none
	ResultsBucket string
	ResultsTopic  string
	PushAudience  string
	PushAccount   string
	PushCertsURL  string
	FindAfter     time.Duration // 0: finds nothing
	FindPrefix    string
	FinishRate    int // a second
	Canary        bool
	ReceiverURL   string // empty: there is no webhook to look after
	GeminiURL     string // empty: Google's
}

// A TextCheck checks the secret text of a variable that holds the text itself. What is in Secret
// Manager or in a file is known only when it is read.
type TextCheck struct {
	Variable string
	Check    func(text string) error
}

// Parses returns the check that parse returns no error for the text.
func Parses[T any](variable string, parse func(text string) (T, error)) TextCheck {
	return TextCheck{variable, func(text string) error {
		_, err := parse(text)
		return err
	}}
}

// Load reads the configuration of one function. lookup is [os.LookupEnv] or [Map]. An empty
// variable counts as missing. The error names every variable that is missing or bad, and quotes no
// value that could be secret.
func Load(function Function, lookup func(name string) (value string, found bool), texts ...TextCheck) (Config, error) {
	var config Config
	check := &checker{texts: texts}
	for _, setting := range table {
		if setting.Functions&function == 0 || setting.set == nil {
			continue
		}
		value, _ := lookup(setting.Name)
		if value == "" {
			value = setting.Default
		}
		check.name = setting.Name
		if value == "" && setting.Required&function != 0 {
			check.fault("is required")
		} else if value != "" {
			setting.set(check, &config, value)
		}
	}
	check.together(&config)
	check.emulators(lookup)
	if err := errors.Join(check.faults...); err != nil {
		return Config{}, fmt.Errorf("bad configuration:\n%w", err)
	}
	return config, nil
}

// Map returns the lookup of variables in a map, for Load.
func Map(variables map[string]string) func(name string) (value string, found bool) {
	return func(name string) (string, bool) {
		value, found := variables[name]
		return value, found
	}
}
