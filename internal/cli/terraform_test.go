package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// outputs are those of a Terraform that made a fixture.
func (f *fixture) outputs() map[string]any {
	return map[string]any{
		"project_id": f.project, "static_url": f.receiver + "/", "topic": events, "dead_letter_topic": deadLetters,
		"dead_letter_subscription": letters, "subscriptions": map[string]string{"all": subscription},
		"signing_secrets": "signing", "dynamic_keys": "dynamic", "database": "(default)", "collection": "deliveries",
	}
}

// useTerraform puts a terraform that prints these outputs on the PATH, and leaves the API key in
// the environment and the name of its folder, which it returns.
func (f *fixture) useTerraform(outputs map[string]any) string {
	f.t.Helper()
	all := map[string]any{}
	for name, value := range outputs {
		all[name] = map[string]any{"value": value}
	}
	text, err := json.Marshal(all)
	if err != nil {
		f.t.Fatal(err)
	}
	folder := f.t.TempDir()
	script := "#!/bin/sh\ncat <<'END'\n" + string(text) + "\nEND\n"
	if err := os.WriteFile(filepath.Join(folder, "terraform"), []byte(script), 0o700); err != nil {
		f.t.Fatal(err)
	}
	f.t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	f.env = map[string]string{
		"GEMINI_API_KEY": apiKey, "GOOGLE_GEMINI_BASE_URL": f.env["GOOGLE_GEMINI_BASE_URL"], "GEMHOOK_TERRAFORM_DIR": folder,
	}
	return folder
}

// With --terraform-dir nothing is needed of the environment but the API key.
func TestTerraformDir(t *testing.T) {
	f := newFixture(t)
	f.register()
	f.secrets.Create("projects/"+f.project+"/secrets/dynamic", dynamicKey)
	output := f.outputs()
	folder := f.useTerraform(output)
	delete(f.env, "GEMHOOK_TERRAFORM_DIR")
	f.run("doctor", "--terraform-dir", folder).want(0, "✓ subscriptions       "+subscription, "✓ dynamic URLs")
	f.env["GEMHOOK_TERRAFORM_DIR"] = folder
	f.run("doctor").want(0, "everything is in order")
	f.run("webhooks", "rotate").want(0, "--finish")

	output["subscriptions"] = map[string]string{"all": subscription, "gone": "events-gone"}
	f.useTerraform(output)
	f.run("doctor").want(1, "✗ subscriptions       there is no subscription events-gone")
	if _, err := f.messages.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name:  "projects/" + f.project + "/subscriptions/events-gone",
		Topic: "projects/" + f.project + "/topics/" + deadLetters,
	}); err != nil {
		t.Fatal(err)
	}
	f.run("doctor").want(1, "✗ subscriptions       subscription events-gone is to ")

	f.useTerraform(map[string]any{})
	f.run("doctor").want(78, "no outputs", "apply it first")
	f.run("completion", "bash").want(0)
}
