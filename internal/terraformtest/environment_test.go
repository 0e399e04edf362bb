package terraformtest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/config"
)

// notDeployed are variables that no deployment sets: the platform gives the
// port, and emulators are for this machine.
var notDeployed = []string{"PORT", "FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"}

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
