package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// outputs are those of a Terraform that made a fixture.
func (w *fixture) outputs() map[string]any {
	return map[string]any{
		"project_id": w.project, "static_url": w.receiver + "/", "topic": events, "dead_letter_topic": deadLetters,
		"dead_letter_subscription": letters, "subscriptions": map[string]string{"all": subscription},
		"signing_secrets": "signing", "dynamic_keys": "dynamic", "database": "(default)", "collection": "deliveries",
	}
}

// useTerraform puts a terraform that prints these outputs on the PATH, and leaves the API key in
// the environment and the name of its folder, which it returns.
func (w *fixture) useTerraform(outputs map[string]any) string {
	w.t.Helper()
	all := map[string]any{}
	for name, value := range outputs {
		all[name] = map[string]any{"value": value}
	}
	text, err := json.Marshal(all)
	if err != nil {
		w.t.Fatal(err)
	}
	folder := w.t.TempDir()
	script := "#!/bin/sh\ncat <<'END'\n" + string(text) + "\nEND\n"
	if err := os.WriteFile(filepath.Join(folder, "terraform"), []byte(script), 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	w.env = map[string]string{
		"GEMINI_API_KEY": apiKey, "GOOGLE_GEMINI_BASE_URL": w.env["GOOGLE_GEMINI_BASE_URL"], "GEMHOOK_TERRAFORM_DIR": folder,
	}
	return folder
}

// With --terraform-dir nothing is needed of the environment but the API key.
func TestTerraformDir(t *testing.T) {
	w := newFixture(t)
	w.register()
	w.secrets.Create("projects/"+w.project+"/secrets/dynamic", dynamicKey)
	output := w.outputs()
	folder := w.useTerraform(output)
	delete(w.env, "GEMHOOK_TERRAFORM_DIR")
	w.run("doctor", "--terraform-dir", folder).want(0, "✓ subscriptions       "+subscription, "✓ dynamic URLs")
	w.env["GEMHOOK_TERRAFORM_DIR"] = folder
	w.run("doctor").want(0, "everything is in order")
	w.run("webhooks", "rotate").want(0, "--finish")

	output["subscriptions"] = map[string]string{"all": subscription, "gone": "events-gone"}
	w.useTerraform(output)
	w.run("doctor").want(1, "✗ subscriptions       there is no subscription events-gone")
	if _, err := w.messages.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name:  "projects/" + w.project + "/subscriptions/events-gone",
		Topic: "projects/" + w.project + "/topics/" + deadLetters,
	}); err != nil {
		t.Fatal(err)
	}
	w.run("doctor").want(1, "✗ subscriptions       subscription events-gone is to ")

	w.useTerraform(map[string]any{})
	w.run("doctor").want(78, "no outputs", "apply it first")
	w.run("completion", "bash").want(0)
}
