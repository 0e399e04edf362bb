package dev

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/standin"
)

// sample returns the results of a published event and of its repetition, both as expected, and the
// event's message.
func sample() (results []*result, messages []message) {
	signed := standin.Delivery{ID: "msg_1", Scheme: standin.SchemeV1, Body: []byte("body")}
	answered := func(status string) *standin.Answer {
		return &standin.Answer{StatusCode: 200, Status: status, WebhookID: "msg_1", MessageID: "7"}
	}
	return []*result{
			{delivery: delivery{what: "first", signed: signed, want: published("batch.failed")}, answer: answered("published")},
			{delivery: delivery{what: "again", signed: signed, want: expectation{status: 200, outcome: "duplicate"}}, answer: answered("duplicate")},
		}, []message{
			{topic: topicID, id: "7", webhookID: "msg_1", eventType: "batch.failed", data: []byte("body")},
		}
}

// TestReportFindsWhatIsWrong changes one thing of the sample, and wants the fault to be named.
func TestReportFindsWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(results []*result, messages []message) []message
		want   [2][]string // faults
		strays int
	}{
		{name: "nothing",
			change: func(_ []*result, m []message) []message { return m }},
		{name: "the message is missing",
			change: func([]*result, []message) []message { return nil },
			want:   [2][]string{{"expected one message, batch.failed on gemini-events"}}},
		{name: "the repetition published a copy",
			change: func(_ []*result, m []message) []message {
				copied := m[0]
				copied.id = "8"
				return append(m, copied)
			},
			want: [2][]string{1: {"expected nothing on the topics"}}},
		{name: "another type",
			change: func(_ []*result, m []message) []message { m[0].eventType = "batch.expired"; return m },
			want:   [2][]string{{"expected batch.failed"}}},
		{name: "another topic",
			change: func(_ []*result, m []message) []message { m[0].topic = deadLetterTopicID; return m },
			want:   [2][]string{{"it is on gemini-dead-letters, expected it on gemini-events"}}},
		{name: "marked as a redelivery",
			change: func(_ []*result, m []message) []message { m[0].redelivered = true; return m },
			want:   [2][]string{{"expected no mark of a redelivery: it is the first"}}},
		{name: "other bytes",
			change: func(_ []*result, m []message) []message { m[0].data = []byte("body "); return m },
			want:   [2][]string{{"expected the very bytes that were sent"}}},
		{name: "the answer failed",
			change: func(r []*result, m []message) []message {
				r[0].answer = &standin.Answer{StatusCode: 503, Error: "topic_unavailable"}
				r[1].signed.ID = "msg_2"
				return m
			},
			want: [2][]string{{"expected the answer 200 published"}}},
		{name: "the answer names another message",
			change: func(r []*result, m []message) []message {
				r[0].answer.MessageID = "9"
				r[1].signed.ID = "msg_2"
				return m
			},
			want: [2][]string{{"expected the message that the answer names, 9"}}},
		{name: "a message of no delivery",
			change: func(_ []*result, m []message) []message {
				return append(m, message{topic: topicID, id: "8", webhookID: "msg_3"})
			},
			strays: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			results, messages := sample()
			r := newReport(results, test.change(results, messages), 0)
			for i, want := range test.want {
				if !slices.Equal(r.results[i].faults, want) {
					t.Errorf("faults of %s: %q, want %q", r.results[i].what, r.results[i].faults, want)
				}
			}
			if len(r.strays) != test.strays {
				t.Errorf("%d strays, want %d", len(r.strays), test.strays)
			}
			wantGood := len(test.want[0])+len(test.want[1])+test.strays == 0
			if r.asExpected() != wantGood {
				t.Errorf("asExpected is %t", r.asExpected())
			}
		})
	}
}

// A delivery with several messages has a line for each, and colour changes neither text nor
// alignment.
func TestColourAddsOnlyColour(t *testing.T) {
	results, messages := sample()
	marked := messages[0]
	marked.id, marked.redelivered = "8", true
	results[1].answer = &standin.Answer{StatusCode: 503, Error: "topic_unavailable"}
	report := newReport(results, append(messages, marked, message{id: "9", eventType: "stray"}), 0)

	render := func(coloured bool) string {
		var out strings.Builder
		force := map[bool]string{true: "1"}[coloured]
		p := &printer{Console: console.New(&out, io.Discard, func(name string) string {
			return map[string]string{"CLICOLOR_FORCE": force}[name]
		})}
		p.report(report)
		return out.String()
	}
	without, with := render(false), render(true)
	if strings.Contains(without, "\x1b") {
		t.Error("colour where it is off")
	}
	if !strings.Contains(with, "\x1b[32m✓\x1b[0m first") || !strings.Contains(with, "\x1b[31m✗\x1b[0m again") {
		t.Errorf("the marks are not coloured: %q", with)
	}
	if stripped := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(with, ""); stripTrailing(stripped) != stripTrailing(without) {
		t.Errorf("coloured:\n%s\nplain:\n%s", stripped, without)
	}
	for _, want := range []string{"batch.failed  ", "batch.failed, redelivered", "✗ message 9 is of no delivery: stray\n"} {
		if !strings.Contains(without, want) {
			t.Errorf("%q is not in\n%s", want, without)
		}
	}
}

// plainPrinter prints without colour.
func plainPrinter(out io.Writer) *printer {
	return &printer{Console: console.New(out, io.Discard, func(string) string { return "" })}
}

func stripTrailing(text string) string {
	return regexp.MustCompile(` +\n`).ReplaceAllString(text, "\n")
}
