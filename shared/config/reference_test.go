package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/config"
)

// TestReferencePage wants the table of the reference page to be that of the code. On failure it
// shows the lines that differ: write those with a plus.
func TestReferencePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reference/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	var want []string
	for _, setting := range config.Settings() {
		want = append(want, row(setting))
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("docs/reference/configuration.md (-it has +it should have):\n%s", diff)
	}
}

// row returns the row of a setting: its name, the functions that read it, its default, and its
// sentence.
func row(setting config.Setting) string {
	var functions []string
	for _, function := range []struct {
		is   config.Function
		name string
	}{{config.Receive, "receive"}, {config.Collect, "collect"}, {config.Reconcile, "reconcile"}} {
		if setting.Functions&function.is != 0 {
			functions = append(functions, function.name)
		}
	}
	read := strings.Join(functions, ", ")
	if len(functions) == 3 {
		read = "all"
	}
	fallback := ""
	switch {
	case setting.Required == setting.Functions:
		fallback = "required"
	case setting.Required != 0:
		fallback = "required by collect"
	case setting.Default != "":
		fallback = "`" + setting.Default + "`"
	}
	return strings.Join([]string{"| `" + setting.Name + "`", read, fallback, setting.Doc + " |"}, " | ")
}
