package report

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/gemhook/gemhook/internal/cli/console"
)

// MaxWidth is the width in characters of the lines of notes.
const MaxWidth = 120

var headings = []string{"", "FIGURE", "GEMHOOK", "COMPARED WITH", "ITS FIGURE", "RATIO", "SPREAD", "TARGET"}

// right reports for each of the cells whether it holds a number.
var right = []bool{false, true, false, true, true, true, true}

// Terminal returns the rows as aligned text, and below it the notes.
func Terminal(screen *console.Console, rows []*Row) string {
	var lines [][]console.Cell
	for _, row := range rows {
		if row.LeftOut != "" {
			continue
		}
		line := []console.Cell{{Text: row.verdict()}}
		for i, text := range row.cells() {
			line = append(line, console.Cell{Text: text, Right: right[i]})
		}
		lines = append(lines, line)
	}
	text := screen.Table(headings, lines)
	for _, remark := range remarks(rows) {
		text += "\n" + wrapped(remark, MaxWidth)
	}
	return text
}

// Markdown returns the same as a table of Markdown below a line about the machine.
func Markdown(machine string, rows []*Row) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", machine)
	text.WriteString("| figure | gemhook | compared with | its figure | ratio | spread | target | |\n|---|--:|---|--:|--:|--:|--:|---|\n")
	for _, row := range rows {
		if row.LeftOut != "" {
			continue
		}
		for _, cell := range append(row.cells(), strings.TrimSpace(row.verdict())) {
			text.WriteString(strings.TrimRight("| "+strings.ReplaceAll(cell, "|", `\|`), " ") + " ")
		}
		text.WriteString("|\n")
	}
	for _, remark := range remarks(rows) {
		text.WriteString("\n" + remark + "\n")
	}
	return text.String()
}

func (r *Row) cells() []string {
	cells := []string{r.Figure, r.Unit.Format(r.Value()), r.Reference, "", "", "", r.Mark.String()}
	if ratio, smallest, largest := r.Ratio(); !math.IsNaN(ratio) {
		cells[3] = r.Unit.Format(r.ReferenceValue())
		cells[4] = digits(ratio)
		if len(r.Rounds) > 1 {
			cells[5] = digits(smallest) + "–" + digits(largest)
		}
	}
	if r.Mark.OfFigure {
		cells[4], cells[5] = "", ""
		cells[6] = r.Mark.sign() + " " + r.Unit.Format(r.Mark.Bound)
	}
	return cells
}

func (r *Row) verdict() string {
	switch {
	case r.Missed():
		return "✗"
	case r.Mark == Mark{}:
		return " "
	}
	return "✓"
}

// remarks are the notes, each once, and the rows left out.
func remarks(rows []*Row) []string {
	var all []string
	said := map[string]bool{}
	for _, row := range rows {
		text := row.Note
		if row.LeftOut != "" {
			text = "Left out: " + row.Name() + ": " + row.LeftOut
		}
		if text != "" && !said[text] {
			said[text] = true
			all = append(all, text)
		}
	}
	return all
}

// wrapped breaks text into lines of at most width characters, the later ones indented.
func wrapped(text string, width int) string {
	var out strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+length > width:
			out.WriteString("\n  ")
			column = 2
		default:
			out.WriteString(" ")
			column++
		}
		out.WriteString(word)
		column += length
	}
	return out.String() + "\n"
}
