package console

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
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
	if got := paint(true, Red, "text"); got != "\x1b[31mtext\x1b[0m" {
		t.Errorf("painted: %q", got)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	c := New(nil, nil, none)
	got := c.Table([]string{"A", "LONGER", "END"}, [][]Cell{
		{{Text: "ä"}, {Text: "x"}, {Text: "last"}},
		{{Text: "two"}, {Text: "\x1b[2Jy"}, {Text: ""}},
	})
	want := "A    LONGER  END\nä    x       last\ntwo  \uFFFD[2Jy\n"
	if got != want {
		t.Errorf("table %q, want %q", got, want)
	}
}

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

// screen tells when something is written to it.
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

func TestProgress(t *testing.T) {
	t.Parallel()
	s := &screen{written: make(chan struct{}, 1)}
	c := &Console{err: s, live: true}
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
	quiet := &Console{err: s}
	before := s.text.Len()
	quiet.Progress("x", 1).Stop()
	c.Progress("done at once", 0).Stop()
	if s.text.Len() != before {
		t.Error("something is shown without a terminal, or of what is done at once")
	}
}
