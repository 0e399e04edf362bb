package screen

import (
	"context"

	"github.com/gdamore/tcell/v3"
)

// What the last line says of the keys.
const (
	keysOfList  = "↑↓ move  Enter whole  r send again  q end"
	keysOfWhole = "↑↓ move  r send again  Esc back"
)

// An action is what a key does.
type action int

const (
	nothing action = iota
	up
	down
	pageUp
	pageDown
	toFirst
	toLast
	open // the event, or a page further in it
	back
	quit // from the event to the list, or the end
	end
	sendAgain
	redraw
)

var keys = map[tcell.Key]action{
	tcell.KeyUp: up, tcell.KeyDown: down, tcell.KeyPgUp: pageUp, tcell.KeyPgDn: pageDown,
	tcell.KeyHome: toFirst, tcell.KeyEnd: toLast, tcell.KeyEnter: open,
	tcell.KeyEsc: back, tcell.KeyBackspace: back, tcell.KeyBackspace2: back,
	tcell.KeyCtrlC: end, tcell.KeyCtrlL: redraw,
}

var letters = map[string]action{
	"k": up, "j": down, "g": toFirst, "G": toLast, " ": open, "r": sendAgain, "q": quit,
}

// key does what a key is for. It reports whether that is to end everything.
func (s *Screen) key(ctx context.Context, key *tcell.EventKey) (over bool) {
	do := keys[key.Key()]
	if key.Key() == tcell.KeyRune {
		do = letters[key.Str()]
	}
	page := s.pageLength()
	switch do {
	case up:
		s.move(-1)
	case down:
		s.move(1)
	case pageUp:
		s.move(-page)
	case pageDown:
		s.move(page)
	case toFirst:
		s.move(-s.length())
	case toLast:
		s.move(s.length())
	case open:
		if s.opened != nil {
			s.move(page)
		} else if s.opened = s.events.current(); s.opened != nil {
			s.text = wholeText{}
		}
	case back:
		s.opened = nil
	case quit:
		over, s.opened = s.opened == nil, nil
	case end:
		over = true
	case sendAgain:
		if s.opened != nil {
			s.again(ctx, s.opened)
		} else {
			s.again(ctx, s.events.current())
		}
	case redraw:
		s.terminal.Sync()
	}
	return over
}

// move moves the selection, or the text of the event that is shown whole.
func (s *Screen) move(by int) {
	if s.opened != nil {
		s.text.first += by // drawWhole keeps it in bounds
		return
	}
	s.events.selectBy(by)
}

// length is how many lines can be moved through.
func (s *Screen) length() int {
	if s.opened != nil {
		return len(s.text.rows)
	}
	return len(s.events.all)
}

// pageLength is how far a page goes. A line of the page before stays to be seen.
func (s *Screen) pageLength() int { return max(1, s.space-1) }
