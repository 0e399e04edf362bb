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

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/apikey"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/secret"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
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
	return loadOf(config.Receive, environment)
}

// loadOf loads with the checks that the functions have for texts.
func loadOf(function config.Function, environment map[string]string) (config.Config, error) {
	return config.Load(function, config.Map(environment),
		config.Parses("GEMHOOK_SIGNING_SECRETS", webhook.ParseSecrets),
		config.Parses("GEMHOOK_DYNAMIC_KEYS", tenant.ParseKeys),
		config.Parses("GEMHOOK_API_KEYS", apikey.Parse))
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

// Where only what is required is set, the rest has its defaults.
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

// Each variable is read into its field.
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

// A variable that is set and empty has its default.
func TestAnEmptyVariableIsAsGoodAsNone(t *testing.T) {
	t.Parallel()
	environment := map[string]string{}
	for _, name := range config.Vars(config.Receive) {
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

// TestVars compares the variables of each function with the contract.
func TestVars(t *testing.T) {
	t.Parallel()
	every := []string{
		"FIRESTORE_EMULATOR_HOST", "GEMHOOK_COLLECTION", "GEMHOOK_DATABASE", "GEMHOOK_GOOGLE_CREDENTIALS",
		"GEMHOOK_LEASE", "GEMHOOK_RETENTION", "GOOGLE_CLOUD_PROJECT", "LOG_LEVEL", "PORT", "PUBSUB_EMULATOR_HOST",
	}
	push := []string{"GEMHOOK_PUSH_ACCOUNT", "GEMHOOK_PUSH_AUDIENCE", "GEMHOOK_PUSH_CERTS_URL"}
	reconcile := []string{
		"GEMHOOK_API_KEYS", "GEMHOOK_DEAD_LETTER_TOPIC", "GEMHOOK_CANARY", "GEMHOOK_FIND_AFTER",
		"GEMHOOK_FIND_PREFIX", "GEMHOOK_FINISH_RATE",
		"GEMHOOK_TOPIC", "GEMHOOK_URL", "GOOGLE_GEMINI_BASE_URL",
	}
	for name, test := range map[string]struct {
		function config.Function
		more     []string
	}{
		"receive": {config.Receive, []string{
			"GEMHOOK_DEAD_LETTER_TOPIC", "GEMHOOK_DYNAMIC_KEYS", "GEMHOOK_JWKS_URL", "GEMHOOK_JWT_AUDIENCE",
			"GEMHOOK_MAX_BODY", "GEMHOOK_SIGNING_SECRETS", "GEMHOOK_TOLERANCE", "GEMHOOK_TOPIC",
		}},
		"collect": {config.Collect, slices.Concat(push, []string{
			"GEMHOOK_API_KEYS", "GEMHOOK_RESULTS_BUCKET", "GEMHOOK_RESULTS_TOPIC", "GOOGLE_GEMINI_BASE_URL",
			"STORAGE_EMULATOR_HOST",
		})},
		"reconcile":                       {config.Reconcile, slices.Concat(push, reconcile)},
		"reconcile, invoked without HTTP": {config.ReconcileDirect, reconcile},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.Sorted(slices.Values(slices.Concat(every, test.more)))
			got := slices.Sorted(slices.Values(config.Vars(test.function)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Vars (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOtherFunctions wants each function to need what it cannot do without, and to ignore the
// settings of others.
func TestOtherFunctions(t *testing.T) {
	t.Parallel()
	push := map[string]string{"GEMHOOK_PUSH_AUDIENCE": "https://me", "GEMHOOK_PUSH_ACCOUNT": "push@my-project.iam.gserviceaccount.com"}
	results := map[string]string{
		"GEMHOOK_RESULTS_BUCKET": "my-results", "GEMHOOK_RESULTS_TOPIC": "gemini-results", "GEMHOOK_API_KEYS": "file:/run/keys",
	}
	for name, test := range map[string]struct {
		function config.Function
		set      map[string]string
		missing  []string
	}{
		"collect":             {config.Collect, merge(push, results), nil},
		"collect, nothing":    {config.Collect, nil, []string{"GEMHOOK_API_KEYS", "GEMHOOK_RESULTS_BUCKET", "GEMHOOK_RESULTS_TOPIC", "GEMHOOK_PUSH_AUDIENCE", "GEMHOOK_PUSH_ACCOUNT"}},
		"reconcile":           {config.Reconcile, push, nil},
		"reconcile, nothing":  {config.Reconcile, nil, []string{"GEMHOOK_PUSH_AUDIENCE", "GEMHOOK_PUSH_ACCOUNT"}},
		"reconcile, directly": {config.ReconcileDirect, nil, nil},
		"receive":             {config.Receive, map[string]string{"GEMHOOK_FIND_AFTER": "soon"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := loadOf(test.function, good(test.set))
			if len(test.missing) == 0 {
				if err != nil {
					t.Errorf("Load: %v", err)
				}
				if test.function != config.Receive && got.JWKSURL != "" {
					t.Error("the configuration has a setting of the receiver")
				}
				return
			}
			want := "bad configuration:\n" + strings.Join(test.missing, " is required\n") + " is required"
			if err == nil || err.Error() != want {
				t.Errorf("error:\n%v\nwant:\n%s", err, want)
			}
		})
	}
}

func merge(all ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, one := range all {
		maps.Copy(merged, one)
	}
	return merged
}

// With an error, Load returns the zero Config.
func TestAFaultyEnvironmentIsNoConfig(t *testing.T) {
	t.Parallel()
	got, err := load(t, good(map[string]string{"GEMHOOK_LEASE": "soon"}))
	if err == nil || !reflect.ValueOf(got).IsZero() {
		t.Errorf("Load = %+v, %v; want an error and nothing else", got, err)
	}
}

// The configuration of an app is the first thing that somebody prints to find out what is wrong
// with it.
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

// Default returns the text of a default, empty where there is none.
func TestDefault(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"GEMHOOK_LEASE": "60s", "GEMHOOK_TOPIC": "", "GEMHOOK_NO_SUCH_SETTING": "",
	} {
		t.Run(name, func(t *testing.T) {
			if got := config.Default(name); got != want {
				t.Errorf("Default(%s) = %q, want %q", name, got, want)
			}
		})
	}
}
