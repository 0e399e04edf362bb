package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/api/option"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/app"
)

// each calls visit for every command of gemhook's own; cobra has some, too.
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

// Each command has help and a description, and refuses a flag that it does not have.
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

// A command line that is wrong ends with 64.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "nonsense", "webhooks", "webhooks nonsense", "deliveries nonsense", "webhooks list -o yaml", "url", "doctor extra"} {
		t.Run(line, func(t *testing.T) {
			if code, out := run(strings.Fields(line)...); code != 64 {
				t.Errorf("gemhook %s ends with %d, want 64: %s", line, code, out)
			}
		})
	}
	if code, out := run("--version"); code != 0 || !strings.Contains(out, "gemhook") {
		t.Errorf("--version: %d %s", code, out)
	}
	if code, out := run("webhooks", "list", "--terraform-dir", "no-such-folder"); code != failure.Settings {
		t.Errorf("a wrong --terraform-dir ends with %d: %s", code, out)
	}
}

// A mistyped command or flag is answered with what was probably meant.
func TestTypos(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"sned":                 "did you mean: gemhook send\n",
		"docter":               "did you mean: gemhook doctor\n",
		"webhooks rotte":       "did you mean: gemhook webhooks rotate\n",
		"rotate":               "did you mean: gemhook tenants rotate, gemhook webhooks rotate\n",
		"send --forge body":    "did you mean: --forge=body\n",
		"help sned":            "did you mean: gemhook send\n",
		"help webhooks rotte":  "did you mean: gemhook webhooks rotate\n",
		"deliveries lits":      "did you mean: gemhook deliveries list\n",
		"send --repaet 2":      "did you mean: --repeat\n",
		"replay --drry-run":    "see gemhook replay --help\n",
		"tail --subscripton x": "did you mean: --subscription\n",
	} {
		t.Run(line, func(t *testing.T) {
			if code, out := run(strings.Fields(line)...); code != 64 || !strings.Contains(out, want) {
				t.Errorf("gemhook %s ends with %d, want 64 and %q: %s", line, code, want, out)
			}
		})
	}
	if code, out := run("help", "webhooks", "rotate"); code != 0 || !strings.Contains(out, "--finish") {
		t.Errorf("gemhook help webhooks rotate ends with %d: %s", code, out)
	}
	if _, out := run("photograph"); strings.Contains(out, "did you mean") {
		t.Errorf("what is like no command gets a suggestion: %s", out)
	}
}

// The version is printed without any setting.
func TestVersion(t *testing.T) {
	t.Parallel()
	// It needs no settings: a folder that was never applied does not matter.
	for _, line := range []string{"version", "version --terraform-dir absent", "--version"} {
		t.Run(line, func(t *testing.T) {
			if code, out := run(strings.Fields(line)...); code != 0 || !strings.Contains(out, app.Version) {
				t.Errorf("gemhook %s ends with %d: %s", line, code, out)
			}
		})
	}
	code, out := run("version", "-o", "json")
	var version struct{ Version, Go, Platform string }
	if err := json.Unmarshal([]byte(out), &version); code != 0 || err != nil || version.Version != app.Version || version.Go == "" || version.Platform == "" {
		t.Errorf("version -o json ends with %d: %s", code, out)
	}
}

// What is wrong with a setting has a code of its own, by where it came from.
func TestExitCodesOfSettings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args string
		env  map[string]string
		code int
		said string
	}{
		{"send --url hooks.example.com", nil, failure.Usage, "correct --url"},
		{"send --url http://hooks.example.com/", nil, failure.Usage, "correct --url"},
		{"send --id a\u0001b", nil, failure.Usage, "--id is the value of a header"},
		{"dev --once --drop 1.5", nil, failure.Usage, "--drop is a share"},
		{"dev --once --respond 99", nil, failure.Usage, "--respond is a status"},
		{"dev --once --respond 500 --forward-to 3000", nil, failure.Usage, "use one of the two"},
		{"dev --once --forward-to ftp://localhost/", nil, failure.Usage, "--forward-to: "},
		{"send", map[string]string{"GEMHOOK_URL": "ftp://hooks.example.com/"}, failure.Settings, "correct GEMHOOK_URL"},
		{"webhooks list --gemini-url example.com", nil, failure.Usage, "correct --gemini-url"},
		{"webhooks list", map[string]string{"GOOGLE_GEMINI_BASE_URL": "http://example.com"}, failure.Settings, "correct GOOGLE_GEMINI_BASE_URL"},
		{"webhooks list", nil, failure.Settings, "GEMINI_API_KEY"},
		{"webhooks list", map[string]string{"GEMINI_API_KEY": "'AIza'"}, failure.Settings, "letters, digits"},
		{"webhooks list", map[string]string{"GEMINI_API_KEY": "AIza\nAIza"}, failure.Settings, "letters, digits"},
		{"webhooks update 1 --uri https://10.0.0.1/", map[string]string{"GEMINI_API_KEY": "k"}, failure.Usage, "not on the public internet"},
		{"webhooks create", map[string]string{"GEMHOOK_URL": "https://localhost/", "GEMHOOK_SIGNING_SECRETS": "file:x", "GEMINI_API_KEY": "k"},
			failure.Settings, "not on the public internet"},
		{"tail --topic t", map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "PUBSUB_EMULATOR_HOST": "127.0.0.1:1"}, failure.Settings, "unset both"},
		{"deliveries list", map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, failure.Settings, "unset both"},
		{"tail --topic projects/p/topics/t", map[string]string{"GOOGLE_CLOUD_PROJECT": "projects/p"}, failure.Settings, "correct GOOGLE_CLOUD_PROJECT"},
		{"deliveries list --project projects/p", nil, failure.Usage, "its id alone"},
		{"deliveries list --tenant ACME", nil, failure.Usage, "no tenant: want up to 63 lower-case"},
		{"deliveries list --since 1h --until 2h", nil, failure.Usage, "--since is later than --until"},
		{"deliveries list --limit -1", nil, failure.Usage, "--limit is a number from 0"},
		{"replay --since 1h --limit -1", nil, failure.Usage, "--limit is a number from 0"},
	} {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := Run(t.Context(), strings.Fields(test.args), Environment{
				Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: func(name string) string { return test.env[name] },
			})
			if code != test.code || !strings.Contains(stderr.String(), test.said) {
				t.Errorf("gemhook %s with %v ends with %d, want %d and %q: %s", test.args, test.env, code, test.code, test.said, stderr.String())
			}
		})
	}
}

