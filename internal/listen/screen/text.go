package screen

import (
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/shared/printable"
)

// clock is how a time of today is shown.
func clock(at time.Time) string { return at.UTC().Format("15:04:05Z") }

// oneLine makes text from outside harmless, on one line.
func oneLine(text string) string { return console.OneLine(text) }

// clean makes a line of text from outside harmless, and leaves its spaces as they are.
func clean(text string) string {
	return printable.Text(strings.ReplaceAll(text, "\t", "    "))
}

// textWidth is how many columns of a terminal text takes.
func textWidth(text string) int { return displaywidth.String(text) }

// cut returns as much of text as there is space for, with "…" at the end if that is not all.
func cut(text string, width int) string {
	if width < 1 {
		return ""
	}
	return displaywidth.TruncateString(text, width, "…")
}

// wrap breaks a line where it is wider than width. What follows is indented as its beginning is.
func wrap(text string, width int) []string {
	if textWidth(text) <= width {
		return []string{text}
	}
	indent := text[:min(len(text)-len(strings.TrimLeft(text, " ")), max(0, width/2))]
	var rows []string
	var row strings.Builder
	used := 0
	for graphemes := displaywidth.StringGraphemes(text); graphemes.Next(); used += graphemes.Width() {
		if used > 0 && used+graphemes.Width() > width {
			rows = append(rows, row.String())
			row.Reset()
			row.WriteString(indent)
			used = len(indent)
		}
		row.WriteString(graphemes.Value())
	}
	return append(rows, row.String())
}
