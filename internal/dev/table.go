package dev

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/standin"
)

// A row is one line of the table. Its first cell has no colour.
type row struct {
	heading string         // above the row; empty: none
	mark    console.Cell   // before the first cell
	cells   []console.Cell // those missing at the end are empty
	below   []string       // faults
}

// report prints the table, a summary and the verdict.
func (p *printer) report(r *report) {
	var rows []row
	group := ""
	for _, result := range r.results {
		lines := resultRows(result)
		if result.group != group {
			group = result.group
			lines[0].heading = group
		}
		rows = append(rows, lines...)
	}
	var text strings.Builder
	text.WriteString("\n")
	header := []string{"DELIVERY", "SIGNED", "ANSWER", "TOPIC RECEIVED", "MESSAGE"}
	if r.handler != "" {
		header = append(header, "HANDLER")
	}
	p.table(&text, header, rows)
	p.summary(&text, r)
	p.line(text.String())
}

// table writes the rows below a header, their columns aligned over all headings.
func (p *printer) table(text *strings.Builder, header []string, rows []row) {
	const indent = "  " // where rows have their mark
	header[0] = indent + header[0]
	var cells [][]console.Cell
	for _, row := range rows {
		line := make([]console.Cell, len(header))
		copy(line, row.cells)
		line[0].Text = cmp.Or(row.mark.Text, " ") + " " + line[0].Text
		cells = append(cells, line)
	}
	lines := strings.SplitAfter(p.Table(header, cells), "\n")
	text.WriteString(lines[0])
	for i, row := range rows {
		if row.heading != "" {
			fmt.Fprintf(text, "\n%s%s\n", indent, p.Paint(console.Dim, row.heading))
		}
		line, marked := strings.CutPrefix(lines[i+1], row.mark.Text)
		if marked {
			line = p.Paint(row.mark.Colour, row.mark.Text) + line
		}
		text.WriteString(line)
		for _, fault := range row.below {
			fmt.Fprintf(text, "    %s\n", p.Paint(console.Red, "↑ "+fault))
		}
	}
}

// resultRows returns the lines of one delivery: more than one only if it was sent twice or has
// several messages.
func resultRows(r *result) []row {
	received := r.received
	first := row{
		mark:  console.Cell{Text: "✓", Colour: console.Green},
		cells: append([]console.Cell{{Text: r.what}, {Text: r.signed.Scheme}, answerCell(r.answer)}, messageCells(received)...),
	}
	if len(r.faults) > 0 {
		first.mark = console.Cell{Text: "✗", Colour: console.Red}
	}
	rows := []row{first}
	if r.again != nil {
		rows = append(rows, row{cells: []console.Cell{{Text: "  sent twice"}, {}, answerCell(r.again)}})
	}
	for len(received) > 1 {
		received = received[1:]
		rows = append(rows, row{cells: append(make([]console.Cell, 3), messageCells(received)...)})
	}
	rows[len(rows)-1].below = r.faults
	return rows
}

// messageCells shows the first of the messages.
func messageCells(received []message) []console.Cell {
	if len(received) == 0 {
		return []console.Cell{{Text: "nothing", Colour: console.Dim}, {}}
	}
	m := received[0]
	return []console.Cell{{Text: describe(m), Colour: messageColour(m)}, {Text: m.id}, handledCell(m)}
}

// answerCell shows the receiver's answer; nil is that to a delivery that was never sent.
func answerCell(answer *standin.Answer) console.Cell {
	if answer == nil {
		return console.Cell{Text: "lost, never sent", Colour: console.Dim}
	}
	cell := console.Cell{Text: fmt.Sprintf("%d %s", answer.StatusCode, outcome(answer)), Colour: console.Yellow}
	switch {
	case answer.Status == "published":
		cell.Colour = console.Green
	case answer.Status == "duplicate":
		cell.Colour = console.Dim
	case answer.StatusCode >= 500:
		cell.Colour = console.Red
	}
	return cell
}

// handledCell shows the local handler's answer, if it got the message.
func handledCell(m message) console.Cell {
	if m.accepted {
		return console.Cell{Text: m.handled, Colour: console.Green}
	}
	return console.Cell{Text: m.handled, Colour: console.Red}
}

func messageColour(m message) console.Colour {
	if m.redelivered || m.topic != topicID {
		return console.Yellow
	}
	return console.Plain
}

// describe names a message by its type, and says whether it may be a copy.
func describe(m message) string {
	if m.redelivered {
		return m.eventType + ", redelivered"
	}
	return m.eventType
}

// summary prints the totals, and whether everything is as expected.
func (p *printer) summary(text *strings.Builder, r *report) {
	c := r.counts()
	fmt.Fprintf(text, "\n%d delivered in %s: %d published, %s, %d refused, %d dead-lettered", c.delivered, seconds(r.elapsed),
		c.published, console.Count(c.duplicates, "duplicate", "duplicates"), c.refused, c.deadLettered)
	if c.lost > 0 {
		fmt.Fprintf(text, "; %d lost", c.lost)
	}
	text.WriteString("\n")
	fmt.Fprintf(text, "%s on the topics: %d on %s, %d on %s\n", console.Count(len(r.messages), "message", "messages"),
		r.on(topicID), topicID, r.on(deadLetterTopicID), deadLetterTopicID)
	if r.handler != "" {
		handled, accepted := r.handled()
		fmt.Fprintf(text, "%s at the handler %s: %d accepted, %d not\n", console.Count(handled, "message", "messages"), r.handler, accepted, handled-accepted)
	}
	for _, stray := range r.strays {
		fmt.Fprintln(text, p.Paint(console.Red, "✗ message "+stray.id+" is of no delivery: "+describe(stray)))
	}
	if r.asExpected() {
		fmt.Fprintln(text, p.Paint(console.Green, "✓ everything as expected"))
	} else {
		fmt.Fprintln(text, p.Paint(console.Red, fmt.Sprintf("✗ not as expected: %s, %s of no delivery",
			console.Count(r.unexpected(), "delivery", "deliveries"), console.Count(len(r.strays), "message", "messages"))))
	}
}
