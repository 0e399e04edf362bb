package pack_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"

	"github.com/gemhook/gemhook/internal/pack"
)

// repository is the root of this repository.
const repository = "../.."

// The files that become go.mod and go.sum in the receiver's archive.
const (
	goMod = "terraform/modules/source/receive.go.mod"
	goSum = "terraform/modules/source/receive.go.sum"
)

// The archive has the function at its root, the packages on its list, and nothing else.
func TestCloudFunctionFiles(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":         "",
		"go.sum":         "",
		goMod:            "",
		goSum:            "",
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
		"go.mod":                  goMod,
		"go.sum":                  goSum,
		"function.go":             "functions/receive/cloudfunction/function.go",
		"shared/ledger/ledger.go": "shared/ledger/ledger.go",
		"shared/ledger/firestoreledger/ledger.go": "shared/ledger/firestoreledger/ledger.go",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// A part that is missing is an error, not a smaller archive.
func TestCloudFunctionNeedsItsFolders(t *testing.T) {
	whole := map[string]string{
		goMod: "", goSum: "", "shared/a/a.go": "", pack.PackageList: `{"receive": ["shared/a"]}`,
		"functions/receive/cloudfunction/function.go": "",
	}
	for missing := range whole {
		t.Run(missing, func(t *testing.T) {
			files := maps.Clone(whole)
			delete(files, missing)
			err := pack.WriteCloudFunction(io.Discard, tree(t, files), "receive")
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("without %s: %v, want %v", missing, err, fs.ErrNotExist)
			}
		})
	}
}

// The same files in another folder, with other times and modes, give the same bytes.
func TestCloudFunctionIsReproducible(t *testing.T) {
	files := map[string]string{
		goMod: "module example.com/m\n", goSum: "sums\n", pack.PackageList: `{"receive": ["shared/z", "shared/a"]}`,
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
		path := f.Name
		switch path {
		case "function.go":
			path = "functions/receive/cloudfunction/function.go"
		case "go.mod":
			path = goMod
		case "go.sum":
			path = goSum
		}
		want := files[path]
		if got := read(t, f); string(got) != want {
			t.Errorf("%s holds %q, want %q", f.Name, got, want)
		}
	}
	want := []string{"function.go", "go.mod", "go.sum", "shared/a/a.go", "shared/z/z.go"}
	if !slices.Equal(names, want) {
		t.Errorf("the archive holds %q, want %q", names, want)
	}
}

// TestLists compares the lists with the imports of each function, so that a zip holds these
// packages and modules alone: a change of any other code redeploys nothing.
func TestLists(t *testing.T) {
	want, err := pack.Lists(t.Context(), repository)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range want {
		got, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(path)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), string(content)); diff != "" {
			t.Errorf("%s is out of date; run scripts/package --renew (-is +should be):\n%s", path, diff)
		}
	}
	packages, err := pack.Packages(repository)
	if err != nil {
		t.Fatal(err)
	}
	for function, folders := range packages {
		for _, folder := range folders {
			if !strings.HasPrefix(folder, "shared/") {
				t.Errorf("%s imports %s, want packages below shared alone", function, folder)
			}
		}
	}
}

// TestReceiverHasNothingOfTheOthers wants the receiver's archive to stay as small as it is: what
// only the other functions need is in packages that it does not import.
func TestReceiverHasNothingOfTheOthers(t *testing.T) {
	files, err := pack.CloudFunctionFiles(repository, "receive")
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		for _, folder := range []string{"collector", "reconciler", "geminiapi", "resultlines", "objects", "pushauth", "notes", "ledger/listing"} {
			if strings.HasPrefix(name, "shared/"+folder+"/") {
				t.Errorf("the archive has %s", name)
			}
		}
	}
	if _, there := files["shared/ledger/ledger.go"]; !there {
		t.Errorf("the archive has %d files, but not the ledger", len(files))
	}
}

// TestOtherCodeChangesNoArchive wants a change of the command line to leave every function's
// archives the same, byte for byte.
func TestOtherCodeChangesNoArchive(t *testing.T) {
	root := t.TempDir()
	for _, folder := range []string{"functions", "shared", "internal/cli/gemhook", "terraform/modules/source"} {
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(repository, folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(repository, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packages, err := pack.Packages(root)
	if err != nil {
		t.Fatal(err)
	}
	archives := func() map[string][]byte {
		made := map[string][]byte{}
		for function := range packages {
			var source bytes.Buffer
			if err := pack.WriteCloudFunction(&source, root, function); err != nil {
				t.Fatal(err)
			}
			made[function+" source"] = source.Bytes()
		}
		made["receive program"] = lambdaArchive(t, root, "amd64") // the others take as long
		return made
	}
	before := archives()
	path := filepath.Join(root, "internal/cli/gemhook/main.go")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(content, "\nfunc init() { println(1) }\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, archive := range archives() {
		if !bytes.Equal(archive, before[name]) {
			t.Errorf("%s: a change of the command line changes the archive", name)
		}
	}
}

// TestVersions wants a function to be built from the versions that are tested here.
func TestVersions(t *testing.T) {
	versions := requirements(t, "go.mod")
	packages, err := pack.Packages(repository)
	if err != nil {
		t.Fatal(err)
	}
	for function := range packages {
		for module, version := range requirements(t, "terraform/modules/source/"+function+".go.mod") {
			if versions[module] != version {
				t.Errorf("%s has %s %s, want %s", function, module, version, versions[module])
			}
		}
	}
}

// requirements returns the modules that a go.mod requires, with their versions.
func requirements(t *testing.T, path string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, path))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := modfile.Parse(path, content, nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, required := range parsed.Require {
		versions[required.Mod.Path] = required.Mod.Version
	}
	return versions
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
