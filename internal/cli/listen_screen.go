package cli

import (
	"context"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/listen"
	"github.com/gemhook/gemhook/internal/listen/screen"
)

// hasScreen reports whether "listen" shows a screen: somebody is there to look at it and to type.
// With --count it is a script that has a terminal, and the screen would be gone with the last event.
func (s *session) hasScreen(given *listenFlags) bool {
	return !given.lines && given.count == 0 && !s.console.JSON() && s.Getenv("TERM") != "dumb" &&
		console.IsTerminal(s.Stdin) && console.IsTerminal(s.Stdout)
}

// show shows the screen until ctx ends or a key does, which calls stop. It returns nil where the
// terminal turns out to be none, and lines are printed.
func (l *listening) show(ctx context.Context, stop func(), listener *listen.Listener, page string) *screen.Screen {
	shown, err := screen.Open(screen.Options{
		Again: listener.Again, Header: l.introduction(page), Plain: !l.console.Colours(), Now: l.options.Now,
	})
	if err != nil {
		return nil
	}
	go func() {
		defer stop()
		_ = shown.Run(ctx) // Wait returns its error
	}()
	return shown
}
