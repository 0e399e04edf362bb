package dev

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A cell is a piece of text in a column.
type cell struct {
	text   string
	colour colour
}

// A row is one line of the table.
type row struct {
	heading string // above the row; empty: none
	mark    cell
	cells   []cell
	below   []string // faults
}

const columnGap = "  "

// report prints the table, a summary and the verdict.
func (p *printer) report(r *report) {
	rows := []row{{cells: []cell{
		{"DELIVERY", bold}, {"SIGNED", bold}, {"ANSWER", bold}, {"TOPIC RECEIVED", bold}, {"MESSAGE", bold},
	}}}
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
	p.table(&text, rows)
	p.summary(&text, r)
	p.line(text.String())
}

// table aligns the columns of all rows.
func (p *printer) table(text *strings.Builder, rows []row) {
	widths := make([]int, len(rows[0].cells))
	for _, row := range rows {
		for i, cell := range row.cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell.text))
		}
	}
	for _, row := range rows {
		if row.heading != "" {
			fmt.Fprintf(text, "\n  %s\n", p.paint(dim, row.heading))
		}
		mark := row.mark.text
		if mark == "" {
			mark = " "
		}
		line := p.paint(row.mark.colour, mark) + " "
		for i, cell := range row.cells {
			if i > 0 {
				line += columnGap
			}
			line += p.paint(cell.colour, cell.text) + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell.text))
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
		for _, fault := range row.below {
			fmt.Fprintf(text, "    %s\n", p.paint(red, "↑ "+fault))
		}
	}
}

// resultRows are the lines of one delivery: more than one only if it has several messages.
func resultRows(r *result) []row {
	answer := cell{fmt.Sprintf("%d %s", r.answer.StatusCode, r.outcome()), answerColour(r)}
	received := r.received
	first := row{
		mark:  cell{"✓", green},
		cells: append([]cell{{r.what, plain}, {r.signed.Scheme, plain}, answer}, messageCells(received)...),
	}
	if len(r.faults) > 0 {
		first.mark = cell{"✗", red}
	}
	rows := []row{first}
	for len(received) > 1 {
		received = received[1:]
		rows = append(rows, row{cells: append(make([]cell, 3), messageCells(received)...)})
	}
	rows[len(rows)-1].below = r.faults
	return rows
}

// messageCells show the first of the messages.
func messageCells(received []message) []cell {
	if len(received) == 0 {
		return []cell{{"nothing", dim}, {}}
	}
	m := received[0]
	return []cell{{describe(m), messageColour(m)}, {m.id, plain}}
}

func answerColour(r *result) colour {
	switch {
	case r.answer.Status == "published":
		return green
	case r.answer.Status == "duplicate":
		return dim
	case r.answer.StatusCode >= 500:
		return red
	}
	return yellow
}

func messageColour(m message) colour {
	if m.redelivered || m.topic != topicID {
		return yellow
	}
	return plain
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
		fmt.Fprintln(text, p.paint(red, "✗ message "+stray.id+" is of no delivery: "+describe(stray)))
	}
	if r.asExpected() {
		fmt.Fprintln(text, p.paint(green, "✓ everything as expected"))
	} else {
		fmt.Fprintln(text, p.paint(red, fmt.Sprintf("✗ not as expected: %s, %s of no delivery",
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

// pad fills text up with spaces to a width in characters.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
