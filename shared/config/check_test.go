package config_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/config"
)

// All faults of an environment are in one message, a line for each variable.
func TestOneMessageNamesEveryFault(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		environment map[string]string
		want        []string // lines after the first
	}{
		{"nothing set", nil, []string{
			"GOOGLE_CLOUD_PROJECT is required",
			"GEMHOOK_TOPIC is required",
			"GEMHOOK_DEAD_LETTER_TOPIC is required",
		}},
		{"everything bad", map[string]string{
			"GEMHOOK_TOPIC":              "projects/p/topics/t",
			"GEMHOOK_DEAD_LETTER_TOPIC":  "1st",
			"GEMHOOK_DATABASE":           "Default",
			"GEMHOOK_COLLECTION":         "a/b",
			"GEMHOOK_SIGNING_SECRETS":    "hunter2hunter2 whsec_ whsec_hunter2!",
			"GEMHOOK_DYNAMIC_KEYS":       "projects/hunter2",
			"GEMHOOK_JWKS_URL":           "generativelanguage.googleapis.com",
			"GEMHOOK_TOLERANCE":          "300",
			"GEMHOOK_LEASE":              "10s",
			"GEMHOOK_RETENTION":          "7d",
			"GEMHOOK_MAX_BODY":           "256KiB",
			"GEMHOOK_GOOGLE_CREDENTIALS": `{"private_key":"hunter2"}`,
			"LOG_LEVEL":                  "loud",
		}, []string{
			"GOOGLE_CLOUD_PROJECT is required",
			`GEMHOOK_TOPIC is "projects/p/topics/t", want a topic id such as gemini-events, without projects/…/topics/`,
			`GEMHOOK_DEAD_LETTER_TOPIC is "1st", want a topic id such as gemini-events, without projects/…/topics/`,
			`GEMHOOK_DATABASE is "Default", want (default) or the id of a Firestore database`,
			`GEMHOOK_COLLECTION is "a/b", want the id of a Firestore collection, without a slash`,
			"GEMHOOK_SIGNING_SECRETS is wrong: secret 1: a signing secret begins with whsec_; secret 2: a signing secret has at least " +
				"24 bytes after whsec_; secret 3: what follows whsec_ in a signing secret is standard base64; " +
				"write projects/P/secrets/S or file:PATH to have it read from there",
			"GEMHOOK_DYNAMIC_KEYS is wrong: a secret of Secret Manager is projects/P/secrets/S or projects/P/secrets/S/versions/V",
			`GEMHOOK_JWKS_URL is "generativelanguage.googleapis.com", want an https:// URL`,
			`GEMHOOK_TOLERANCE is "300", want a duration such as 90s or 5m`,
			"GEMHOOK_LEASE is 10s, want at least 20s",
			`GEMHOOK_RETENTION is "7d", want a duration such as 90s or 5m`,
			`GEMHOOK_MAX_BODY is "256KiB", want a number of bytes from 1 to 900000`,
			"GEMHOOK_GOOGLE_CREDENTIALS is not the JSON of external-account credentials",
			`LOG_LEVEL is "loud", want debug, info, warn or error`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, test.environment)
			want := "bad configuration:\n" + strings.Join(test.want, "\n")
			if err == nil || err.Error() != want {
				t.Errorf("error:\n%v\nwant:\n%s", err, want)
			}
		})
	}
}

// A signing secret of the shortest length, and a dynamic key.
const (
	signing = "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVu"
	dynamic = "dynkey_hunter2hunter2hunter2hunter2hunt"
)