// A command whose output nobody reads ends as by the signal, without a word.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	code := Run(t.Context(), []string{"version"}, Environment{Stdout: writer, Stderr: &stderr, Getenv: func(string) string { return "" }})
	if code != 128+int(syscall.SIGPIPE) || stderr.Len() > 0 {
		t.Errorf("it ends with %d, want 141: %s", code, stderr.String())
	}
}

// An emulator that is named and not there is said so at once, with what to do.
func TestDeadEmulator(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	settings := map[string]string{
		"GOOGLE_CLOUD_PROJECT": "p", "GEMHOOK_TOPIC": "events", "GEMHOOK_URL": "http://127.0.0.1:1/", "GEMHOOK_SIGNING_SECRETS": "file:absent",
		"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1", "PUBSUB_EMULATOR_HOST": "127.0.0.1:1",
	}
	const arrow = "→ start the emulators, or unset FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST to use Google Cloud"
	for line, want := range map[string]struct {
		code int
		said string
	}{
		"tail":              {failure.Unavailable, "no emulator answers where the environment says, PUBSUB_EMULATOR_HOST"},
		"deliveries list":   {failure.Unavailable, "no emulator answers where the environment says, FIRESTORE_EMULATOR_HOST"},
		"replay --since 1h": {failure.Unavailable, "no emulator answers where the environment says, FIRESTORE_EMULATOR_HOST"},
		"doctor":            {failure.Failed, "no emulator answers where the environment says, PUBSUB_EMULATOR_HOST"},
	} {
		t.Run(line, func(t *testing.T) {
			var output bytes.Buffer
			code := Run(t.Context(), strings.Fields(line), Environment{
				Stdin: strings.NewReader(""), Stdout: &output, Stderr: &output, Getenv: func(name string) string { return settings[name] },
				SecretManager: []option.ClientOption{option.WithoutAuthentication()}, CallTimeout: time.Second,
			})
			if code != want.code || !strings.Contains(output.String(), want.said) || !strings.Contains(output.String(), arrow) {
				t.Errorf("gemhook %s ends with %d, want %d, %q and the advice: %s", line, code, want.code, want.said, output.String())
			}
		})
	}
}

// Shells complete commands, types of event, states and formats.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		t.Run(shell, func(t *testing.T) {
			if code, out := run("completion", shell); code != 0 || !strings.Contains(out, "gemhook") {
				t.Errorf("completion %s ends with %d", shell, code)
			}
		})
	}
	for line, want := range map[string]string{
		"webhooks r": "rotate", "tail --type batch.f": "batch.failed", "deliveries list --state ": "released", "-o ": "json", "send --forge=": "timestamp",
	} {
		t.Run(line, func(t *testing.T) {
			args := strings.Split(line, " ")
			if _, out := run(append([]string{"__complete"}, args...)...); !strings.Contains(out, want) {
				t.Errorf("completing %q offers no %q: %s", line, want, out)
			}
		})
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

// Each command line that docs/cli.md shows is one that is understood.
func TestDocumentedCommandLines(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^\$ gemhook ([^|#\n]*)`).FindAllSubmatch(page, -1)
	if len(lines) < 10 {
		t.Fatalf("docs/cli.md shows %d command lines", len(lines))
	}
	for _, line := range lines {
		if code, out := run(append(strings.Fields(string(line[1])), "--help")...); code != 0 || strings.Contains(out, "Available Commands") {
			t.Errorf("gemhook %s is no command line: %s", line[1], out)
		}
	}
}

// A setting that names a missing file has the code of what is not found.
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
