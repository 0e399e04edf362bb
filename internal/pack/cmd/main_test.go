package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestPrintsWhatItMade packs the repository itself.
func TestPrintsWhatItMade(t *testing.T) {
	const root = "../../.."
	functions, err := pack.Packages(root)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--root", root, "--arch", "amd64", "--out", out}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	var want string
	for _, function := range slices.Sorted(maps.Keys(functions)) {
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
