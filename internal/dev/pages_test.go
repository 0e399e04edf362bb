package dev

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
)

// TestPages runs what the README, docs/cli.md and docs/tenants.md show after "$", in their order,
// while gemhook dev runs, and wants the output that they show. It adds --env to the commands, except
// in the section that says they find the settings by themselves. At the end it sends SIGHUP, and
// wants nothing left.
//
// Commands with --project or --terraform-dir need a cloud, and are left out here. Their flags are
// tested by TestCommands in docs; the walk through Terraform, against stubs, by
// internal/terraformtest; and preflight by TestPreflight in internal/cli.
func TestPages(t *testing.T) {
	p := start(t, os.Getenv("PATH"))
	printed := p.until(t, "Messages that arrive from now on:")
	if strings.Contains(printed, "in-process stand-ins") {
		testkit.LeaveOut(t, testkit.Emulators)
	}
	handler := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(handler.Close)
	r := &reader{t: t, program: p, printed: printed, elsewhere: t.TempDir(), names: map[string]string{
		"127.0.0.1:3000": handler.Listener.Addr().String(), // the reader's own handler
	}}
	ran := 0
	for _, path := range []string{"../../README.md", "../../docs/cli.md", "../../docs/tenants.md"} {
		for _, c := range shownCommands(t, path) {
			if strings.Contains(c.line, "--project ") || strings.Contains(c.line, "--terraform-dir ") {
				continue
			}
			ran++
			r.follow(c)
		}
		r.endSection()
	}
	if ran < 20 {
		t.Errorf("found %d commands, want all", ran)
	}
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if rest, code := p.end(); code != 0 {
		t.Errorf("after SIGHUP: code %d, stdout %q, stderr %q", code, rest, &p.stderr)
	}
	wantNothingLeft(t, p)
}

// A shownCommand is one that a page shows, with its output.
type shownCommand struct {
	at      string // page and section, for errors
	section string
	line    string // without "$ "
	output  []string
}

var heading = regexp.MustCompile(`^## (.*)`)

// shownCommands returns the commands in the console blocks of a page.
func shownCommands(t *testing.T, path string) []*shownCommand {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []*shownCommand
	var section string
	var latest *shownCommand // of the block, where there is one
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, " \n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch found := heading.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "```"):
			inside, latest = line == "```console", nil
		case !inside && found != nil:
			section = found[1]
		case inside && isCommand:
			latest = &shownCommand{at: filepath.Base(path) + ", " + section + ": " + command, section: section, line: command}
			all = append(all, latest)
		case inside && latest != nil:
			latest.output = append(latest.output, line)
		}
	}
	return all
}

// A reader runs the commands of a page.
type reader struct {
	t         *testing.T
	program   *program
	printed   string // by gemhook dev
	elsewhere string // a folder outside of that of gemhook dev
	section   string
	running   []*runningCommand // those of this section that go on
	names     map[string]string // name here by name on the page: ids, addresses and the like
}

// A runningCommand goes on while those after it run: tail, listen and inspect.
type runningCommand struct {
	*exec.Cmd
	shown  *shownCommand
	output *testkit.Buffer
}

// follow runs a command. One that does not end by itself runs until the end of its section.
func (r *reader) follow(c *shownCommand) {
	r.t.Helper()
	if c.section != r.section {
		r.endSection()
		r.section = c.section
	}
	line := varying.ReplaceAllStringFunc(c.line, func(name string) string {
		if here, known := r.names[name]; known {
			return here
		}
		return name
	})
	words := strings.Fields(strings.TrimPrefix(line, "scripts/"))
	switch words[0] {
	case "run":
		r.compare(c, r.printed)
		return
	case "cat":
		content := strings.Join(c.output, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(r.elsewhere, words[1]), []byte(content), 0o600); err != nil {
			r.t.Fatal(err)
		}
		return
	case "gemhook":
	default:
		r.t.Errorf("%s: want gemhook, cat or scripts/run", c.at)
		return
	}
	if c.line == "scripts/gemhook dev" {
		r.compare(c, r.printed)
		return
	}
	output := new(testkit.Buffer)
	run := exec.CommandContext(r.t.Context(), command, words[1:]...)
	run.Stdout, run.Stderr = output, output
	run.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.Contains(entry, "EMULATOR_HOST") })
	if run.Dir = r.elsewhere; words[1] == "dev" { // a second one, which ends by itself
		run.Env = append(run.Env, "PATH=", "JAVA_HOME=", "JAVA=") // with stand-ins
	} else if c.section == "On your own machine" {
		run.Dir = filepath.Dir(r.program.folder)
	} else {
		run.Args = append(run.Args, "--env", filepath.Join(r.program.folder, SettingsFile))
	}
	if err := run.Start(); err != nil {
		r.t.Fatal(err)
	}
	if slices.Contains([]string{"tail", "listen", "inspect"}, words[1]) {
		r.running = append(r.running, &runningCommand{run, c, output})
		testkit.AwaitTrue(r.t, words[1]+" is up", func() bool { return output.String() != "" })
		return
	}
	_ = run.Wait() // its exit code shows in the output
	r.compare(c, output.String())
}

