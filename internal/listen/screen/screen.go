// Package screen shows on a terminal what a [listen.Listener] does: a list of events with what the
// handler has answered, and each event whole. Keys move about and send an event again.
//
//	options.Attempted = func(a *listen.Attempt) error { shown.Attempted(a); return nil }
//	listener := listen.New(options)
//	shown, err := screen.Open(screen.Options{Again: listener.Again})
//	go shown.Run(ctx)
//
// One goroutine, that of [Screen.Run], owns what is shown; the others send it what is new:
//
//	screen.go  the terminal, and the goroutine
//	keys.go    what each key does
//	events.go  the events, and which is selected
//	list.go    draws the list
//	whole.go   draws one event whole
//	text.go    makes text fit: harmless, and as wide as there is space
package screen

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gdamore/tcell/v3"
	"github.com/gdamore/tcell/v3/color"

	"github.com/gemhook/gemhook/internal/listen"
)

// Options are those of Open. Again is required.
type Options struct {
	// Again hands over an event once more, and returns when that is over or ctx ends. Calls are
	// made at the same time.
	Again func(ctx context.Context, event *listen.Event)

	Header  []string         // is shown above the events
	Plain   bool             // without colours
	Now     func() time.Time // nil is time.Now
	Console tcell.Tty        // nil is the terminal that controls this process
}

// A Screen is what a terminal shows. Attempted, Note and Wait are safe for concurrent use. A nil
// *Screen shows nothing.
type Screen struct {
	options  Options
	terminal tcell.Screen
	updates  chan func()
	over     chan struct{} // closed when the terminal is as it was before
	err      error         // of Run; it is not read before over is closed
	sending  sync.WaitGroup

	// The rest is Run's.
	events events
	note   string // the latest
	opened *event // is shown whole; nil: the list is shown
	first  int    // row of the list that is the uppermost to be seen
	space  int    // how many rows of the list, or of the event, are to be seen
	text   wholeText
}

// Open takes over the terminal, which Run gives back. It returns an error where there is none.
func Open(options Options) (*Screen, error) {
	// Nothing is asked of the terminal: an answer that comes late would be typed into the shell.
	terminal, err := tcell.NewTerminfoScreenFromTty(options.Console, tcell.OptNegotiation(false), tcell.OptSanitizeContent(true))
	if err == nil {
		err = terminal.Init()
	}
	if err != nil {
		return nil, fmt.Errorf("open the terminal: %w", err)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	// tcell stands in for a colour that a terminal lacks with reversed text.
	options.Plain = options.Plain || terminal.Colors() == 0
	return &Screen{options: options, terminal: terminal, updates: make(chan func()), over: make(chan struct{})}, nil
}

// Run shows what there is until a key ends it or ctx does, and gives the terminal back, also when
// it panics. An error is one of the terminal, such as that it is gone.
func (s *Screen) Run(ctx context.Context) error {
	defer close(s.over)
	defer s.terminal.Fini()
	s.err = s.run(ctx)
	return s.err
}

func (s *Screen) run(ctx context.Context) error {
	for {
		s.draw()
		select {
		case update := <-s.updates:
			update()
		case event := <-s.terminal.EventQ():
			switch event := event.(type) {
			case *tcell.EventKey:
				if end := s.key(ctx, event); end {
					return nil
				}
			case *tcell.EventError:
				return fmt.Errorf("read from the terminal: %w", event)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Wait returns when Run has, with its error, and nothing is being sent again any more.
func (s *Screen) Wait() error {
	if s == nil {
		return nil
	}
	<-s.over
	s.sending.Wait()
	return s.err
}

// Attempted shows an attempt. It reports false if nothing is shown any more.
func (s *Screen) Attempted(a *listen.Attempt) bool {
	return s.update(func() { s.events.add(a) })
}

// Note shows a line until the next one comes. It reports false if nothing is shown any more.
func (s *Screen) Note(line string) bool {
	return s.update(func() { s.note = clock(s.options.Now()) + "  " + oneLine(line) })
}

// update has Run change what is shown.
func (s *Screen) update(change func()) bool {
	if s == nil {
		return false
	}
	select {
	case s.updates <- change:
		return true
	case <-s.over:
		return false
	}
}

// again sends an event again, unless that is under way.
func (s *Screen) again(ctx context.Context, e *event) {
	if e == nil || e.sending {
		return
	}
	e.sending = true
	s.sending.Go(func() {
		s.options.Again(ctx, e.Event)
		s.update(func() { e.sending = false })
	})
}

func (s *Screen) draw() {
	s.terminal.Clear()
	if width, height := s.terminal.Size(); s.opened != nil {
		s.drawWhole(width, height)
	} else {
		s.drawList(width, height)
	}
	s.terminal.Show()
}

// drawFoot draws the last two lines: how things stand with the latest note, and the keys.
func (s *Screen) drawFoot(width, height int, state, keys string) {
	s.put(0, height-2, width, state, s.style(color.Default).Dim(true))
	if at := textWidth(state) + 2; s.note != "" {
		s.put(at, height-2, width-at, s.note, s.style(yellow))
	}
	s.put(0, height-1, width, keys, s.style(color.Default).Dim(true))
}

// put draws text that is harmless on one line, cut off where it is wider than width.
func (s *Screen) put(x, y, width int, text string, style tcell.Style) {
	s.terminal.PutStrStyled(x, y, cut(text, width), style)
}

// The colours in use are of the terminal's own palette.
const (
	red    = color.XTerm1
	green  = color.XTerm2
	yellow = color.XTerm3
)

// style returns a colour as a style, where colours are wanted.
func (s *Screen) style(foreground color.Color) tcell.Style {
	if s.options.Plain {
		foreground = color.Default
	}
	return tcell.StyleDefault.Foreground(foreground)
}
