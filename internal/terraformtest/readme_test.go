package terraformtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fenced   = regexp.MustCompile("(?s)\n```(sh|hcl)\n(.*?)\n```")
	declared = regexp.MustCompile(`(?m)^(variable|output) "(\w+)"`)
)

// blocks returns what terraform/README.md shows in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository(t), "terraform", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range fenced.FindAllStringSubmatch(string(page), -1) {
		if match[1] == language {
			found = append(found, match[2]+"\n")
		}
	}
	return found
}

// declarations returns the names of a root's variables and outputs.
func declarations(t *testing.T, root string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository(t), root, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no configuration in %s: %v", root, err)
	}
	names := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declared.FindAllStringSubmatch(string(text), -1) {
			names[match[1]] = append(names[match[1]], match[2])
		}
	}
	return names
}

var (
	inline  = regexp.MustCompile("`([^`\n]+)`")
	setting = regexp.MustCompile(`^\w+ = `)
)

// inlineCommands returns the commands in the prose of terraform/README.md: the pieces of code of
// more than one word that are no setting.
func inlineCommands(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository(t), "terraform", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(string(page), ""), -1) {
		if strings.Contains(match[1], " ") && !setting.MatchString(match[1]) {
			found = append(found, match[1])
		}
	}
	return found
}

// TestReadmeCommands runs every command of terraform/README.md, those of the blocks in their order
// and then those of the prose, against stubs that write down how they are called. It wants each call
// to be one that the real command takes.
func TestReadmeCommands(t *testing.T) {
	inProse := inlineCommands(t)
	if len(inProse) < 8 {
		t.Errorf("found the commands %q in the prose, want all", inProse)
	}
	var called []string
	for _, c := range shell(t, strings.Join(blocks(t, "sh"), "")+strings.Join(inProse, "\n"), "") {
		called = append(called, strings.Join(append([]string{c.Name}, c.Arguments...), " "))
		switch c.Name {
		case "terraform":
			wantTerraform(t, c.Arguments)
		case "gemhook":
			wantParsed(t, c.Arguments)
		case "go":
			if _, err := os.Stat(filepath.Join(repository(t), c.Arguments[1])); err != nil {
				t.Errorf("go %s: %v", strings.Join(c.Arguments, " "), err)
			}
		}
	}
	order := []string{
		"gcloud auth login", "gcloud auth application-default login",
		"gcloud services enable cloudresourcemanager.googleapis.com serviceusage.googleapis.com --project=my-project",
		"gemhook preflight --project my-project",
		"terraform -chdir=terraform/gcp init", "terraform -chdir=terraform/gcp apply -var project_id=my-project",
		"terraform -chdir=terraform/gcp output -raw next_steps", "package", "terraform -chdir=terraform/aws init",
	}
	if len(called) < len(order) || !slices.Equal(called[:len(order)], order) {
		t.Errorf("the walk begins\n%s\nwant\n%s", strings.Join(called[:min(len(called), len(order))], "\n"), strings.Join(order, "\n"))
	}
}

// wantTerraform checks a call of terraform: the folder, the command, the variables and the output.
func wantTerraform(t *testing.T, arguments []string) {
	t.Helper()
	line := strings.Join(arguments, " ")
	root, in := strings.CutPrefix(arguments[0], "-chdir=")
	if !in {
		t.Errorf("terraform %s: in no folder", line)
		return
	}
	names := declarations(t, root)
	if commands := []string{"init", "apply", "plan", "destroy", "output", "workspace"}; !slices.Contains(commands, arguments[1]) {
		t.Errorf("terraform %s: not one of %v", line, commands)
	}
	for i, argument := range arguments {
		name, _, _ := strings.Cut(argument, "=")
		if arguments[i-min(i, 1)] == "-var" && !slices.Contains(names["variable"], name) {
			t.Errorf("terraform %s: %s has no variable %s", line, root, name)
		}
		if arguments[i-min(i, 1)] == "-raw" && !slices.Contains(names["output"], name) {
			t.Errorf("terraform %s: %s has no output %s", line, root, name)
		}
	}
}

// TestReadmeSettings gives the settings that terraform/README.md shows to the variables of the
// roots.
func TestReadmeSettings(t *testing.T) {
	checked := 0
	for i, settings := range blocks(t, "hcl") {
		if strings.HasPrefix(settings, "module ") || strings.HasPrefix(settings, "terraform ") {
			continue // no settings
		}
		checked++
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			folder := t.TempDir()
			for _, name := range []string{"common.tf", "variables.tf"} {
				text, err := os.ReadFile(filepath.Join(repository(t), "terraform", "gcp", name))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if !strings.Contains(settings, "project_id") {
				settings += "project_id = \"my-project\"\n"
			}
			if err := os.WriteFile(filepath.Join(folder, "terraform.tfvars"), []byte(settings), 0o600); err != nil {
				t.Fatal(err)
			}
			output := terraform(t, folder, "plan", "-input=false")
			if strings.Contains(string(output), "undeclared variable") {
				t.Errorf("%s\n%s", settings, output)
			}
		})
	}
	if checked < 6 {
		t.Errorf("found %d blocks of settings, want all", checked)
	}
}