// endSection waits for the commands that are running. It ends inspect; tail and listen end after a
// number of events.
func (r *reader) endSection() {
	r.t.Helper()
	for _, c := range r.running {
		if c.Args[1] == "inspect" {
			if err := c.Process.Signal(os.Interrupt); err != nil {
				r.t.Error(err)
			}
		}
		limit := time.AfterFunc(testkit.Patience, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		limit.Stop()
		r.compare(c.shown, c.output.String())
	}
	r.running = nil
}

// A kind is text that varies from run to run, such as a webhook's id.
type kind struct {
	page string // pattern of it on a page
	here string // pattern of what can be in its place in the output; empty: the same as page
	same bool   // the same text of the page always has the same in its place
}

var kinds = []kind{
	{page: `\b[a-z0-9]{36}\b`, same: true}, // id of a webhook
	{page: `(?:gemhook-)?msg_[0-9a-f]{8}-[0-9a-f-]{27}`, same: true},
	{page: `\b(?:sample|batch|interaction|video)_[0-9a-f]{12}\b`, same: true},
	{page: `127\.0\.0\.1:\d+`, same: true},
	{page: `/\S*/\.gemhook`, same: true},
	{page: `\d{4}-\d\d-\d\d`},
	{page: `\d\d:\d\d:\d\d`},
	{page: `\d+(?:\.\d+)? (?:ms|s|days)\b`},
	{page: `message \d+`},
	{page: `  \d{1,2}\b(?: ms)?`, here: `\s+m?\d+(?: ms)?`}, // in a table: number of a message, mostly
	{page: `, \d+ attempts`, here: `(?:, \d+ attempts)?`},
	{page: `…`, here: `.*?`},
}

// varying finds what varies. Each of its groups is one of kinds.
var varying = func() *regexp.Regexp {
	var patterns []string
	for _, k := range kinds {
		patterns = append(patterns, "("+k.page+")")
	}
	return regexp.MustCompile(strings.Join(patterns, "|"))
}()

// compare wants the output of a command to be what the page shows, except for what varies. A line
// "…" of the page stands for any number of lines, and "…" within a line for any text.
func (r *reader) compare(c *shownCommand, output string) {
	r.t.Helper()
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	next, elided := 0, false
	for _, want := range c.output {
		if want == "…" {
			elided = true
			continue
		}
		at := next
		err := errors.New("there is no further line")
		for ; at < len(lines); at++ {
			if err = r.match(want, lines[at]); err == nil || !elided {
				break
			}
		}
		if err != nil {
			r.t.Errorf("%s\nthe page shows\n%s\n%v\noutput:\n%s", c.at, want, err, output)
			return
		}
		next, elided = at+1, false
	}
	if next < len(lines) && !elided {
		r.t.Errorf("%s\nthe page lacks\n%s", c.at, strings.Join(lines[next:], "\n"))
	}
}

// match compares a line of the output with that of the page. The width of columns may differ.
func (r *reader) match(page, line string) error {
	pattern, begin := "", 0
	var names []string // on the page, for each group of the pattern; empty: any text
	for _, found := range varying.FindAllStringSubmatchIndex(page, -1) {
		k := kinds[slices.IndexFunc(found[2:], func(at int) bool { return at >= 0 })/2]
		pattern += literal(page[begin:found[0]]) + "(" + cmp.Or(k.here, k.page) + ")"
		begin = found[1]
		name := ""
		if k.same {
			name = page[found[0]:found[1]]
		}
		names = append(names, name)
	}
	pattern += literal(page[begin:])
	found := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(strings.TrimRight(line, " "))
	if found == nil {
		return fmt.Errorf("which is not\n%s", line)
	}
	for i, name := range names {
		if name == "" {
			continue
		}
		if here, known := r.names[name]; known && here != found[i+1] {
			return fmt.Errorf("where %s is not %s as before, but %s", name, here, found[i+1])
		}
		r.names[name] = found[i+1]
	}
	return nil
}

var spaces = regexp.MustCompile(`\s+`)

// literal returns a pattern of a text with spaces of any width.
func literal(text string) string {
	return spaces.ReplaceAllLiteralString(regexp.QuoteMeta(text), `\s+`)
}
