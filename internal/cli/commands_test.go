package cli

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
)

// each calls visit for every command that is ours.
func each(visit func(*cobra.Command)) {
	s := newSession(Environment{})
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		visit(command)
		for _, below := range command.Commands() {
			walk(below)
		}
	}
	walk(newRoot(s))
}

func run(args ...string) (code int, out string) {
	var stdout, stderr bytes.Buffer
	code = Run(context.Background(), args, Environment{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" },
	})
	return code, stdout.String() + stderr.String()
}

func TestEveryCommandHelps(t *testing.T) {
	t.Parallel()
	each(func(command *cobra.Command) {
		args := strings.Fields(command.CommandPath())[1:]
		if code, out := run(append(args, "--help")...); code != 0 || !strings.Contains(out, "Usage:") {
			t.Errorf("%s --help ends with %d: %s", command.CommandPath(), code, out)
		}
		if command.Short == "" {
			t.Errorf("%s has no description", command.CommandPath())
		}
		if code, _ := run(append(args, "--no-such-flag")...); code != 64 {
			t.Errorf("%s with a wrong flag ends with %d, want 64", command.CommandPath(), code)
		}
		for line := range strings.Lines(command.Flags().FlagUsages()) {
			flag := regexp.MustCompile(`--([a-z-]+)(.*?)(?:   +(\S.*))?\n`).FindStringSubmatch(line)
			if flag == nil || flag[3] == "" {
				t.Errorf("%s has a flag without description: %s", command.CommandPath(), line)
				continue
			}
			if regexp.MustCompile(`key$|secret$`).MatchString(flag[1]) && strings.Contains(flag[2], "string") {
				t.Errorf("%s --%s takes a secret", command.CommandPath(), flag[1])
			}
		}
	})
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "nonsense", "webhooks", "webhooks nonsense", "deliveries nonsense", "webhooks list -o yaml", "url", "doctor extra"} {
		if code, out := run(strings.Fields(line)...); code != 64 {
			t.Errorf("gemhook %s ends with %d, want 64: %s", line, code, out)
		}
	}
	if code, out := run("--version"); code != 0 || !strings.Contains(out, "gemhook") {
		t.Errorf("--version: %d %s", code, out)
	}
	if code, out := run("webhooks", "list", "--terraform-dir", "no-such-folder"); code != failure.Settings {
		t.Errorf("a wrong --terraform-dir ends with %d: %s", code, out)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out := run("completion", shell); code != 0 || !strings.Contains(out, "gemhook") {
			t.Errorf("completion %s ends with %d", shell, code)
		}
	}
	for line, want := range map[string]string{
		"webhooks r": "rotate", "tail --type batch.f": "batch.failed", "deliveries list --state ": "released", "-o ": "json", "send --forge=": "timestamp",
	} {
		args := strings.Split(line, " ")
		if _, out := run(append([]string{"__complete"}, args...)...); !strings.Contains(out, want) {
			t.Errorf("completing %q offers no %q: %s", line, want, out)
		}
	}
}

// docs/cli.md names every command, variable and exit code.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	each(func(command *cobra.Command) {
		own := !command.HasSubCommands() && command.Name() != "help" && command.Parent().Name() != "completion"
		path := strings.TrimPrefix(command.CommandPath(), "gemhook ")
		if own && !strings.Contains(page, path) && !strings.Contains(page, "`"+command.Name()+"`") {
			t.Errorf("docs/cli.md does not name %s", command.CommandPath())
		}
	})
	for _, setting := range deployment.All() {
		if !strings.Contains(page, "`"+setting.Variable()+"`") {
			t.Errorf("docs/cli.md does not name %s", setting.Variable())
		}
	}
	var documented []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(page, -1) {
		documented = append(documented, row[1])
	}
	var printed []string
	for _, row := range regexp.MustCompile(`(?m)^  (\d+) `).FindAllStringSubmatch(exitCodesHelp, -1) {
		printed = append(printed, row[1])
	}
	if !slices.Equal(documented, printed) {
		t.Errorf("exit codes are %v in docs/cli.md and %v in --help", documented, printed)
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := Run(context.Background(), []string{"send", "--url", "http://127.0.0.1:1"}, Environment{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Getenv: func(name string) string {
			return map[string]string{"GEMHOOK_SIGNING_SECRETS": "file:no-such-file"}[name]
		},
	})
	if code != failure.NotFound {
		t.Errorf("a secret file that is not there ends with %d, want %d: %s", code, failure.NotFound, stderr.String())
	}
}
