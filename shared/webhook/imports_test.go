package webhook_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// These packages are the rules of the house: fit for anybody to import, and nothing to update them
// for.
func TestImportsOfTheCore(t *testing.T) {
	t.Parallel()
	const shared = "github.com/gemhook/gemhook/shared/"
	for name, allowed := range map[string][]string{
		"webhook": {shared + "webhook"},
		"event":   {shared + "event", shared + "webhook"},
		"ledger":  {shared + "ledger"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output, err := exec.CommandContext(t.Context(), "go", "list", "-deps",
				"-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", shared+name).Output()
			if err != nil {
				t.Fatal(err)
			}
			imports := strings.Fields(string(output))
			if !slices.Contains(imports, shared+name) {
				t.Fatalf("go list printed %q", output)
			}
			for _, path := range imports {
				if !slices.Contains(allowed, path) {
					t.Errorf("package %s depends on %s, want the standard library and no more than %v", name, path, allowed)
				}
			}
		})
	}
}