// Each variable takes the values up to its limits, and none beyond them.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		variable  string
		good, bad []string
	}{
		{"GOOGLE_CLOUD_PROJECT",
			[]string{"my-project", "p", "example.com:my-project"},
			[]string{"projects/p", "my-project\n", " my-project", "My-Project", "1st", "my_project"}},
		{"GEMHOOK_TOPIC",
			[]string{"abc", "A.b~c_d+e%f-9", strings.Repeat("a", 255)},
			[]string{"ab", "1bc", "-bc", "a/b", "a b", "topic\n", "thé", strings.Repeat("a", 256)}},
		{"GEMHOOK_DEAD_LETTER_TOPIC",
			[]string{"abc", strings.Repeat("a", 255)},
			[]string{"ab", "projects/p/topics/abc", strings.Repeat("a", 256)}},
		{"GEMHOOK_DATABASE",
			[]string{"(default)", "abcd", "a-b9", strings.Repeat("a", 63)},
			[]string{"abc", "(other)", "9bcd", "abc-", "aBcd", "ab_d", "abcd\n", strings.Repeat("a", 64)}},
		{"GEMHOOK_COLLECTION",
			[]string{"d", "9", "deliveries_2.x", "größe", strings.Repeat("a", 500)},
			[]string{"/", "a/b", ".", "..", "__a__", " a", "a b", "a\n", strings.Repeat("a", 501)}},
		{"GEMHOOK_SIGNING_SECRETS",
			[]string{signing, " " + signing + "\n " + signing + "\n", "file:x", "projects/p/secrets/s", " projects/p/secrets/s/versions/1\n"},
			[]string{signing[6:], "whsec_", "whsec_aGk=", signing + " aGk=", "file:", "projects/p", `"projects/p/secrets/s"`, "/run/secret", " \n"}},
		{"GEMHOOK_DYNAMIC_KEYS",
			[]string{dynamic, "acme:" + dynamic + "\nbeta: " + dynamic + "2", "\ufeff" + dynamic, "file:x", " projects/p/secrets/s"},
			[]string{"file:", "projects/p", "projects/p/secrets/", "\t", "any text", "x", dynamic + " x", "'" + dynamic + "'", `"file:x"`,
				"/run/keys", "./keys", "File:/run/keys", signing, "acme: acme:" + dynamic, dynamic + " " + dynamic}},
		{"GEMHOOK_JWKS_URL",
			[]string{"https://example.com", "http://127.0.0.1:8080/jwks.json", "http://localhost/", "http://[::1]:1/"},
			[]string{"http://example.com/jwks.json", "example.com", "/jwks.json", "https:///jwks.json", "file:///jwks.json", "ftp://example.com/", "https://%zz", " https://example.com", "https://example.com/#keys", "https://example.com/#", "https://:443/", "https://example.com/ "}},
		{"GEMHOOK_JWT_AUDIENCE",
			[]string{"me", "https://hooks.example.com/", "//gemhook/p/größe"},
			[]string{" me", "me\n", "you and me", "me\x00"}},
		{"GEMHOOK_TOLERANCE",
			[]string{"1s", "1500ms", "24h"},
			[]string{"999ms", "0", "-5m", "300", "five minutes", "5 m"}},
		{"GEMHOOK_LEASE",
			[]string{"20s", "20000ms", "1h"},
			[]string{"19.999999999s", "10.5s", "0", "-60s", "60", "1h0m1s", "720h"}},
		{"GEMHOOK_RETENTION",
			[]string{"48h", "2880m", "8760h"},
			[]string{"47h59m59.999999999s", "0", "-168h", "7d", "999999999h"}},
		{"GEMHOOK_MAX_BODY",
			[]string{"1", "262144", "900000"},
			[]string{"0", "-1", "900001", "1e3", "1.0", "256k", "0x100", "1_000", " 1", "9223372036854775808"}},
		{"GEMHOOK_GOOGLE_CREDENTIALS",
			[]string{credentials, ` {"type":"external_account"} `},
			[]string{"{}", "null", "[]", "external_account", `{"type":"service_account"}`, `{"type":"external_account"`, `{"type":1}`}},
		{"LOG_LEVEL",
			[]string{"debug", "info", "warn", "warning", "error", "DEBUG", "Warning", "ERROR"},
			[]string{"trace", "warnings", "fatal", "0", "info "}},
	}
	for _, test := range tests {
		t.Run(test.variable, func(t *testing.T) {
			t.Parallel()
			for _, value := range test.good {
				if _, err := load(t, good(map[string]string{test.variable: value})); err != nil {
					t.Errorf("%q: %v", value, err)
				}
			}
			for _, value := range test.bad {
				_, err := load(t, good(map[string]string{test.variable: value}))
				if err == nil || !strings.HasPrefix(err.Error(), "bad configuration:\n"+test.variable+" is ") || strings.Count(err.Error(), "\n") != 1 {
					t.Errorf("%q: error %v, want one that names %s alone", value, err, test.variable)
				}
			}
		})
	}
}

