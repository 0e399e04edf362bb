// Package docs tests the pages for people: what they refer to must exist.
package docs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/cli"
)

// pages returns the text of every page of the repository, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"../*.md", "*.md", "*/*.md", "../.github/*.md", "../terraform/*.md", "../terraform/*/*/*.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			found[path] = string(text)
		}
	}
	if len(found) < 10 {
		t.Fatalf("found %d pages, want all", len(found))
	}
	return found
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)

// TestLinks wants each relative link of a page to lead to a file or folder.
func TestLinks(t *testing.T) {
	t.Parallel()
	for path, text := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target := match[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", path, target)
			}
		}
	}
}

var (
	testName  = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9_]*)`")
	testStart = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z][A-Za-z0-9_]*)\(`)
)

// TestNamedTests wants each test that a page names to exist.
func TestNamedTests(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, match := range testStart.FindAllStringSubmatch(string(source), -1) {
			exists[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range pages(t) {
		for _, match := range testName.FindAllStringSubmatch(text, -1) {
			if !exists[match[1]] {
				t.Errorf("%s names the test %s, which does not exist", path, match[1])
			}
		}
	}
}

var (
	shellBlock = regexp.MustCompile("(?s)```(?:sh|console)\n(.*?)\n```")
	command    = regexp.MustCompile(`^(?:\$ )?(?:scripts/)?gemhook ([^|>#;&]+)`)
)

// TestCommands wants each gemhook command in a page to be one, with flags that it has.
func TestCommands(t *testing.T) {
	t.Parallel()
	checked := 0
	for path, text := range pages(t) {
		for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
			lines := strings.ReplaceAll(block[1], "\\\n", " ")
			for line := range strings.Lines(lines) {
				found := command.FindStringSubmatch(line)
				if found == nil {
					continue
				}
				checked++
				var output bytes.Buffer
				args := append(strings.Fields(found[1]), "--help")
				code := cli.Run(t.Context(), args, cli.Environment{
					Stdout: &output, Stderr: &output, Getenv: func(string) string { return "" },
				})
				if code != 0 {
					t.Errorf("%s: %s\n%s", path, strings.TrimSpace(line), &output)
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("found %d commands, want all", checked)
	}
}
