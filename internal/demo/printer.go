package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// A palette colours text, if it is on.
type palette struct{ on bool }

// A colour is a parameter of the terminal's "select graphic rendition" sequence; plain leaves text as it is.
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

// wantsColour reports whether out is a terminal whose user has nothing against colour (https://no-color.org).
func wantsColour(out *os.File, getenv func(string) string) bool {
	info, err := out.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
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
func (p *printer) note(text string)  { p.line(p.paint(dim, text)) }
func (p *printer) warn(text string)  { p.line(p.paint(yellow, text)) }

// up tells that something is up, and where.
func (p *printer) up(what, where string) { p.line(fmt.Sprintf("  %-19s  %s", what, where)) }

// places tells where everything is while the demo stays up.
func (p *printer) places(b *backends, gemini *sender, logPath string) {
	p.title("Still up, until Ctrl-C:")
	p.line("")
	place := func(what, where string) { p.line(fmt.Sprintf("  %-15s  %s", what, where)) }
	place("static URL", gemini.receiverURL+gemini.path(standin.SchemeV1))
	place("dynamic URL", gemini.receiverURL+gemini.path(standin.SchemeV1a))
	place("key set", gemini.url+standin.JWKSPath)
	place("topics", topicID+", "+deadLetterTopicID)
	if b.firestoreHost != "" {
		place("ledger", "http://"+b.firestoreHost+"/v1/projects/"+project+"/databases/(default)/documents/deliveries")
	}
	place("receiver's log", logPath)
	p.line("")
	p.line("To have another event signed and delivered (scheme is v1, v1a or jwt):")
	p.line("")
	p.line("  " + p.paint(cyan, "curl -X POST '"+gemini.url+deliverPath+"?type=video.generated&scheme=v1a'"))
	p.line("")
	p.line("To use the topics with clients of your own:")
	p.line("")
	p.line("  " + p.paint(cyan, "export GOOGLE_CLOUD_PROJECT="+project+" PUBSUB_EMULATOR_HOST="+b.pubsubHost))
	if b.firestoreHost != "" {
		p.line("  " + p.paint(cyan, "export FIRESTORE_EMULATOR_HOST="+b.firestoreHost))
	}
	p.line("")
	p.line("Messages that arrive from now on:")
	p.line("")
}

// arrival tells of one more message.
func (p *printer) arrival(at time.Time, m message) {
	p.line(fmt.Sprintf("  %s  %s  %s  %s", p.paint(dim, at.Format(time.TimeOnly)),
		p.paint(messageColour(m), pad(describe(m), 27)), pad("message "+m.id, 11), p.paint(dim, m.topic+", ce-id "+m.webhookID)))
}
