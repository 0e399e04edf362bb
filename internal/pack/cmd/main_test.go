package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gemhook/gemhook/internal/pack"
)

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
		var stdout, stderr bytes.Buffer
		if got := run(t.Context(), test.args, &stdout, &stderr); got != test.want {
			t.Errorf("%q: exit code %d, want %d", test.args, got, test.want)
		}
		out := &stderr
		if test.want == 0 {
			out = &stdout
		}
		if !bytes.HasSuffix(out.Bytes(), []byte(usage)) {
			t.Errorf("%q: printed %q and %q", test.args, &stdout, &stderr)
		}
	}
}

func TestPrintsWhatItMade(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/m\n", "go.sum": "", "shared/a/a.go": "package a\n",
		pack.PackageList: `{"receive": []}`,
		"functions/receive/cloudfunction/function.go": "package cloudfunction\n",
		"functions/receive/lambda/main.go":            "package main\n\nfunc main() {}\n",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--root", root, "--arch", "amd64"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}

	var want string
	for _, name := range []string{"receive-cloudfunction.zip", "receive-lambda.zip"} {
		path := filepath.Join(root, "dist", name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want += fmt.Sprintf("%s  %d bytes  sha256 %x\n", path, len(content), sha256.Sum256(content))
	}
	if got := stdout.String(); got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
	entries, err := os.ReadDir(filepath.Join(root, "dist"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("left in the folder: %v, want the two archives", entries)
	}
}