// TestBoundariesOfOtherFunctions has the settings of collect and reconcile.
func TestBoundariesOfOtherFunctions(t *testing.T) {
	t.Parallel()
	push := map[string]string{"GEMHOOK_PUSH_AUDIENCE": "https://me", "GEMHOOK_PUSH_ACCOUNT": "a@b"}
	reconcile := merge(push, map[string]string{"GEMHOOK_URL": "https://hooks.example.com/", "GEMHOOK_API_KEYS": "file:/run/keys"})
	collect := merge(push, map[string]string{
		"GEMHOOK_RESULTS_BUCKET": "my-results", "GEMHOOK_RESULTS_TOPIC": "gemini-results", "GEMHOOK_API_KEYS": "file:/run/keys",
	})
	for _, test := range []struct {
		function  config.Function
		variable  string
		good, bad []string
	}{
		{config.Collect, "GEMHOOK_API_KEYS",
			[]string{"AIzaKey", "AIzaKey acme:AIzaOther", "projects/p/secrets/s", "file:x"},
			[]string{"Acme:AIzaKey", ":AIzaKey", "projects/p", "\"AIzaKey\"", "/run/keys", "AIzaKey,AIzaOther"}},
		{config.Collect, "GEMHOOK_RESULTS_BUCKET",
			[]string{"abc", "my-results", "results.example.com", "9a_b"},
			[]string{"gs://my-results", "ab", "My-Results", "-abc", "a b", strings.Repeat("a", 223)}},
		{config.Collect, "GEMHOOK_RESULTS_TOPIC",
			[]string{"gemini-results"},
			[]string{"projects/p/topics/gemini-results"}},
		{config.Collect, "GEMHOOK_PUSH_ACCOUNT",
			[]string{"push@my-project.iam.gserviceaccount.com"},
			[]string{"push", "@my-project", "push@", "serviceAccount: push@p"}},
		{config.Reconcile, "GEMHOOK_PUSH_CERTS_URL",
			[]string{"https://example.com/certs", "http://127.0.0.1:1/certs"},
			[]string{"http://example.com/certs", "certs"}},
		{config.Reconcile, "GEMHOOK_FIND_AFTER",
			[]string{"0", "25h", "167h59m59s"},
			[]string{"24h59m59s", "0s", "-25h", "1d", "168h"}},
		{config.Reconcile, "GEMHOOK_FINISH_RATE",
			[]string{"1", "1000"},
			[]string{"0", "1001", "-1", "50/s", "1.5"}},
		{config.Reconcile, "GEMHOOK_CANARY",
			[]string{"true", "false"},
			[]string{"yes", "1", "TRUE"}},
		{config.Reconcile, "GEMHOOK_PUSH_AUDIENCE",
			[]string{"https://me", "//gemhook/p/gemhook/reconcile"},
			[]string{"https://me\n", " https://me"}},
		{config.Reconcile, "GEMHOOK_URL",
			[]string{"https://hooks.example.com/", "http://localhost:8080"},
			[]string{"hooks.example.com", "http://hooks.example.com"}},
		{config.Collect, "GOOGLE_GEMINI_BASE_URL",
			[]string{"https://generativelanguage.googleapis.com", "http://[::1]:1"},
			[]string{"http://generativelanguage.googleapis.com", "gemini"}},
	} {
		t.Run(test.variable, func(t *testing.T) {
			base := reconcile
			if test.function == config.Collect {
				base = collect
			}
			for _, value := range test.good {
				if _, err := loadOf(test.function, good(merge(base, map[string]string{test.variable: value}))); err != nil {
					t.Errorf("%q: %v", value, err)
				}
			}
			for _, value := range test.bad {
				_, err := loadOf(test.function, good(merge(base, map[string]string{test.variable: value})))
				if err == nil || !strings.HasPrefix(err.Error(), "bad configuration:\n"+test.variable+" is ") || strings.Count(err.Error(), "\n") != 1 {
					t.Errorf("%q: error %v, want one that names %s alone", value, err, test.variable)
				}
			}
		})
	}
}

// The levels are those of slog, in any case.
func TestLogLevels(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "Warning": slog.LevelWarn, "ERROR": slog.LevelError,
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := load(t, good(map[string]string{"LOG_LEVEL": text})); err != nil || got.LogLevel != want {
				t.Errorf("LOG_LEVEL %s: %v, %v; want %v", text, got.LogLevel, err, want)
			}
		})
	}
}

