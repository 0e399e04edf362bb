// Package console is how the command line talks: results on standard output, as text for people or JSON for programs, and
// everything about the work itself (progress, advice) on standard error, so that a pipe carries results only.
//
// Colours and moving lines appear on terminals only; NO_COLOR (https://no-color.org) and TERM=dumb switch colours off.
package console

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// A Colour is a parameter of the terminal's "select graphic rendition" sequence. Plain leaves text as it is.
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

// A Console writes results and tells of progress. It is not safe for concurrent use; its [Progress] is.
type Console struct {
	out, err  io.Writer
	outColour bool
	errColour bool
	live      bool // progress may move
	json      bool
}

// New returns a console for two streams. getenv is asked for NO_COLOR and TERM.
func New(out, err io.Writer, getenv func(string) string) *Console {
	colours := getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	return &Console{
		out: out, err: err,
		outColour: colours && IsTerminal(out),
		errColour: colours && IsTerminal(err),
		live:      IsTerminal(err) && getenv("TERM") != "dumb",
	}
}

// IsTerminal tells whether a stream is a terminal. (A character device other than the null device; nothing else that a
// command's streams are usually connected to is one.)
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

// JSON tells whether results are JSON.
func (c *Console) JSON() bool { return c.json }

// Paint colours text for standard output.
func (c *Console) Paint(colour Colour, text string) string { return paint(c.outColour, colour, text) }

func paint(on bool, colour Colour, text string) string {
	if !on || colour == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(colour) + "m" + text + "\x1b[0m"
}

// Print writes one result: in text mode what text returns, else value as indented JSON.
func (c *Console) Print(value any, text func() string) error {
	if !c.json {
		_, err := io.WriteString(c.out, text())
		return err
	}
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// PrintLine writes one of many results: in text mode a line, else value as JSON on one line.
func (c *Console) PrintLine(value any, text func() string) error {
	if !c.json {
		_, err := fmt.Fprintln(c.out, text())
		return err
	}
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// Note tells of the work, on standard error.
func (c *Console) Note(format string, args ...any) {
	fmt.Fprintf(c.err, format+"\n", args...)
}

// Error tells what went wrong and, where there is any, advice.
func (c *Console) Error(err error, advice string) {
	fmt.Fprintln(c.err, paint(c.errColour, Red, "gemhook:")+" "+err.Error())
	if advice != "" {
		fmt.Fprintln(c.err, paint(c.errColour, Cyan, "→ "+strings.ReplaceAll(advice, "\n", "\n  ")))
	}
}

// A Cell is a piece of text in a table.
type Cell struct {
	Text   string
	Colour Colour
	Right  bool // aligned to the right
}

// Table lays out rows below a header, which has one title for each column; without any title there is no line for it. Lines
// end with their text. Control characters in cells are replaced: what is in a delivery must not command the terminal.
func (c *Console) Table(header []string, rows [][]Cell) string {
	widths := make([]int, len(header))
	for i, title := range header {
		widths[i] = utf8.RuneCountInString(title)
	}
	for _, row := range rows {
		for i := range row {
			row[i].Text = Clean(row[i].Text)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].Text))
		}
	}
	var table strings.Builder
	line := func(cell func(i int) Cell) {
		var text strings.Builder
		for i := range header {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell(i).Text))
			painted := c.Paint(cell(i).Colour, cell(i).Text)
			if cell(i).Right {
				padding, painted = painted, padding
			}
			text.WriteString(painted + padding + "  ")
		}
		table.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	if strings.Join(header, "") != "" {
		line(func(i int) Cell { return Cell{Text: header[i], Colour: Bold, Right: len(rows) > 0 && rows[0][i].Right} })
	}
	for _, row := range rows {
		line(func(i int) Cell { return row[i] })
	}
	return table.String()
}

// Pairs lays out names and values, one pair a line. Empty values are left out.
func (c *Console) Pairs(pairs [][2]string) string {
	width := 0
	for _, pair := range pairs {
		width = max(width, utf8.RuneCountInString(pair[0]))
	}
	var text strings.Builder
	for _, pair := range pairs {
		if pair[1] != "" {
			fmt.Fprintf(&text, "%s  %s\n", c.Paint(Bold, pair[0]+strings.Repeat(" ", width-utf8.RuneCountInString(pair[0]))), Clean(pair[1]))
		}
	}
	return text.String()
}

// Clean replaces control characters.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r <= 0x9f {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
