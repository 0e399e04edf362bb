package dev

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// A report is what came of all deliveries.
type report struct {
	results  []*result
	messages []message     // on the topics
	strays   []message     // those of no delivery
	elapsed  time.Duration // until the last answer
	handler  string        // URL of the local handler; empty: there is none
}

// A result is what came of one delivery.
type result struct {
	delivery
	answer   *standin.Answer // nil: it was lost on the way
	again    *standin.Answer // to the same, sent a second time; nil: it was sent once
	received []message       // what the topics received of it
	faults   []string        // what is not as expected
}

// newResult returns the result of a delivery with its answers, one for each time that it was sent.
func newResult(of delivery, answers []*standin.Answer) *result {
	r := &result{delivery: of}
	if len(answers) > 0 {
		r.answer = answers[0]
	}
	if len(answers) > 1 {
		r.again = answers[1]
	}
	return r
}

// newReport finds the delivery of each message and compares all with what was expected.
func newReport(results []*result, messages []message, elapsed time.Duration) *report {
	r := &report{results: results, messages: messages, elapsed: elapsed}
	for _, m := range messages {
		if of := r.find(m); of != nil {
			of.received = append(of.received, m)
		} else {
			r.strays = append(r.strays, m)
		}
	}
	for _, result := range results {
		result.check()
	}
	return r
}

// find returns the result that a message belongs to by its webhook-id. Where several deliveries
// share one, it is the first whose answer named the message, and the last for a message that no
// answer named.
func (r *report) find(m message) *result {
	var found *result
	for _, result := range r.results {
		if result.signed.ID != m.webhookID {
			continue
		}
		if result.answer != nil && result.answer.MessageID == m.id {
			return result
		}
		found = result
	}
	return found
}

// asExpected reports whether everything was as expected.
func (r *report) asExpected() bool { return r.unexpected() == 0 && len(r.strays) == 0 }

// unexpected counts the results that are not as expected.
func (r *report) unexpected() int {
	return r.count(func(result *result) bool { return len(result.faults) > 0 })
}

func (r *report) count(is func(*result) bool) int {
	n := 0
	for _, result := range r.results {
		if is(result) {
			n++
		}
	}
	return n
}

// A count is how many answers there were of each kind, and how many deliveries were lost.
type count struct{ delivered, published, duplicates, deadLettered, refused, lost int }

// counts counts the answers; refused is every answer that is not a 2xx.
func (r *report) counts() (c count) {
	for _, result := range r.results {
		if result.answer == nil {
			c.lost++
			continue
		}
		for _, answer := range []*standin.Answer{result.answer, result.again} {
			if answer == nil {
				continue
			}
			c.delivered++
			switch {
			case !answer.Acknowledged():
				c.refused++
			case answer.Status == "published":
				c.published++
			case answer.Status == "duplicate":
				c.duplicates++
			case answer.Status == "dead_lettered":
				c.deadLettered++
			}
		}
	}
	return c
}

// handled counts the messages that the local handler has got, and accepted.
func (r *report) handled() (got, accepted int) {
	for _, m := range r.messages {
		if m.handled != "" {
			got++
		}
		if m.accepted {
			accepted++
		}
	}
	return got, accepted
}

// on counts the messages on one topic.
func (r *report) on(topic string) int {
	n := 0
	for _, m := range r.messages {
		if m.topic == topic {
			n++
		}
	}
	return n
}

// outcome is an answer's status or error code.
func outcome(answer *standin.Answer) string { return cmp.Or(answer.Error, answer.Status) }

func (r *result) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *result) check() {
	if r.answer == nil {
		if len(r.received) > 0 {
			r.fault("expected nothing on the topics")
		}
		return
	}
	if r.answer.StatusCode != r.want.status || outcome(r.answer) != r.want.outcome {
		r.fault("expected the answer %d %s", r.want.status, r.want.outcome)
	}
	if wanted := r.want.repeated(); r.again != nil && outcome(r.again) != wanted {
		r.fault("expected the second to be answered %s", wanted)
	}
	switch {
	case r.want.topic == "" && len(r.received) > 0:
		r.fault("expected nothing on the topics")
	case r.want.topic != "" && len(r.received) != 1:
		r.fault("expected one message, %s on %s", r.want.eventType, r.want.topic)
	case r.want.topic != "":
		r.checkMessage(r.received[0])
	}
}

func (r *result) checkMessage(m message) {
	if m.eventType != r.want.eventType {
		r.fault("expected %s", r.want.eventType)
	}
	if m.topic != r.want.topic {
		r.fault("it is on %s, expected it on %s", m.topic, r.want.topic)
	}
	if m.redelivered {
		r.fault("expected no mark of a redelivery: it is the first")
	}
	if r.answer.StatusCode == http.StatusOK && m.id != r.answer.MessageID {
		r.fault("expected the message that the answer names, %s", r.answer.MessageID)
	}
	// A token's message has its claims, not the body.
	if r.signed.Scheme != standin.SchemeJWT && !bytes.Equal(m.data, r.signed.Body) {
		r.fault("expected the very bytes that were sent")
	}
}