// An error about a secret shows nothing of it.
func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	for _, variable := range config.Vars(config.Receive) {
		secret := map[string][]string{
			"GEMHOOK_SIGNING_SECRETS": {
				"hunter2", "whsec_hunter2", "whsec_hunter2!", "whsec_aHVudGVyMg", "projects/hunter2", "projects/hunter2/secrets/", "file:",
			},
			"GEMHOOK_DYNAMIC_KEYS": {"projects/hunter2", "projects/p/hunter2\n", "file:", "hunter2", "dynkey_hunter2", "acme:hunter2", "Hunter2:" + dynamic},
			"GEMHOOK_JWKS_URL":     {"https://me:hunter2@example.com/", "https://me:hunter2@[::1", "http://hunter2@localhost"},
			"GEMHOOK_GOOGLE_CREDENTIALS": {
				"hunter2", `{"type":"hunter2"}`, `{"type":"service_account","private_key":"hunter2"}`, `{"type":["hunter2"]}`, `{hunter2`,
			},
		}[variable]
		for _, value := range secret {
			_, err := load(t, good(map[string]string{variable: value}))
			if err == nil {
				t.Errorf("%s: a bad value is taken", variable)
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
				if text := fmt.Sprintf(verb, err); strings.Contains(text, "hunter2") || strings.Contains(text, "aHVudGVy") {
					t.Errorf("%s: the error shows the value", variable)
				}
			}
		}
	}
}

// TestSettingsTogether has settings that are good by themselves and bad together.
func TestSettingsTogether(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"one topic for both": {map[string]string{"GEMHOOK_DEAD_LETTER_TOPIC": "gemini-events"},
			"GEMHOOK_DEAD_LETTER_TOPIC is the topic of GEMHOOK_TOPIC"},
		"a tolerance of the retention": {map[string]string{"GEMHOOK_TOLERANCE": "48h", "GEMHOOK_RETENTION": "48h"},
			"GEMHOOK_TOLERANCE is 48h0m0s, want less than GEMHOOK_RETENTION"},
		"one secret for both": {map[string]string{"GEMHOOK_SIGNING_SECRETS": "projects/p/secrets/s", "GEMHOOK_DYNAMIC_KEYS": " projects/p/secrets/s/versions/latest"},
			"GEMHOOK_DYNAMIC_KEYS is the place of GEMHOOK_SIGNING_SECRETS"},
		"one file for both": {map[string]string{"GEMHOOK_SIGNING_SECRETS": "file:/run/keys", "GEMHOOK_DYNAMIC_KEYS": "file:/run/keys"},
			"GEMHOOK_DYNAMIC_KEYS is the place of GEMHOOK_SIGNING_SECRETS"},
		"an emulator's ledger": {map[string]string{"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"},
			"FIRESTORE_EMULATOR_HOST is set and PUBSUB_EMULATOR_HOST is not"},
		"an emulator's topic": {map[string]string{"PUBSUB_EMULATOR_HOST": "127.0.0.1:1"},
			"PUBSUB_EMULATOR_HOST is set and FIRESTORE_EMULATOR_HOST is not"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, good(test.changes))
			if err == nil || !strings.HasPrefix(err.Error(), "bad configuration:\n"+test.want) || strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("error %v, want one that begins with %q", err, test.want)
			}
		})
	}
	for name, test := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"found after the record is gone": {map[string]string{"GEMHOOK_FIND_AFTER": "48h", "GEMHOOK_RETENTION": "48h"},
			"GEMHOOK_FIND_AFTER is 48h0m0s, want less than GEMHOOK_RETENTION"},
		"a ping of no webhook": {map[string]string{"GEMHOOK_CANARY": "true", "GEMHOOK_API_KEYS": "file:/run/keys"},
			"GEMHOOK_CANARY is true, want GEMHOOK_URL and GEMHOOK_API_KEYS"},
		"a ping without a key": {map[string]string{"GEMHOOK_CANARY": "true", "GEMHOOK_URL": "https://hooks.example.com/"},
			"GEMHOOK_CANARY is true, want GEMHOOK_URL and GEMHOOK_API_KEYS"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadOf(config.ReconcileDirect, good(test.changes))
			if err == nil || !strings.HasPrefix(err.Error(), "bad configuration:\n"+test.want) || strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("error %v, want one that begins with %q", err, test.want)
			}
		})
	}
	for name, changes := range map[string]map[string]string{
		"a tolerance below the retention": {"GEMHOOK_TOLERANCE": "47h59m59s", "GEMHOOK_RETENTION": "48h"},
		"both emulators":                  {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1", "PUBSUB_EMULATOR_HOST": "127.0.0.1:2"},
		"two versions of one secret":      {"GEMHOOK_SIGNING_SECRETS": "projects/p/secrets/s/versions/1", "GEMHOOK_DYNAMIC_KEYS": "projects/p/secrets/s/versions/2"},
	} {
		if _, err := load(t, good(changes)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
