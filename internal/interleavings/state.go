package interleavings

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

// text writes the state down: all that can make a difference to what can happen from here, with
// times relative to now.
func (w *execution) text() string {
	var b strings.Builder
	if w.Faults < NoLimit {
		fmt.Fprintf(&b, "%d faults\n", w.faults)
	}
	fmt.Fprintf(&b, "document %s\n", w.textOf(w.document()))
	for _, m := range w.topic {
		fmt.Fprintf(&b, "message %s %t %s\n", m.topic, m.marked, m.by.name)
	}
	for _, d := range w.deliveries {
		fmt.Fprintf(&b, "%s %d %t %t ", d.name, d.status(), d.gone, d.troubled)
		if !d.begun.IsZero() && !d.gone {
			d.writeText(&b)
		}
		b.WriteByte('\n')
	}
	for _, c := range w.late {
		fmt.Fprintf(&b, "late %s of %s: %s", c.name, c.delivery.name, c.intent())
		if c.publish {
			b.WriteString(since(w.latest(c)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// writeText writes everything that a delivery has observed: what it does next follows from that.
func (d *delivery) writeText(b *strings.Builder) {
	b.WriteString(since(d.begun))
	for _, c := range d.history {
		fmt.Fprintf(b, ", %s %s: %s", c.name, since(c.begun), c.seen())
	}
	if c := d.call; c != nil {
		fmt.Fprintf(b, ", in %s %s until %s", c.name, since(c.begun), since(c.deadline))
		if c.acted {
			fmt.Fprintf(b, ": %s", c.seen())
		}
	}
}

func (w *execution) textOf(document *ledger.Document) string {
	if document == nil {
		return "none"
	}
	lease := ""
	if document.State == ledger.Claimed {
		lease = "over"
		if left := time.Until(document.LeaseExpiresAt); left > -w.Skew {
			lease = left.String()
		}
	}
	return fmt.Sprintf("%s %s %s %s", document.State, lease, document.MessageID, document.Attributes[ledger.RedeliveredAttribute])
}

// textOfVersion reports whether a version is still the document's: only that can matter.
func (w *execution) textOfVersion(version ledger.Version) string {
	_, current, err := w.memory.Read(context.Background(), key)
	if err == nil && current.Equal(version) {
		return " current"
	}
	return " stale"
}
