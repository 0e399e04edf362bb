package console

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/printable"
)

func none(string) string { return "" }

func TestColoursOnTerminalsOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if got := New(&out, &out, none).Paint(Red, "text"); got != "text" {
		t.Errorf("a buffer gets colours: %q", got)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if IsTerminal(null) {
		t.Error("the null device counts as a terminal")
	}
	c := New(&out, &out, none)
	c.outColour = true
	if got := c.screen(c.Paint(Red, "text")); got != "\x1b[31mtext\x1b[0m" {
		t.Errorf("painted: %q", got)
	}
}

// A pseudo-terminal is a terminal, and NO_COLOR and TERM=dumb count on it.
func TestTerminal(t *testing.T) {
	t.Parallel()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		testkit.LeaveOut(t, testkit.Need{Name: "pseudo-terminal", How: "mount /dev/pts"})
	}
	defer terminal.Close()
	for name, test := range map[string]struct {
		env           map[string]string
		colours, live bool
	}{
		"as it is":   {nil, true, true},
		"NO_COLOR":   {map[string]string{"NO_COLOR": "1"}, false, true},
		"TERM=dumb":  {map[string]string{"TERM": "dumb"}, false, false},
		"TERM=xterm": {map[string]string{"TERM": "xterm"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := New(terminal, terminal, func(name string) string { return test.env[name] })
			if c.outColour != test.colours || c.errColour != test.colours || c.live != test.live {
				t.Errorf("colours %t and %t, live %t", c.outColour, c.errColour, c.live)
			}
			if c.UseJSON(); c.outColour {
				t.Error("JSON has colours")
			}
		})
	}
	var out bytes.Buffer
	if c := New(&out, &out, none); c.outColour || c.errColour || c.live {
		t.Error("a buffer counts as a terminal")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if IsTerminal(file) {
		t.Error("a file counts as a terminal")
	}
}

// Line feeds and tabs lay out a text, and are harmless.
func TestScreenKeepsLineFeedsAndTabs(t *testing.T) {
	t.Parallel()
	const text = "\n\ta\n\nb\tc\n"
	if got := New(nil, nil, none).screen(text); got != text {
		t.Errorf("%q is shown as %q", text, got)
	}
}

// Columns are aligned by the width that characters have on a screen.
func TestTable(t *testing.T) {
	t.Parallel()
	c := New(nil, nil, none)
	got := c.Table([]string{"A", "LONGER", "END"}, [][]Cell{
		{{Text: "ä"}, {Text: "x"}, {Text: "last"}},
		{{Text: "two"}, {Text: "\x1b[2Jy"}, {Text: ""}},
		{{Text: "日本"}, {Text: "e\u0301"}, {Text: "wide"}},
	})
	right := c.Table([]string{"N", "END"}, [][]Cell{{{Text: "7", Right: true}, {Text: "x"}}, {{Text: "1234", Right: true}, {Text: "y"}}})
	if want := "   N  END\n   7  x\n1234  y\n"; right != want {
		t.Errorf("aligned to the right: %q, want %q", right, want)
	}
	if got, want := c.Table([]string{"", ""}, [][]Cell{{{Text: "a"}, {Text: "b"}}}), "a  b\n"; got != want {
		t.Errorf("without titles: %q, want %q", got, want)
	}
	if got, want := c.Table([]string{"A", "B"}, nil), "A  B\n"; got != want {
		t.Errorf("without rows: %q, want %q", got, want)
	}
	pairs := c.Pairs([][2]string{{"日本", "one"}, {"absent", ""}, {"id", "two"}})
	if want := "日本    one\nid      two\n"; pairs != want {
		t.Errorf("pairs %q, want %q", pairs, want)
	}
	for text, want := range map[string]string{
		"日本": "日本 ", "한글": "한글 ", "ＡＢ": "ＡＢ ", "ｱ": "ｱ    ", "🎬": "🎬   ", "e\u0301o\u0308": "e\u0301o\u0308   ",
		"abcde": "abcde", "abcdef": "abcdef", "": "     ",
	} {
		t.Run(text, func(t *testing.T) {
			if got := Pad(text, 5); got != want {
				t.Errorf("%q padded to 5 is %q, want %q", text, got, want)
			}
		})
	}
	want := "A     LONGER  END\nä     x       last\ntwo   \uFFFD[2Jy\n日本  e\u0301       wide\n"
	if got != want {
		t.Errorf("table %q, want %q", got, want)
	}
}

