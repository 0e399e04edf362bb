package config_test

import (
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/secret"
)

// good is an environment with what is required, and changes to it.
func good(changes map[string]string) map[string]string {
	environment := map[string]string{
		"GOOGLE_CLOUD_PROJECT":      "my-project",
		"GEMHOOK_TOPIC":             "gemini-events",
		"GEMHOOK_DEAD_LETTER_TOPIC": "gemini-dead-letters",
	}
	maps.Copy(environment, changes)
	return environment
}

func load(t *testing.T, environment map[string]string) (config.Config, error) {
	t.Helper()
	return config.Load(t.Context(), envconfig.MapLookuper(environment))
}

func ref(t *testing.T, text string) secret.Ref {
	t.Helper()
	parsed, err := secret.ParseRef(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func defaults() config.Config {
	return config.Config{
		Project:         "my-project",
		Topic:           "gemini-events",
		DeadLetterTopic: "gemini-dead-letters",
		Database:        "(default)",
		Collection:      "deliveries",
		JWKSURL:         "https://generativelanguage.googleapis.com/.well-known/jwks.json",
		Tolerance:       5 * time.Minute,
		Lease:           time.Minute,
		Retention:       7 * 24 * time.Hour,
		MaxBody:         262144,
		LogLevel:        slog.LevelInfo,
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t, good(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got != defaults() {
		t.Errorf("Load = %+v, want %+v", got, defaults())
	}
	if !got.SigningSecrets.IsZero() || !got.DynamicKeys.IsZero() {
		t.Error("the secrets are somewhere, want nowhere")
	}
}

const credentials = `{"type":"external_account","audience":"hunter2hunter2"}`

func TestEveryVariableIsRead(t *testing.T) {
	t.Parallel()
	got, err := load(t, map[string]string{
		"GOOGLE_CLOUD_PROJECT":       "p",
		"GEMHOOK_TOPIC":              "t-1",
		"GEMHOOK_DEAD_LETTER_TOPIC":  "t-2",
		"GEMHOOK_DATABASE":           "other",
		"GEMHOOK_COLLECTION":         "seen",
		"GEMHOOK_SIGNING_SECRETS":    "projects/p/secrets/signing",
		"GEMHOOK_DYNAMIC_KEYS":       "file:/run/keys",
		"GEMHOOK_JWKS_URL":           "http://127.0.0.1:8080/jwks.json",
		"GEMHOOK_JWT_AUDIENCE":       "me",
		"GEMHOOK_TOLERANCE":          "90s",
		"GEMHOOK_LEASE":              "2m",
		"GEMHOOK_RETENTION":          "72h",
		"GEMHOOK_MAX_BODY":           "1024",
		"GEMHOOK_GOOGLE_CREDENTIALS": credentials,
		"LOG_LEVEL":                  "debug",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Project:           "p",
		Topic:             "t-1",
		DeadLetterTopic:   "t-2",
		Database:          "other",
		Collection:        "seen",
		SigningSecrets:    ref(t, "projects/p/secrets/signing"),
		DynamicKeys:       ref(t, "file:/run/keys"),
		JWKSURL:           "http://127.0.0.1:8080/jwks.json",
		JWTAudience:       "me",
		Tolerance:         90 * time.Second,
		Lease:             2 * time.Minute,
		Retention:         72 * time.Hour,
		MaxBody:           1024,
		GoogleCredentials: secret.NewText(credentials),
		LogLevel:          slog.LevelDebug,
	}
	if got != want {
		t.Errorf("Load = %+v, want %+v", got, want)
	}
}

func TestAnEmptyVariableIsAsGoodAsNone(t *testing.T) {
	t.Parallel()
	environment := map[string]string{}
	for _, name := range config.Vars() {
		environment[name] = ""
	}
	got, err := load(t, good(nil))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(environment, good(nil))
	if withEmpty, err := load(t, environment); err != nil || withEmpty != got {
		t.Errorf("Load = %+v, %v; want %+v", withEmpty, err, got)
	}
}

func TestVarsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	want := []string{
		"FIRESTORE_EMULATOR_HOST",
		"GEMHOOK_COLLECTION",
		"GEMHOOK_DATABASE",
		"GEMHOOK_DEAD_LETTER_TOPIC",
		"GEMHOOK_DYNAMIC_KEYS",
		"GEMHOOK_GOOGLE_CREDENTIALS",
		"GEMHOOK_JWKS_URL",
		"GEMHOOK_JWT_AUDIENCE",
		"GEMHOOK_LEASE",
		"GEMHOOK_MAX_BODY",
		"GEMHOOK_RETENTION",
		"GEMHOOK_SIGNING_SECRETS",
		"GEMHOOK_TOLERANCE",
		"GEMHOOK_TOPIC",
		"GOOGLE_CLOUD_PROJECT",
		"LOG_LEVEL",
		"PORT",
		"PUBSUB_EMULATOR_HOST",
	}
	if got := slices.Sorted(slices.Values(config.Vars())); !slices.Equal(got, want) {
		t.Errorf("Vars = %q, want %q", got, want)
	}
}

func TestAFaultyEnvironmentIsNoConfig(t *testing.T) {
	t.Parallel()
	got, err := load(t, good(map[string]string{"GEMHOOK_LEASE": "soon"}))
	if err == nil || !reflect.ValueOf(got).IsZero() {
		t.Errorf("Load = %+v, %v; want an error and nothing else", got, err)
	}
}

// The configuration of an app is the first thing that somebody prints to find out what is wrong with it.
func TestAConfigHidesItsSecrets(t *testing.T) {
	t.Parallel()
	got, err := load(t, good(map[string]string{
		"GEMHOOK_SIGNING_SECRETS":    signing,
		"GEMHOOK_DYNAMIC_KEYS":       dynamic,
		"GEMHOOK_GOOGLE_CREDENTIALS": credentials,
	}))
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&shown, verb, got)
		fmt.Fprintf(&shown, verb, &got)
	}
	slog.New(slog.NewTextHandler(&shown, nil)).Info("start", "config", got)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("start", "config", got)
	for _, form := range []string{"aHVudGVy", "hunter2", "68756e746572", "614856756447567"} {
		if strings.Contains(shown.String(), form) {
			t.Error("the configuration shows a secret")
		}
	}
	if !strings.Contains(shown.String(), "gemini-events") {
		t.Error("the configuration shows nothing at all")
	}
}
