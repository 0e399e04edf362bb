package dev

import (
	"fmt"
	"sync"
	"time"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
)

// A printer shows a person what happens. It is safe for concurrent use.
type printer struct {
	*console.Console
	mu sync.Mutex
}

// line prints a line, or several.
func (p *printer) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// It fails if nobody reads any more. Then the context ends, too.
	_ = p.PrintLine(map[string]string{"line": text}, func() string { return text })
}

func (p *printer) title(text string) { p.line(p.Paint(console.Bold, text)) }
func (p *printer) warn(text string)  { p.line(p.Paint(console.Yellow, text)) }

// up prints that something has started, and its address.
func (p *printer) up(what, where string) { p.line(fmt.Sprintf("  %-19s  %s", what, where)) }

// places prints where everything is while it stays up.
func (p *printer) places(b *backends, gemini *sender, c *collector, f *folder, page string) {
	p.title("Still up, until Ctrl-C:")
	p.line("")
	place := func(what, where string) { p.line(fmt.Sprintf("  %-15s  %s", what, where)) }
	if page != "" {
		place("inspector", p.Paint(console.Cyan, page))
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
	p.line("  " + p.Paint(console.Cyan, "scripts/gemhook doctor"))
	p.line("  " + p.Paint(console.Cyan, "scripts/gemhook send --type video.generated"))
	p.line("")
	p.line("To have the stand-in deliver another event (scheme is v1, v1a or jwt):")
	p.line("")
	p.line("  " + p.Paint(console.Cyan, "curl -X POST '"+gemini.url+deliverPath+"?type=video.generated&scheme=v1a'"))
	p.line("")
	p.line("Messages that arrive from now on:")
	p.line("")
}

// clock shows the time of today at which something happened, in the form that --since reads.
func clock(at time.Time) string { return at.UTC().Format("15:04:05Z") }

// arrival prints one more message.
func (p *printer) arrival(at time.Time, m message) {
	p.line(fmt.Sprintf("  %s  %s  %s  %s", p.Paint(console.Dim, clock(at)),
		p.Paint(messageColour(m), console.Pad(describe(m), 27)), console.Pad("message "+m.id, 11), p.Paint(console.Dim, m.topic+", ce-id "+m.webhookID)))
}
