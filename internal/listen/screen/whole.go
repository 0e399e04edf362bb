package screen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gdamore/tcell/v3/color"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/listen"
)

// A wholeText is the text of an event as it is laid out for a width.
type wholeText struct {
	rows        []row
	width, made int // for which it was laid out
	first       int // row that is the uppermost to be seen
}

// A row is one line of text.
type row struct {
	text   string
	title  bool
	colour color.Color
}

// drawWhole draws, from above: which event it is, what is known of it, and the foot.
func (s *Screen) drawWhole(width, height int) {
	e, text := s.opened, &s.text
	if text.width != width || text.made != e.made {
		text.rows, text.width, text.made = layOut(e, width), width, e.made
	}
	s.space = max(0, height-4)
	text.first = max(0, min(text.first, len(text.rows)-s.space))
	s.put(0, 0, width, oneLine(e.Attributes["ce-type"])+"  "+oneLine(e.Attributes["ce-id"]), s.style(color.Default).Bold(true))
	seen := text.rows[text.first:min(text.first+s.space, len(text.rows))]
	for y, r := range seen {
		s.put(0, y+1, width, r.text, s.style(r.colour).Bold(r.title))
	}
	state := fmt.Sprintf("lines %d to %d of %d", text.first+1, text.first+len(seen), len(text.rows))
	if e.sending {
		state += ", sending …"
	}
	s.drawFoot(width, height, state, keysOfWhole)
}

// A page is text under construction.
type page struct {
	width int
	rows  []row
}

// layOut returns all that is known of an event.
func layOut(e *event, width int) []row {
	p := &page{width: width}
	from := "from the topic"
	if e.FromLedger {
		from = "from the ledger"
	}
	p.line("", "message "+e.ID+", published "+e.PublishTime.UTC().Format(time.RFC3339)+", "+from)
	if e.Marked() {
		p.coloured("", "marked as what may be a copy", yellow)
	}
	p.title("Attributes")
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		p.line("  ", name+": "+e.Attributes[name])
	}
	p.title(fmt.Sprintf("Data, %d bytes", len(e.Data)))
	p.body(e.Data)
	if left := e.made - len(e.attempts); left > 0 {
		p.title(console.Count(left, "earlier attempt, which is not kept", "earlier attempts, which are not kept"))
	}
	for _, a := range e.attempts {
		p.attempt(a)
	}
	return p.rows
}

// attempt lays out an attempt with its request and answer.
func (p *page) attempt(a *listen.Attempt) {
	title := fmt.Sprintf("Attempt %d", a.Number)
	switch {
	case a.Number == 0:
		title = "Sent again by hand"
	case a.Number > 1:
		title += ", after " + a.Reason
	case a.Reason != "":
		title += ", " + a.Reason
	}
	p.title(clock(a.At) + "  " + title)
	p.line("  ", "POST "+a.URL)
	p.header(a.Request.Header)
	if len(a.Request.Body) > 0 && bytes.Equal(a.Request.Body, a.Data) {
		p.line("  ", "(the data)")
	} else {
		p.body(a.Request.Body)
	}
	outcome, colour := handler.Outcome(&a.Attempt), green
	if !handler.Accepted(&a.Attempt) {
		colour = red
	}
	outcome += fmt.Sprintf(", %d ms", a.Answer.Took.Milliseconds())
	if a.Retry > 0 {
		outcome += ", again in " + a.Retry.Round(100*time.Millisecond).String()
	}
	p.line("", "")
	p.coloured("  ", outcome, colour)
	if a.Answer.StatusCode > 0 {
		p.header(a.Answer.Header)
		p.body(a.Answer.Body)
	}
}

func (p *page) header(header http.Header) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			p.line("  ", name+": "+value)
		}
	}
	p.line("", "")
}

// body lays out bytes, those of JSON with line breaks.
func (p *page) body(data []byte) {
	if len(data) == 0 {
		p.line("  ", "(no body)")
		return
	}
	var indented bytes.Buffer
	if json.Indent(&indented, data, "", "  ") == nil {
		data = indented.Bytes()
	}
	for line := range strings.Lines(string(data)) {
		p.line("  ", strings.TrimRight(line, "\r\n"))
	}
}

func (p *page) title(text string) {
	p.line("", "")
	for _, part := range wrap(clean(text), p.width) {
		p.rows = append(p.rows, row{text: part, title: true, colour: color.Default})
	}
}

func (p *page) line(indent, text string) { p.coloured(indent, text, color.Default) }

func (p *page) coloured(indent, text string, colour color.Color) {
	for _, part := range wrap(indent+clean(text), p.width) {
		p.rows = append(p.rows, row{text: part, colour: colour})
	}
}
