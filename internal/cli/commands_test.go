package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// each calls visit for every command that is ours.
func each(visit func(*cobra.Command)) {
	s := &session{}
	s.setDefaults()
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		visit(command)
		for _, below := range command.Commands() {
			walk(below)
		}
	}
	walk(s.root())
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
	if code, out := run("webhooks", "list", "--terraform-dir", "no-such-folder"); code != exitSettings {
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
	if code != exitNotFound {
		t.Errorf("a secret file that is not there ends with %d, want %d: %s", code, exitNotFound, stderr.String())
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	interrupted, stop := context.WithCancelCause(context.Background())
	stop(Interruption{syscall.SIGTERM})
	for _, test := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{t.Context(), nil, 0},
		{t.Context(), errors.New("anything"), 1},
		{t.Context(), errSaid, 1},
		{t.Context(), usage("wrong"), 64},
		{t.Context(), advise(geminiapi.ErrNotFound, "look elsewhere"), 66},
		{t.Context(), status.Error(codes.NotFound, ""), 66},
		{t.Context(), fmt.Errorf("list: %w", status.Error(codes.Unavailable, "")), 69},
		{t.Context(), context.DeadlineExceeded, 69},
		{t.Context(), &net.OpError{Err: errors.New("refused")}, 69},
		{t.Context(), &geminiapi.Error{HTTPStatus: 503}, 69},
		{t.Context(), &geminiapi.Error{HTTPStatus: 403}, 77},
		{t.Context(), status.Error(codes.PermissionDenied, ""), 77},
		{t.Context(), status.Error(codes.Unauthenticated, ""), 77},
		{t.Context(), &deployment.MissingError{}, 78},
		{t.Context(), &deployment.BadError{}, 78},
		{interrupted, status.Error(codes.Canceled, ""), 143},
		{interrupted, usage("wrong"), 64},
		{interrupted, nil, 0},
	} {
		if got := exitCode(test.ctx, test.err); got != test.want {
			t.Errorf("%v: %d, want %d", test.err, got, test.want)
		}
	}
}
