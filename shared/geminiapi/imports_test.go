package geminiapi_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The package is fit for anybody to import: it brings no other module along.
func TestStandardLibraryOnly(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(output)) {
		if !strings.HasPrefix(path, "github.com/gemhook/gemhook/shared/") {
			t.Errorf("beside the standard library it depends on %s", path)
		}
	}
}
