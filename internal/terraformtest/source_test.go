package terraformtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gemhook/gemhook/internal/pack"
)

// files returns Terraform's list of the function's files for the repository at root.
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	var outputs struct {
		Files map[string]string `json:"files"`
	}
	evaluate(t, root, "source", nil, &outputs)
	return outputs.Files
}

func layout(files map[string]string) []string {
	var lines []string
	for name, path := range files {
		lines = append(lines, name+" (from "+path+")")
	}
	return lines
}

func TestTerraformPacksWhatThePackageDoes(t *testing.T) {
	root := repository(t)
	want, err := pack.CloudFunctionFiles(root, "receive")
	if err != nil {
		t.Fatal(err)
	}
	sameSet(t, "the package", layout(want), "Terraform's zip", layout(files(t, root)))
}

// The repository may hold none of the cases in which the two rules could differ.
func TestTheRuleIsTheSame(t *testing.T) {
	root := t.TempDir()
	write := func(name string, content []byte) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"go.mod", "go.sum", "README.md", "main.go",
		"functions/receive/cloudfunction/function.go", "functions/receive/cloudfunction/more.go",
		"functions/receive/cloudfunction/function_test.go", "functions/receive/cloudfunction/README.md",
		"functions/receive/cloudfunction/deeper/deeper.go", "functions/receive/lambda/main.go", "functions/other/other.go",
		"shared/top.go", "shared/a/a.go", "shared/a/a_test.go", "shared/a/a.md", "shared/a/b/b.go",
		"shared/a/testdata/data.go", "shared/a/testdata/data.json", "shared/atest/atest.go", "shared/atest/deeper/deeper.go",
		"shared/a/btest/btest.go", "shared/test/test.go", "shared/testing/testing.go", "shared/a/latest.go", "shared/.hidden/hidden.go",
		"internal/internal.go", "terraform/main.tf",
	} {
		write(name, nil)
	}
	module := "terraform/modules/source"
	entries, err := os.ReadDir(filepath.Join(repository(t), module))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			content, err := os.ReadFile(filepath.Join(repository(t), module, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			write(module+"/"+entry.Name(), content)
		}
	}

	write(pack.PackageList, []byte(`{"receive": ["shared/a", "shared/a/b", "shared/testing"]}`))

	want, err := pack.CloudFunctionFiles(root, "receive")
	if err != nil {
		t.Fatal(err)
	}
	sameSet(t, "the package", layout(want), "Terraform's zip", layout(files(t, root)))
}
