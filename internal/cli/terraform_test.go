package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// With --terraform-dir nothing is needed of the environment but the API key.
func TestTerraformDir(t *testing.T) {
	w := newWorld(t)
	w.register()
	w.secrets.Create("projects/"+w.project+"/secrets/dynamic", dynamicKey)
	output := map[string]any{
		"project_id": w.project, "static_url": w.receiver + "/", "topic": events, "dead_letter_topic": deadLetters,
		"dead_letter_subscription": letters, "subscriptions": map[string]string{"all": subscription}, "signing_secrets": "signing", "dynamic_keys": "dynamic",
		"database": "(default)", "collection": "deliveries",
	}
	folder := t.TempDir()
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	apply := func() {
		t.Helper()
		all := map[string]any{}
		for name, value := range output {
			all[name] = map[string]any{"value": value}
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		script := "#!/bin/sh\ncat <<'END'\n" + string(text) + "\nEND\n"
		if err := os.WriteFile(filepath.Join(folder, "terraform"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	apply()
	w.env = map[string]string{"GEMINI_API_KEY": apiKey, "GOOGLE_GEMINI_BASE_URL": w.env["GOOGLE_GEMINI_BASE_URL"]}
	w.run("doctor", "--terraform-dir", folder).want(0, "✓ subscriptions       "+subscription, "✓ dynamic URLs")
	w.env["GEMHOOK_TERRAFORM_DIR"] = folder
	w.run("doctor").want(0, "everything is in order")
	w.run("webhooks", "rotate").want(0, "--finish")

	output["subscriptions"] = map[string]string{"all": subscription, "gone": "events-gone"}
	apply()
	w.run("doctor").want(1, "✗ subscriptions       there is no subscription events-gone")
	if _, err := w.messages.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name:  "projects/" + w.project + "/subscriptions/events-gone",
		Topic: "projects/" + w.project + "/topics/" + deadLetters,
	}); err != nil {
		t.Fatal(err)
	}
	w.run("doctor").want(1, "✗ subscriptions       subscription events-gone is to ")

	w.env["GEMHOOK_TERRAFORM_DIR"] = filepath.Join(folder, "terraform-that-was-never-applied")
	output = map[string]any{}
	apply()
	w.run("doctor").want(78, "no outputs", "apply it first")
	w.run("completion", "bash").want(0)
}
