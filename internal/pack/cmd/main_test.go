package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/pack"
)

// A wrong command line ends with the code for that, and says what is wrong.
func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		want int
	}{
		{[]string{"--help"}, 0},
		{[]string{"--arch", "mips"}, exitUsage},
		{[]string{"--unknown"}, exitUsage},
		{[]string{"surplus"}, exitUsage},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(t.Context(), test.args, &stdout, &stderr); got != test.want {
				t.Errorf("exit code %d, want %d", got, test.want)
			}
			out := &stderr
			if test.want == 0 {
				out = &stdout
			}
			if !bytes.HasSuffix(out.Bytes(), []byte(usage)) {
				t.Errorf("printed %q and %q", &stdout, &stderr)
			}
		})
	}
}

// TestPrintsWhatItMade packs a small repository with two functions.
func TestPrintsWhatItMade(t *testing.T) {
	root, out := t.TempDir(), t.TempDir()
	files := map[string]string{"go.mod": "module example.com/m\n", "go.sum": "", "shared/a/a.go": "package a\n"}
	functions := []string{"collect", "receive"}
	for _, function := range functions {
		files["functions/"+function+"/cloudfunction/function.go"] = "package cloudfunction\n\nimport _ \"example.com/m/shared/a\"\n"
		files["functions/"+function+"/lambda/main.go"] = "package main\n\nfunc main() {}\n"
	}
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, filepath.Dir(pack.PackageList)), 0o755); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	for _, args := range [][]string{{"--renew"}, {"--arch", "amd64", "--out", out}} {
		if code := run(t.Context(), append([]string{"--root", root}, args...), &stdout, &stderr); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, &stderr)
		}
	}
	var want string
	for _, function := range functions {
		for _, name := range []string{"cloudfunction.zip", "cloudfunction.cdx.json", "lambda.zip", "lambda.cdx.json"} {
			path := filepath.Join(out, function+"-"+name)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want += fmt.Sprintf("%s  %d bytes  sha256 %x\n", path, len(content), sha256.Sum256(content))
		}
	}
	if got := stdout.String(); got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 4*len(functions) {
		t.Errorf("left in the folder: %v, want four files for each function", entries)
	}
}
