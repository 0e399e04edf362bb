package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// captured writes a delivery down as it goes over the wire.
func captured(path string, header http.Header, body []byte) string {
	var text strings.Builder
	fmt.Fprintf(&text, "POST %s HTTP/1.1\r\nHost: hooks.example.com\r\n", path)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range header {
			if !yield(name) {
				return
			}
		}
	}) {
		fmt.Fprintf(&text, "%s: %s\r\n", name, header.Get(name))
	}
	return text.String() + "\r\n" + string(body)
}

// A captured delivery is judged as the receiver would have judged it at a time.
func TestVerify(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.register()
	at := time.Now().Add(-time.Hour)
	d, err := (&standin.Keys{}).SignV1(standin.Delivery{ID: "msg_1", Time: at, Body: standin.Event("batch.failed")}, f.gemini.Secrets(id)...)
	if err != nil {
		t.Fatal(err)
	}
	capture := captured("/", d.Header, d.Body)
	f.runWith(t.Context(), capture, "verify", "-").want(1, "✗ age", "✓ signature", "refused", "401 stale_timestamp", "--at")
	f.runWith(t.Context(), capture, "verify", "-", "--at", at.Format(time.RFC3339)).want(0, "accepted", "signing secret 1 of 1", "batch.failed of sample_123456")
	f.runWith(t.Context(), capture, "verify", "-", "--at", "1h").want(0, "accepted")
	f.runWith(t.Context(), capture+"\n", "verify", "-", "--at", "1h").want(1, "the capture added that")

	folder := t.TempDir()
	files := map[string]string{"headers": strings.SplitAfter(capture, "\r\n\r\n")[0], "body": string(d.Body)}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var report struct {
		Accepted   bool
		StatusCode int `json:"status_code"`
		Steps      []struct{ Name, Outcome string }
		Attributes map[string]string
	}
	f.run("verify", "--headers", filepath.Join(folder, "headers"), "--body", filepath.Join(folder, "body"), "--at", "1h", "-o", "json").want(0).json(&report)
	if !report.Accepted || report.StatusCode != 200 || len(report.Steps) != 5 || report.Attributes["ce-id"] != "msg_1" {
		t.Errorf("report %+v", report)
	}
	if n := f.ledgerSize(); n != 0 {
		t.Errorf("verify has left %d documents in the ledger", n)
	}

	dynamic, err := keys().SignV1a(standin.Delivery{ID: "msg_2", Time: time.Now(), Body: d.Body}, 1)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(strings.TrimSpace(f.run("url", "acme").stdout), f.receiver)
	f.runWith(t.Context(), captured(path, dynamic.Header, dynamic.Body), "verify", "-").want(0, "tenant acme", "Ed25519 key 2 of")
	f.runWith(t.Context(), captured("/", dynamic.Header, dynamic.Body), "verify", "-").want(1, "dynamic_url_required")
	f.runWith(t.Context(), captured("/", dynamic.Header, dynamic.Body), "verify", "-", "--path", path).want(0)
	f.gemini.FailJWKS(http.StatusServiceUnavailable)
	f.runWith(t.Context(), captured(path, dynamic.Header, dynamic.Body), "verify", "-").want(1, "✗ keys", "503")

	f.env["GEMHOOK_DYNAMIC_KEYS"] = f.signing + "-dynamic"
	f.runWith(t.Context(), captured(path, dynamic.Header, dynamic.Body), "verify", "-").want(1, "✗ endpoint", "the dynamic keys cannot be read")
	f.secrets.Deny("AccessSecretVersion")
	f.runWith(t.Context(), capture, "verify", "-", "--at", "1h").want(1, "keys_unavailable", "Permission denied")
	f.run("verify").want(64)
	f.run("verify", "--headers", "x").want(64)
	f.run("verify", filepath.Join(folder, "absent")).want(66)
	f.runWith(t.Context(), "nothing of the kind", "verify", "-").want(1, "not a captured request")
}
