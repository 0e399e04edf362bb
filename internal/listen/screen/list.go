package screen

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gdamore/tcell/v3/color"

	"github.com/gemhook/gemhook/internal/handler"
)

// A column of the list is left out where no event that is to be seen has anything in it.
type column struct {
	title string
	// least is how narrow it may become before a column of a higher rank is left out.
	least, rank int
	text        func(*event) (string, color.Color)
}

var columns = []column{
	{"TIME", 9, 3, func(e *event) (string, color.Color) { return clock(e.at), color.Default }},
	{"TYPE", 12, 1, attribute("ce-type")},
	{"ANSWER", 6, 0, answer},
	{"ATTEMPTS", 8, 5, func(e *event) (string, color.Color) { return strconv.Itoa(e.made), color.Default }},
	{"MARKED", 6, 4, func(e *event) (string, color.Color) {
		if e.Marked() {
			return "marked", yellow
		}
		return "", color.Default
	}},
	{"TENANT", 8, 6, attribute("ce-tenant")},
	{"ID", 12, 2, attribute("ce-id")},
}

func attribute(name string) func(*event) (string, color.Color) {
	return func(e *event) (string, color.Color) { return oneLine(e.Attributes[name]), color.Default }
}

// answer is what the handler has said at last.
func answer(e *event) (string, color.Color) {
	if e.sending {
		return "sending …", yellow
	}
	latest := e.latest()
	outcome := oneLine(handler.Outcome(&latest.Attempt))
	if handler.Accepted(&latest.Attempt) {
		return outcome, green
	}
	return outcome, red
}

const (
	between   = 2 // columns of the terminal between two columns of the list
	leastRows = 3 // for events below a header
)

// drawList draws, from above: the header, the columns' titles, the events, and the foot.
func (s *Screen) drawList(width, height int) {
	var header []string
	for _, line := range s.options.Header {
		header = append(header, wrap(oneLine(line), width)...)
	}
	if len(header)+leastRows+4 > height {
		header = nil // the events matter more
	}
	for y, line := range header {
		s.put(0, y, width, line, s.style(color.Default))
	}
	below := len(header)
	if below > 0 {
		below++ // an empty line
	}
	s.space = max(0, height-below-3)
	s.first = min(max(min(s.first, s.events.selected), s.events.selected-s.space+1, 0), len(s.events.all))
	seen := s.events.all[s.first:min(s.first+s.space, len(s.events.all))]
	s.drawEvents(below, width, seen)

	state := "no event has come yet"
	if n := len(s.events.all); n > 0 {
		state = fmt.Sprintf("event %d of %d, %d not handled", s.events.selected+1, n, s.events.unhandled())
	}
	s.drawFoot(width, height, state, keysOfList)
}

// drawEvents draws the columns' titles and a line for each event.
func (s *Screen) drawEvents(y, width int, seen []*event) {
	widths := fit(seen, width)
	for i, x := 0, 0; i < len(columns); i++ {
		if widths[i] > 0 {
			s.put(x, y, widths[i], columns[i].title, s.style(color.Default).Bold(true))
			x += widths[i] + between
		}
	}
	for row, e := range seen {
		selected := s.first+row == s.events.selected
		s.terminal.FillArea(0, y+1+row, width, 1, ' ', s.style(color.Default).Reverse(selected))
		for i, x := 0, 0; i < len(columns); i++ {
			if widths[i] > 0 {
				text, colour := columns[i].text(e)
				s.put(x, y+1+row, widths[i], text, s.style(colour).Reverse(selected))
				x += widths[i] + between
			}
		}
	}
}

// fit returns the width of each column, 0 for one that is left out.
func fit(seen []*event, width int) []int {
	wanted := make([]int, len(columns))
	for i, c := range columns {
		for _, e := range seen {
			if text, _ := c.text(e); text != "" {
				wanted[i] = max(wanted[i], len(c.title), textWidth(text))
			}
		}
	}
	for rank := len(columns) - 1; ; rank-- {
		widths, over := slices.Clone(wanted), -between-width
		for _, w := range widths {
			if w > 0 {
				over += w + between
			}
		}
		for i := len(columns) - 1; i >= 0 && over > 0; i-- {
			less := min(over, max(0, widths[i]-columns[i].least))
			widths[i], over = widths[i]-less, over-less
		}
		if over <= 0 || rank == 0 {
			return widths
		}
		for i, c := range columns {
			if c.rank == rank {
				wanted[i] = 0
			}
		}
	}
}