// With JSON on, values are printed instead of text; errors and advice go to standard error.
func TestPrint(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	c := New(&out, &err, none)
	text := func() string { return "as text\n" }
	_ = c.Print(map[string]string{"a": "<b>"}, text)
	c.UseJSON()
	_ = c.Print(map[string]string{"a": "<b>"}, text)
	_ = c.PrintLine(map[string]string{"a": "<b>"}, text)
	c.Error(os.ErrNotExist, "do this\nor that")
	if got, want := out.String(), "as text\n{\n  \"a\": \"<b>\"\n}\n{\"a\":\"<b>\"}\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if got, want := err.String(), "gemhook: file does not exist\n→ do this\n  or that\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

// screen reports on a channel that something was written to it.
type screen struct {
	mu      sync.Mutex
	text    strings.Builder
	written chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.written <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

// Progress is drawn only on a terminal, after a moment, and removed at the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	s := &screen{written: make(chan struct{}, 1)}
	c := New(nil, s, none)
	c.live = true
	p := c.Progress("publishing", 4)
	p.Add(1)
	select {
	case <-s.written:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is shown")
	}
	p.Stop()
	p.Stop()
	if got := s.text.String(); !strings.Contains(got, "publishing ██████░░░░░░░░░░░░░░░░░░ 1 of 4") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("shown is %q", got)
	}
	spinner := &Progress{label: "reading"}
	if got := spinner.line(11); got != "⠙ reading" {
		t.Errorf("a spinner is %q", got)
	}
	for done, want := range map[int]string{0: strings.Repeat("░", 24), 2: strings.Repeat("█", 12) + strings.Repeat("░", 12), 9: strings.Repeat("█", 24)} {
		t.Run(fmt.Sprintf("%d of 4", done), func(t *testing.T) {
			if got := (&Progress{label: "p", total: 4, done: done}).line(0); !strings.HasPrefix(got, "p "+want+" ") {
				t.Errorf("%d of 4 is %q", done, got)
			}
		})
	}
	quiet := New(nil, s, none)
	before := s.text.Len()
	quiet.Progress("x", 1).Stop()
	c.Progress("done at once", 0).Stop()
	if s.text.Len() != before {
		t.Error("something is shown without a terminal, or of what is done at once")
	}
}

// hostile has every kind of character that could control a terminal or forge a line, and a colour
// like one of Paint's.
const hostile = "a\x1b[31mb\u009b2Jc\x7fd\u202ee\x00:31mf\rg"

// Control characters in what comes from outside are replaced wherever it is shown.
func TestNothingFromOutsideCommandsTheTerminal(t *testing.T) {
	t.Parallel()
	for name, show := range map[string]func(*Console){
		"text":    func(c *Console) { _ = c.Print(nil, func() string { return hostile + "\n" }) },
		"line":    func(c *Console) { _ = c.PrintLine(nil, func() string { return hostile }) },
		"painted": func(c *Console) { _ = c.PrintLine(nil, func() string { return c.Paint(Red, hostile) }) },
		"cell": func(c *Console) {
			_ = c.Print(nil, func() string { return c.Table([]string{"A"}, [][]Cell{{{Text: hostile}}}) })
		},
		"name":      func(c *Console) { _ = c.Print(nil, func() string { return c.Pairs([][2]string{{hostile, "v"}}) }) },
		"value":     func(c *Console) { _ = c.Print(nil, func() string { return c.Pairs([][2]string{{"n", hostile}}) }) },
		"note":      func(c *Console) { c.Note("%s", hostile) },
		"question":  func(c *Console) { c.Ask(hostile) },
		"error":     func(c *Console) { c.Error(errors.New(hostile), hostile) },
		"JSON":      func(c *Console) { c.UseJSON(); _ = c.Print(map[string]string{hostile: hostile}, nil) },
		"JSON line": func(c *Console) { c.UseJSON(); _ = c.PrintLine(map[string]string{hostile: hostile}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c := New(&out, &out, none)
			c.outColour, c.errColour = true, true
			show(c)
			left := regexp.MustCompile("\x1b\\[(0|1|31|36)m").ReplaceAllString(out.String(), "")
			if strings.Contains(out.String(), "a\x1b[31mb") {
				t.Errorf("a colour from outside is shown: %q", out.String())
			}
			for _, r := range left {
				if r != '\n' && printable.Unsafe(r) {
					t.Errorf("%U is shown: %q", r, out.String())
				}
			}
		})
	}
}

// No line of an error can pass for a line of gemhook's own.
func TestErrorsOfSeveralLinesAreIndented(t *testing.T) {
	t.Parallel()
	var err bytes.Buffer
	New(nil, &err, none).Error(errors.New("first\ngemhook: all is well"), "")
	if got, want := err.String(), "gemhook: first\n  gemhook: all is well\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}
