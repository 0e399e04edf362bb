package geminiapi_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The package is fit for anybody to import: it brings nothing along.
func TestStandardLibraryOnly(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(output)); got != "github.com/gemhook/gemhook/shared/geminiapi" {
		t.Errorf("beside the standard library it depends on %s", got)
	}
}
