package config_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/config"
)

var (
	variableName = regexp.MustCompile("`([A-Z][A-Z_]+)`")
	defaultValue = regexp.MustCompile("^`(.+)`$")
)

// TestReadmeTable compares the README's table of variables with the code: the same names, and defaults that are the
// defaults.
func TestReadmeTable(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "\n## Configuration\n")
	if !found {
		t.Fatal("README.md has no section Configuration")
	}
	section, _, _ = strings.Cut(section, "\n## ")

	var documented []string
	stated := good(nil)
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		names := variableName.FindAllStringSubmatch(cells[1], -1)
		for _, name := range names {
			documented = append(documented, name[1])
		}
		if value := defaultValue.FindStringSubmatch(strings.TrimSpace(cells[2])); value != nil {
			stated[names[0][1]] = value[1]
		}
	}
	want := config.Vars()
	slices.Sort(want)
	slices.Sort(documented)
	if !slices.Equal(documented, want) {
		t.Errorf("README.md documents %v,\nthe code reads %v", documented, want)
	}

	byDefault, err := load(t, good(nil))
	if err != nil {
		t.Fatal(err)
	}
	byReadme, err := load(t, stated)
	if err != nil {
		t.Fatal(err)
	}
	if byReadme != byDefault {
		t.Errorf("the defaults of README.md give\n%+v, no variables\n%+v", byReadme, byDefault)
	}
}
