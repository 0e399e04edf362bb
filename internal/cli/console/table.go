package console

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/gemhook/gemhook/shared/printable"
)

// A Cell is a piece of text in a table.
type Cell struct {
	Text   string
	Colour Colour
	Right  bool // aligned to the right
}

// Table lays out rows below a header, which has one title for each column. A header without titles
// is left out. Lines end with their text. The result is for Print.
func (c *Console) Table(header []string, rows [][]Cell) string {
	widths := make([]int, len(header))
	for i, title := range header {
		widths[i] = columns(title)
	}
	for _, row := range rows {
		for i := range row {
			row[i].Text = printable.Text(row[i].Text)
			widths[i] = max(widths[i], columns(row[i].Text))
		}
	}
	var table strings.Builder
	line := func(cell func(i int) Cell) {
		var text strings.Builder
		for i := range header {
			padding := strings.Repeat(" ", widths[i]-columns(cell(i).Text))
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
	widest := 0
	for i := range pairs {
		pairs[i][0], pairs[i][1] = printable.Text(pairs[i][0]), printable.Text(pairs[i][1])
		widest = max(widest, columns(pairs[i][0]))
	}
	var text strings.Builder
	for _, pair := range pairs {
		if pair[1] != "" {
			text.WriteString(c.Paint(Bold, pair[0]+strings.Repeat(" ", widest-columns(pair[0]))) + "  " + pair[1] + "\n")
		}
	}
	return text.String()
}

// Pad fills text with spaces to a number of columns.
func Pad(text string, to int) string {
	return text + strings.Repeat(" ", max(0, to-columns(text)))
}

// columns is how many columns of a terminal text takes: two for a wide character, none for a
// combining one.
func columns(text string) int {
	sum := 0
	for _, r := range text {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
			sum += 2
		default:
			sum++
		}
	}
	return sum
}

// Count writes a number of things, by the word for one and that for any other number.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// OneLine makes a text from outside fit for a line of its own text: line feeds and tabs in it
// become spaces, other control characters are replaced.
func OneLine(text string) string {
	return printable.Text(strings.Join(strings.Fields(text), " "))
}
