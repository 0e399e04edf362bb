package terraformtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// terraformFiles returns the text of each file below terraform/ that a pattern matches.
func terraformFiles(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(repository(t), "terraform", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[file] = string(text)
		}
	}
	return texts
}

var declaration = regexp.MustCompile(`(?ms)^(variable|output) "(\w+)" \{\n(.*?)^\}`)

// TestInputsAndOutputsAreDescribed wants a description of each input and output of every root,
// module and example, and the type of each input.
func TestInputsAndOutputsAreDescribed(t *testing.T) {
	inputs := 0
	for file, text := range terraformFiles(t, "gcp/*.tf", "aws/*.tf", "modules/*/*.tf", "examples/*/*.tf") {
		for _, match := range declaration.FindAllStringSubmatch(text, -1) {
			kind, name, body := match[1], match[2], match[3]
			if !strings.Contains(body, "\n  description = ") && !strings.HasPrefix(body, "  description = ") {
				t.Errorf("%s: %s %s has no description", file, kind, name)
			}
			if kind == "variable" {
				inputs++
				if !regexp.MustCompile(`(?m)^  type +=`).MatchString(body) {
					t.Errorf("%s: variable %s has no type", file, name)
				}
			}
		}
	}
	if inputs < 100 {
		t.Errorf("found %d inputs, want all", inputs)
	}
}

// TestRootsPassEverythingOn wants the roots to hand each of their variables to the module and each
// of the module's outputs out.
func TestRootsPassEverythingOn(t *testing.T) {
	for root, module := range map[string]string{"gcp": "gemhook-gcp", "aws": "gemhook-aws"} {
		page, err := os.ReadFile(filepath.Join(repository(t), "terraform", root, "main.tf"))
		if err != nil {
			t.Fatal(err)
		}
		own := declarations(t, filepath.Join("terraform", root))
		inner := declarations(t, filepath.Join("terraform", "modules", module))
		for _, name := range own["variable"] {
			if !regexp.MustCompile(`(?m)^  ` + name + ` +=`).Match(page) {
				t.Errorf("terraform/%s does not pass on %s", root, name)
			}
		}
		sameSet(t, module, inner["output"], root, own["output"])
	}
}

var required = regexp.MustCompile(`source += "hashicorp/([\w-]+)"\n +version = "([^"]+)"`)

// TestVersionsAgree wants the same version of a provider wherever one is required: Terraform has no
// place where several modules could share the line.
func TestVersionsAgree(t *testing.T) {
	versions := map[string]string{} // by provider
	for file, text := range terraformFiles(t, "*/versions.tf", "*/*/versions.tf") {
		for _, match := range required.FindAllStringSubmatch(text, -1) {
			provider, version := match[1], match[2]
			if other, seen := versions[provider]; seen && other != version {
				t.Errorf("%s requires %s %s, another file %s", file, provider, version, other)
			}
			versions[provider] = version
		}
	}
	if len(versions) < 6 {
		t.Errorf("found the providers %v, want all", versions)
	}
}
