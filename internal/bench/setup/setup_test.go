package setup_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/bench/load"
	"github.com/gemhook/gemhook/internal/bench/setup"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

func newSetup(t *testing.T) *setup.Setup {
	t.Helper()
	r, err := setup.New("../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// What is compared must do the same: the receiver with a delivery, and the calls alone.
func TestReceiverAndRawCalls(t *testing.T) {
	r := newSetup(t)
	backends, err := r.Backends(t.Context())
	if errors.Is(err, emulator.ErrNotInstalled) {
		testkit.LeaveOut(t, testkit.Emulators)
	}
	if err != nil {
		t.Fatal(err)
	}
	sender, err := setup.NewSender()
	if err != nil {
		t.Fatal(err)
	}
	program, err := r.Receiver(t.Context(), backends, sender)
	if err != nil {
		t.Fatal(err)
	}
	process, err := setup.StartUp(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop()
	requests, err := sender.Requests(1)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := load.DialPool(t.Context(), process.Address, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Send(t.Context(), 1, http.StatusOK, func(int) []byte { return requests[0] }); err != nil {
		t.Fatal(err)
	}
	prepared, err := sender.PrepareAll(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := backends.Raw(t.Context(), prepared[0]); err != nil {
		t.Fatal(err)
	}
	documents, err := backends.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(documents) != 2 {
		t.Fatalf("%d documents, want the receiver's and the raw calls'", len(documents))
	}
	// The ids are random and the times the present; the rest is the same.
	for _, varying := range []string{"webhook_id", "message_id", "lease_expires_at", "received_at", "expires_at", "settled_at"} {
		for _, document := range documents {
			if document[varying] == nil || document[varying] == "" {
				t.Errorf("a document has no %s", varying)
			}
			delete(document, varying)
		}
	}
	for _, document := range documents {
		attributes := document["attributes"].(map[string]any)
		for _, varying := range []string{"ce-id", "webhook-timestamp", "webhook-signature"} {
			delete(attributes, varying)
		}
	}
	first, second := asJSON(t, documents[0]), asJSON(t, documents[1])
	if first != second {
		t.Errorf("the documents differ:\n%s\n%s", first, second)
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The lock file names no place of download, so that npm asks the registry that it is configured
// with. It has checksums.
func TestLockFileNamesNoRegistry(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "node", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, Resolved, Integrity string }
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		t.Fatal(err)
	}
	for name, p := range lock.Packages {
		if p.Resolved != "" || name != "" && !strings.HasPrefix(p.Integrity, "sha512-") {
			t.Errorf("%s: make the file again with npm install --package-lock-only --omit-lockfile-registry-resolved", name)
		}
	}
	for _, name := range []string{"node_modules/@google-cloud/functions-framework", "node_modules/standardwebhooks"} {
		if lock.Packages[name].Version == "" {
			t.Errorf("%s is not in the lock file", name)
		}
	}
}
