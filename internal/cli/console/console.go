// Package console is what a command line shows to people and programs: results on standard output,
// as text or as JSON, and all that is about the work itself (progress, advice) on standard error,
// so that a pipe carries results only.
//
// Colours and moving lines appear on terminals only. NO_COLOR (https://no-color.org) and TERM=dumb
// switch colours off; CLICOLOR_FORCE (https://bixense.com/clicolors) has them elsewhere, too.
//
// Whatever is written passes through one place, [Console.screen], which lets no control character
// through except line feeds, tabs and the colours of [Console.Paint]. What is shown can come from
// anybody who posts a delivery.
package console

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gemhook/gemhook/shared/printable"
)

// A Colour is a parameter of the terminal's "select graphic rendition" sequence. Plain leaves text
// as it is.
type Colour string

// The colours in use.
const (
	Plain  Colour = ""
	Bold   Colour = "1"
	Dim    Colour = "2"
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"
	Cyan   Colour = "36"
)

// A Console writes results and reports on the work. It is not safe for concurrent use; its
// [Progress] is.
type Console struct {
	out, err  io.Writer
	outColour bool
	errColour bool
	live      bool // progress may move
	json      bool
	mark      string // begins a colour in text that is not written yet; nobody else can know it
}

// New returns a console for two streams. getenv is asked for NO_COLOR, TERM and CLICOLOR_FORCE.
func New(out, err io.Writer, getenv func(string) string) *Console {
	colours := getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	return &Console{
		out: out, err: err,
		outColour: colours && (IsTerminal(out) || getenv("CLICOLOR_FORCE") != ""),
		errColour: colours && IsTerminal(err),
		live:      IsTerminal(err) && getenv("TERM") != "dumb",
		mark:      "\x00" + rand.Text() + ":",
	}
}

// IsTerminal reports whether a stream is a terminal. (A character device other than the null
// device; nothing else that a command's streams are usually connected to is one.)
func IsTerminal(stream any) bool {
	file, isFile := stream.(*os.File)
	if !isFile {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// UseJSON makes results JSON from now on.
func (c *Console) UseJSON() { c.json, c.outColour = true, false }

// JSON reports whether results are JSON.
func (c *Console) JSON() bool { return c.json }

// Colours reports whether standard output has colours.
func (c *Console) Colours() bool { return c.outColour }

// Paint colours text for standard output. Its result is for Print and PrintLine.
func (c *Console) Paint(colour Colour, text string) string {
	if !c.outColour {
		colour = Plain
	}
	return c.paint(colour, text)
}

func (c *Console) paint(colour Colour, text string) string {
	if colour == Plain || text == "" {
		return text
	}
	return c.mark + string(colour) + "m" + text + c.mark + "0m"
}

// screen makes text fit to be written: marks become colours, and control characters harmless.
func (c *Console) screen(text string) string {
	var shown strings.Builder
	for i, piece := range strings.Split(text, c.mark) {
		if i > 0 {
			var colour string
			colour, piece, _ = strings.Cut(piece, "m")
			shown.WriteString("\x1b[" + colour + "m")
		}
		for {
			at := strings.IndexAny(piece, "\n\t")
			if at < 0 {
				break
			}
			shown.WriteString(printable.Text(piece[:at]) + piece[at:at+1])
			piece = piece[at+1:]
		}
		shown.WriteString(printable.Text(piece))
	}
	return shown.String()
}

// Print writes one result: in text mode what text returns, else value as indented JSON.
func (c *Console) Print(value any, text func() string) error {
	return c.print(value, "  ", text)
}

// PrintLine writes one of many results: in text mode a line, else value as JSON on one line.
func (c *Console) PrintLine(value any, text func() string) error {
	return c.print(value, "", func() string { return text() + "\n" })
}

func (c *Console) print(value any, indent string, text func() string) error {
	if !c.json {
		_, err := io.WriteString(c.out, c.screen(text()))
		return err
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	_, err := c.out.Write(printable.JSON(encoded.Bytes()))
	return err
}

// PrintRaw writes bytes as they are, or made harmless where standard output is a terminal.
func (c *Console) PrintRaw(data []byte) error {
	if IsTerminal(c.out) {
		data = []byte(c.screen(string(data)))
	}
	_, err := c.out.Write(data)
	return err
}

// Note reports on the work, on standard error.
func (c *Console) Note(format string, args ...any) {
	c.say(fmt.Sprintf(format, args...))
}

// Ask writes a question to standard error; the answer is expected on the same line.
func (c *Console) Ask(question string) {
	_, _ = io.WriteString(c.err, c.screen(question)+" ")
}

// Error says what went wrong and, where there is any, advice. Further lines of either are indented,
// so that a text from outside does not pass for one of gemhook's own.
func (c *Console) Error(err error, advice string) {
	c.say(c.paintErr(Red, "gemhook:") + " " + indented(err.Error()))
	if advice != "" {
		c.say(c.paintErr(Cyan, "→ "+indented(advice)))
	}
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }

func (c *Console) paintErr(colour Colour, text string) string {
	if !c.errColour {
		colour = Plain
	}
	return c.paint(colour, text)
}

// say writes a line to standard error. There is nowhere to report that this failed.
func (c *Console) say(text string) { _, _ = io.WriteString(c.err, c.screen(text)+"\n") }
