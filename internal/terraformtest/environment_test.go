package terraformtest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/config"
)

// notDeployed are variables that no deployment sets: the platform gives the port, and emulators and
// stand-ins are for this machine.
var notDeployed = []string{
	"PORT", "FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST", "GOOGLE_GEMINI_BASE_URL", "GEMHOOK_PUSH_CERTS_URL",
}

func backendOutputs() map[string]any {
	return map[string]any{
		"topic":             "gemhook-events",
		"dead_letter_topic": "gemhook-dead-letters",
		"database":          "gemhook",
		"collection":        "events",
		"retention":         "48h", // the shortest that the backend module lets through
		"signing_secrets":   "gemhook-signing-secrets",
		"dynamic_keys":      "gemhook-dynamic-keys",
	}
}

// environment returns the variables that Terraform sets for the settings.
func environment(t *testing.T, settings map[string]any, credentials string) map[string]string {
	t.Helper()
	arguments := map[string]any{"project_id": "my-project", "backend": backendOutputs(), "settings": settings}
	if credentials != "" {
		arguments["google_credentials"] = credentials
	}
	var outputs struct {
		Variables map[string]string `json:"variables"`
	}
	evaluate(t, repository(t), "environment", arguments, &outputs)
	return outputs.Variables
}

func TestEveryVariableIsSetAndNoOther(t *testing.T) {
	variables := environment(t, map[string]any{
		"jwks_url": "https://keys.example.com/jwks.json", "jwt_audience": "my-audience",
		"tolerance": "1s", "lease": "20s", "max_body": 900000, "log_level": "debug",
	}, `{"type":"external_account"}`)

	read := slices.DeleteFunc(config.Vars(config.Receive), func(name string) bool { return slices.Contains(notDeployed, name) })
	sameSet(t, "what the code reads", read, "what Terraform sets", slices.Collect(maps.Keys(variables)))

	// The values are the largest and smallest that the modules let through.
	got, err := config.Load(config.Receive, config.Map(variables))
	if err != nil {
		t.Fatalf("the receiver does not start with what Terraform sets: %v", err)
	}
	type fact struct{ Project, Topic, DeadLetterTopic, Database, Collection, JWKSURL, JWTAudience string }
	want := fact{"my-project", "gemhook-events", "gemhook-dead-letters", "gemhook", "events", "https://keys.example.com/jwks.json", "my-audience"}
	if got := (fact{got.Project, got.Topic, got.DeadLetterTopic, got.Database, got.Collection, got.JWKSURL, got.JWTAudience}); got != want {
		t.Errorf("configuration\n got %+v\nwant %+v", got, want)
	}
	if got.Tolerance != time.Second || got.Lease != 20*time.Second || got.Retention != 48*time.Hour || got.MaxBody != 900_000 {
		t.Errorf("tolerance %v, lease %v, retention %v, body %d: not as set", got.Tolerance, got.Lease, got.Retention, got.MaxBody)
	}
}

// The two functions beside the receiver, with every setting that the modules take.
func TestFunctionsStartWithTheirVariables(t *testing.T) {
	names := backendOutputs()
	names["api_keys"] = "gemhook-api-keys"
	caller := map[string]string{"audience": "//gemhook/my-project/gemhook/collect", "account": "push@my-project.iam.gserviceaccount.com"}
	reconcile := map[string]any{"url": "https://receiver.example.com/", "find_after": "30h", "find_prefix": "nightly-", "finish_rate": 20, "canary": true}
	for name, test := range map[string]struct {
		function  config.Function
		arguments map[string]any
	}{
		"collect": {config.Collect, map[string]any{
			"function": "collect", "caller": caller, "collect": map[string]string{"bucket": "my-results", "topic": "gemhook-results"},
		}},
		"reconcile":                {config.Reconcile, map[string]any{"function": "reconcile", "caller": caller, "reconcile": reconcile}},
		"reconcile, called by AWS": {config.ReconcileDirect, map[string]any{"function": "reconcile", "reconcile": reconcile}},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := map[string]any{"project_id": "my-project", "backend": names, "google_credentials": `{"type":"external_account"}`}
			maps.Copy(arguments, test.arguments)
			var outputs struct {
				Variables map[string]string `json:"variables"`
			}
			evaluate(t, repository(t), "environment", arguments, &outputs)

			read := slices.DeleteFunc(config.Vars(test.function), func(name string) bool { return slices.Contains(notDeployed, name) })
			sameSet(t, "what the code reads", read, "what Terraform sets", slices.Collect(maps.Keys(outputs.Variables)))
			if _, err := config.Load(test.function, config.Map(outputs.Variables)); err != nil {
				t.Errorf("the function does not start with what Terraform sets: %v", err)
			}
		})
	}
}

func TestReceiverStartsWithDefaults(t *testing.T) {
	variables := environment(t, map[string]any{}, "")
	if _, err := config.Load(config.Receive, config.Map(variables)); err != nil {
		t.Errorf("the receiver does not start with what Terraform sets: %v", err)
	}
	for _, name := range []string{"GEMHOOK_JWKS_URL", "GEMHOOK_JWT_AUDIENCE", "GEMHOOK_GOOGLE_CREDENTIALS"} {
		if value, set := variables[name]; set {
			t.Errorf("%s = %q, want it left to the receiver", name, value)
		}
	}
}
