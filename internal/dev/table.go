package dev

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gemhook/gemhook/internal/cli/console"
)

// A row is one line of the table. Its first cell has no colour.
type row struct {
	heading string       // above the row; empty: none
	mark    console.Cell // before the first cell
	cells   []console.Cell
	below   []string // faults
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
	p.table(&text, []string{"DELIVERY", "SIGNED", "ANSWER", "TOPIC RECEIVED", "MESSAGE"}, rows)
	p.summary(&text, r)
	p.line(text.String())
}

// table writes the rows below a header, their columns aligned over all headings.
func (p *printer) table(text *strings.Builder, header []string, rows []row) {
	const indent = "  " // where rows have their mark
	header[0] = indent + header[0]
	var cells [][]console.Cell
	for _, row := range rows {
		first := row.cells[0]
		first.Text = cmp.Or(row.mark.Text, " ") + " " + first.Text
		cells = append(cells, append([]console.Cell{first}, row.cells[1:]...))
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

// resultRows are the lines of one delivery: more than one only if it has several messages.
func resultRows(r *result) []row {
	answer := console.Cell{Text: fmt.Sprintf("%d %s", r.answer.StatusCode, r.outcome()), Colour: answerColour(r)}
	received := r.received
	first := row{
		mark:  console.Cell{Text: "✓", Colour: console.Green},
		cells: append([]console.Cell{{Text: r.what}, {Text: r.signed.Scheme}, answer}, messageCells(received)...),
	}
	if len(r.faults) > 0 {
		first.mark = console.Cell{Text: "✗", Colour: console.Red}
	}
	rows := []row{first}
	for len(received) > 1 {
		received = received[1:]
		rows = append(rows, row{cells: append(make([]console.Cell, 3), messageCells(received)...)})
	}
	rows[len(rows)-1].below = r.faults
	return rows
}

// messageCells show the first of the messages.
func messageCells(received []message) []console.Cell {
	if len(received) == 0 {
		return []console.Cell{{Text: "nothing", Colour: console.Dim}, {}}
	}
	m := received[0]
	return []console.Cell{{Text: describe(m), Colour: messageColour(m)}, {Text: m.id}}
}

func answerColour(r *result) console.Colour {
	switch {
	case r.answer.Status == "published":
		return console.Green
	case r.answer.Status == "duplicate":
		return console.Dim
	case r.answer.StatusCode >= 500:
		return console.Red
	}
	return console.Yellow
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

// summary adds up, and says whether all is well.
func (p *printer) summary(text *strings.Builder, r *report) {
	published, duplicates, deadLettered, refused := r.counts()
	fmt.Fprintf(text, "\n%d delivered in %s: %d published, %s, %d refused, %d dead-lettered\n",
		len(r.results), seconds(r.elapsed), published, plural(duplicates, "duplicate"), refused, deadLettered)
	fmt.Fprintf(text, "%s on the topics: %d on %s, %d on %s\n", plural(len(r.messages), "message"),
		r.on(topicID), topicID, r.on(deadLetterTopicID), deadLetterTopicID)
	for _, stray := range r.strays {
		fmt.Fprintln(text, p.Paint(console.Red, "✗ message "+stray.id+" is of no delivery: "+describe(stray)))
	}
	if r.asExpected() {
		fmt.Fprintln(text, p.Paint(console.Green, "✓ everything as expected"))
	} else {
		fmt.Fprintln(text, p.Paint(console.Red, fmt.Sprintf("✗ not as expected: %s, %s of no delivery",
			plural(r.unexpected(), "delivery"), plural(len(r.strays), "message"))))
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, y := strings.CutSuffix(noun, "y"); y {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
