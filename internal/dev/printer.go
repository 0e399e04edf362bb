package dev

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
)

// A palette colours text, if it is on.
type palette struct{ on bool }

// A colour is a parameter of the terminal's "select graphic rendition" sequence; plain leaves text
// as it is.
type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	dim    colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
)

func (p palette) paint(c colour, text string) string {
	if !p.on || c == plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// A printer shows a person what happens. It is safe for concurrent use.
type printer struct {
	palette
	mu sync.Mutex
	to io.Writer
}

func (p *printer) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.to, text)
}

func (p *printer) title(text string) { p.line(p.paint(bold, text)) }
func (p *printer) warn(text string)  { p.line(p.paint(yellow, text)) }

// up tells that something is up, and where.
func (p *printer) up(what, where string) { p.line(fmt.Sprintf("  %-19s  %s", what, where)) }

// places tells where everything is while it stays up.
func (p *printer) places(b *backends, gemini *sender, c *collector, f *folder, page string) {
	p.title("Still up, until Ctrl-C:")
	p.line("")
	place := func(what, where string) { p.line(fmt.Sprintf("  %-15s  %s", what, where)) }
	if page != "" {
		place("inspector", p.paint(cyan, page))
	}
	place("static URL", gemini.receiverURL+gemini.path(standin.SchemeV1))
	place("dynamic URL", gemini.receiverURL+gemini.path(standin.SchemeV1a))
	place("topics", topicID+", "+deadLetterTopicID+", "+resultsTopicID)
	place("results", c.bucket.URL+"/storage/v1/b/"+bucket.Name+"/o")
	if b.firestoreHost != "" {
		place("ledger", "http://"+b.firestoreHost+"/v1/projects/"+project+"/databases/(default)/documents/deliveries")
	}
	place("log", f.file("log"))
	place("settings", f.file(SettingsFile))
	p.line("")
	p.line("The command line finds these settings by itself in this folder, and elsewhere by --env:")
	p.line("")
	p.line("  " + p.paint(cyan, "scripts/gemhook doctor"))
	p.line("  " + p.paint(cyan, "scripts/gemhook send --type video.generated"))
	p.line("")
	p.line("To have the stand-in deliver another event (scheme is v1, v1a or jwt):")
	p.line("")
	p.line("  " + p.paint(cyan, "curl -X POST '"+gemini.url+deliverPath+"?type=video.generated&scheme=v1a'"))
	p.line("")
	p.line("Messages that arrive from now on:")
	p.line("")
}

// arrival tells of one more message.
func (p *printer) arrival(at time.Time, m message) {
	p.line(fmt.Sprintf("  %s  %s  %s  %s", p.paint(dim, at.Format(time.TimeOnly)),
		p.paint(messageColour(m), pad(describe(m), 27)), pad("message "+m.id, 11), p.paint(dim, m.topic+", ce-id "+m.webhookID)))
}
