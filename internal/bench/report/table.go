package report

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// MaxWidth is the width in characters that the terminal's table keeps within.
const MaxWidth = 120

var headings = []string{"FIGURE", "GEMHOOK", "BESIDE", "THAT", "RATIO", "SPREAD", "WANTED"}

// Terminal returns the rows as aligned text, and below it the notes.
func Terminal(rows []*Row) string {
	lines := [][]string{headings}
	marks := []string{" "}
	for _, row := range rows {
		if row.LeftOut == "" {
			lines, marks = append(lines, row.cells()), append(marks, row.verdict())
		}
	}
	widths := make([]int, len(headings))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for i, line := range lines {
		text.WriteString(strings.TrimRight(marks[i]+" "+aligned(line, widths), " ") + "\n")
	}
	for _, remark := range remarks(rows) {
		text.WriteString("\n" + wrapped(remark, MaxWidth))
	}
	return text.String()
}

// Markdown returns the same as a table of Markdown below a line about the machine.
func Markdown(machine string, rows []*Row) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", machine)
	text.WriteString("| figure | gemhook | beside | that | ratio | spread | wanted | |\n|---|--:|---|--:|--:|--:|--:|---|\n")
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

// right tells which columns hold numbers.
var right = []bool{false, true, false, true, true, true, true}

func aligned(cells []string, widths []int) string {
	padded := make([]string, len(cells))
	for i, cell := range cells {
		gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if right[i] {
			padded[i] = gap + cell
		} else {
			padded[i] = cell + gap
		}
	}
	return strings.Join(padded, "  ")
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
