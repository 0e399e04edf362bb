package pack_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/pack"
)

// repository is the root of this repository.
const repository = "../.."

func TestCloudFunctionFiles(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":         "",
		"go.sum":         "",
		"README.md":      "",
		pack.PackageList: `{"receive": ["shared/ledger", "shared/ledger/firestoreledger"], "other": ["shared/latest"]}`,
		"functions/receive/cloudfunction/function.go":      "",
		"functions/receive/cloudfunction/function_test.go": "",
		"functions/receive/cloudfunction/notes.txt":        "",
		"functions/receive/cloudfunction/inner/inner.go":   "",
		"functions/receive/lambda/main.go":                 "",
		"functions/other/cloudfunction/other.go":           "",
		"internal/emulator/emulator.go":                    "",
		"shared/ledger/ledger.go":                          "",
		"shared/ledger/ledger_test.go":                     "",
		"shared/ledger/schema.json":                        "",
		"shared/ledger/firestoreledger/ledger.go":          "",
		"internal/ledgertest/ledgertest.go":                "",
		"internal/ledgertest/deeper/deeper.go":             "",
		"shared/latest/latest.go":                          "",
		"shared/ledger/deeper/deeper.go":                   "",
	})
	got, err := pack.CloudFunctionFiles(root, "receive")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"go.mod":                  "go.mod",
		"go.sum":                  "go.sum",
		"function.go":             "functions/receive/cloudfunction/function.go",
		"shared/ledger/ledger.go": "shared/ledger/ledger.go",
		"shared/ledger/firestoreledger/ledger.go": "shared/ledger/firestoreledger/ledger.go",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestCloudFunctionNeedsItsFolders(t *testing.T) {
	whole := map[string]string{
		"go.mod": "", "go.sum": "", "shared/a/a.go": "", pack.PackageList: `{"receive": ["shared/a"]}`,
		"functions/receive/cloudfunction/function.go": "",
	}
	for missing := range whole {
		files := maps.Clone(whole)
		delete(files, missing)
		err := pack.WriteCloudFunction(io.Discard, tree(t, files), "receive")
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s: %v, want %v", missing, err, fs.ErrNotExist)
		}
	}
}

func TestCloudFunctionIsReproducible(t *testing.T) {
	files := map[string]string{
		"go.mod": "module example.com/m\n", "go.sum": "sums\n", pack.PackageList: `{"receive": ["shared/z", "shared/a"]}`,
		"shared/z/z.go": "package z\n", "shared/a/a.go": "package a\n",
		"functions/receive/cloudfunction/function.go": "package cloudfunction\n",
	}
	first, second := tree(t, files), tree(t, files)
	script := filepath.Join(second, "shared/a/a.go")
	if err := os.Chmod(script, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(script, time.Time{}, time.Unix(1_700_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer
	if err := pack.WriteCloudFunction(&a, first, "receive"); err != nil {
		t.Fatal(err)
	}
	if err := pack.WriteCloudFunction(&b, second, "receive"); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same files give two different archives")
	}

	var names []string
	for _, f := range open(t, a.Bytes()).File {
		names = append(names, f.Name)
		if f.Mode() != 0o644 {
			t.Errorf("%s has mode %v, want 0644", f.Name, f.Mode())
		}
		want := files[f.Name]
		if f.Name == "function.go" {
			want = files["functions/receive/cloudfunction/function.go"]
		}
		if got := read(t, f); string(got) != want {
			t.Errorf("%s holds %q, want %q", f.Name, got, want)
		}
	}
	want := []string{"function.go", "go.mod", "go.sum", "shared/a/a.go", "shared/z/z.go"}
	if !slices.Equal(names, want) {
		t.Errorf("the archive holds %q, want %q", names, want)
	}
}

// TestPackageListIsWhatTheFunctionsImport compares the list with the imports of each function, so that
// a zip holds these packages alone: a change of any other code redeploys nothing.
func TestPackageListIsWhatTheFunctionsImport(t *testing.T) {
	got, err := pack.Packages(repository)
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(repository, "functions", "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for _, folder := range folders {
		function := filepath.Base(folder)
		want[function] = imports(t, "./functions/"+function+"/cloudfunction")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs from the imports (-want +got):\n%s", pack.PackageList, diff)
	}
	for function, packages := range got {
		for _, folder := range packages {
			if !strings.HasPrefix(folder, "shared/") {
				t.Errorf("%s imports %s, want packages below shared alone", function, folder)
			}
		}
	}
}

// imports returns the folders of the packages of this module that a package imports, sorted.
func imports(t *testing.T, pkg string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps",
		"-f", "{{if and .Module .Module.Main}}{{.ImportPath}}{{end}}", pkg)
	list.Dir = repository
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, path := range strings.Fields(string(out)) {
		folder := strings.TrimPrefix(path, "github.com/gemhook/gemhook/")
		if "./"+folder != pkg {
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	return folders
}

// tree makes a folder with the files, name to content.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func open(t *testing.T, archive []byte) *zip.Reader {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, f *zip.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
