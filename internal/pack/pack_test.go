package pack_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/pack"
)

// repository is the root of this repository.
const repository = "../.."

func TestCloudFunctionFiles(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":    "",
		"go.sum":    "",
		"README.md": "",
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
		"shared/latest.go":                                 "",
		"shared/testing/testing.go":                        "",
	})
	got, err := pack.CloudFunctionFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"go.mod":                  "go.mod",
		"go.sum":                  "go.sum",
		"function.go":             "functions/receive/cloudfunction/function.go",
		"shared/ledger/ledger.go": "shared/ledger/ledger.go",
		"shared/ledger/firestoreledger/ledger.go": "shared/ledger/firestoreledger/ledger.go",
		"shared/latest.go":                        "shared/latest.go",
		"shared/testing/testing.go":               "shared/testing/testing.go",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestCloudFunctionNeedsItsFolders(t *testing.T) {
	whole := map[string]string{
		"go.mod": "", "go.sum": "", "shared/a/a.go": "",
		"functions/receive/cloudfunction/function.go": "",
	}
	for missing := range whole {
		files := maps.Clone(whole)
		delete(files, missing)
		err := pack.WriteCloudFunction(io.Discard, tree(t, files))
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s: %v, want %v", missing, err, fs.ErrNotExist)
		}
	}
}

func TestCloudFunctionIsReproducible(t *testing.T) {
	files := map[string]string{
		"go.mod": "module example.com/m\n", "go.sum": "sums\n",
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
	if err := pack.WriteCloudFunction(&a, first); err != nil {
		t.Fatal(err)
	}
	if err := pack.WriteCloudFunction(&b, second); err != nil {
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

func TestCloudFunctionHoldsWhatItImports(t *testing.T) {
	files, err := pack.CloudFunctionFiles(repository)
	if err != nil {
		t.Fatal(err)
	}
	inArchive := slices.Collect(maps.Values(files))

	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Dir,GoFiles,EmbedFiles,Module",
		"./functions/receive/cloudfunction")
	list.Dir = repository
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir                 string
			GoFiles, EmbedFiles []string
			Module              *struct{ Main bool }
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		packages++
		dir, err := filepath.Rel(root, p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Concat(p.GoFiles, p.EmbedFiles) {
			if file := path.Join(filepath.ToSlash(dir), name); !slices.Contains(inArchive, file) {
				t.Errorf("the function is built from %s, which the archive lacks", file)
			}
		}
	}
	if packages < 2 {
		t.Errorf("the function is built from %d packages of this module, want itself and shared ones", packages)
	}
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
