package page

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/explain"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// A summary is a record in the list. Every text in it is as visible returns it.
type summary struct {
	ID      string    `json:"id"`
	Version uint64    `json:"version"`
	At      time.Time `json:"at"`
	// Standing groups outcomes: "accepted", "refused", "dead letter", "unavailable" (a retry cures
	// it) or "under way".
	Standing  string `json:"standing"`
	Outcome   string `json:"outcome"`
	Status    int    `json:"status,omitempty"` // of the receiver's answer
	WebhookID string `json:"webhook_id"`
	Tenant    string `json:"tenant"`
	Scheme    string `json:"scheme"`
	Type      string `json:"type"`
	Subject   string `json:"subject"`
	Attempts  int    `json:"attempts,omitempty"`
	Handled   bool   `json:"handled,omitempty"` // by the local handler
	Marked    bool   `json:"marked,omitempty"`
}

func summarize(r *inspect.Record) summary {
	s := summary{
		ID: r.ID, Version: r.Version, At: r.At, Standing: standing(r), Outcome: text(r.Outcome), WebhookID: text(r.WebhookID),
		Tenant: text(r.Tenant), Scheme: text(r.Scheme), Type: text(r.Type), Subject: text(r.Subject), Attempts: len(r.Attempts),
	}
	if r.Answer != nil {
		s.Status = r.Answer.StatusCode
	}
	if s.Attempts > 0 {
		last := r.Attempts[s.Attempts-1].Answer.StatusCode
		s.Handled = last >= 200 && last <= 299
	}
	for i := range r.Messages {
		s.Marked = s.Marked || r.Messages[i].Attributes[ledger.RedeliveredAttribute] == "true"
	}
	return s
}

// maxName bounds a text of the list, in bytes: an unsigned header can be long.
const maxName = 300

// text is a short text from outside, on one line.
func text(from string) string {
	shown := visible([]byte(strings.NewReplacer("\n", "⟦U+000A⟧", "\t", "⟦U+0009⟧").Replace(from[:min(len(from), maxName)])))
	if len(from) > maxName {
		shown += "…"
	}
	return shown
}

func standing(r *inspect.Record) string {
	switch {
	case r.Outcome == string(ledger.DeadLettered):
		return "dead letter"
	case r.Answer != nil && r.Answer.StatusCode >= 200 && r.Answer.StatusCode <= 299, r.Outcome == string(ledger.Published):
		return "accepted"
	case r.Answer != nil && (r.Answer.StatusCode >= 500 || r.Answer.StatusCode == http.StatusConflict), r.Outcome == string(ledger.Released):
		return "unavailable"
	case r.Answer != nil:
		return "refused"
	}
	return "under way"
}

// A detail is all of a record. Every text in it is as visible returns it, except that to be edited.
type detail struct {
	summary
	Verification *explain.Report `json:"verification,omitempty"`
	Request      *exchange       `json:"request,omitempty"`
	Answer       *exchange       `json:"answer,omitempty"`
	Timings      []timing        `json:"timings,omitempty"`
	Documents    []change        `json:"documents,omitempty"`
	Messages     []message       `json:"messages,omitempty"`
	Attempts     []attempt       `json:"handled_by,omitempty"`
	Objects      []pair          `json:"objects,omitempty"`
}

type pair [2]string

// An exchange is one half of an HTTP request and its answer.
type exchange struct {
	Line    string  `json:"line"`
	Took    float64 `json:"took_ms,omitempty"`
	Headers []pair  `json:"headers,omitempty"`
	Body    *body   `json:"body,omitempty"`
}

type timing struct {
	Step string  `json:"step"`
	Took float64 `json:"took_ms"`
}

// A change is the ledger's document after one change.
type change struct {
	At     time.Time `json:"at"`
	After  float64   `json:"after_ms"` // since the change before
	State  string    `json:"state"`
	Fields []pair    `json:"fields"`
}

type message struct {
	ID         string `json:"id"`
	Topic      string `json:"topic"`
	Published  string `json:"published"`
	Attributes []pair `json:"attributes"`
	Data       *body  `json:"data"`
}

type attempt struct {
	At      time.Time `json:"at"`
	Reason  string    `json:"reason,omitempty"`
	Request *exchange `json:"request"`
	Answer  *exchange `json:"answer"`
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func describe(r *inspect.Record, limit int) *detail {
	d := &detail{summary: summarize(r)}
	if r.Request != nil {
		d.Request = &exchange{
			Line: "POST " + text(masked(r.Request.Path)), Headers: headers(r.Request.Header), Body: newBody(r.Request.Body, limit),
		}
	}
	if r.Answer != nil {
		d.Answer = answer(r.Answer, limit)
	}
	for _, t := range r.Timings {
		d.Timings = append(d.Timings, timing{t.Step, milliseconds(t.Took)})
	}
	for i := range r.Documents {
		d.Documents = append(d.Documents, changed(r.Documents, i))
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		d.Messages = append(d.Messages, message{
			ID: text(m.ID), Topic: text(m.Topic), Published: stamp(m.PublishTime), Attributes: pairs(m.Attributes), Data: newBody(m.Data, limit),
		})
	}
	for i := range r.Attempts {
		a := &r.Attempts[i]
		d.Attempts = append(d.Attempts, attempt{
			At: a.At, Reason: text(a.Reason), Answer: answer(&a.Answer, limit),
			Request: &exchange{Line: "POST " + text(a.URL), Headers: headers(a.Request.Header), Body: newBody(a.Request.Body, limit)},
		})
	}
	for _, o := range r.Objects {
		d.Objects = append(d.Objects, pair{text(o.URI), text(o.ContentType) + ", " + strconv.FormatInt(o.Bytes, 10) + " bytes"})
	}
	return d
}

func answer(a *inspect.Answer, limit int) *exchange {
	if a.Err != "" {
		return &exchange{Line: "no answer: " + text(a.Err), Took: milliseconds(a.Took)}
	}
	return &exchange{
		Line: strconv.Itoa(a.StatusCode) + " " + http.StatusText(a.StatusCode), Took: milliseconds(a.Took),
		Headers: headers(a.Header), Body: newBody(a.Body, limit),
	}
}

// masked returns a path without the token of a dynamic URL, with which anyone who sees the screen
// could deliver.
func masked(path string) string {
	rest, dynamic := strings.CutPrefix(path, tenant.PathPrefix)
	name, _, hasToken := strings.Cut(rest, "/")
	if !dynamic || !hasToken {
		return path
	}
	return tenant.PathPrefix + name + "/…"
}

func headers(header http.Header) []pair {
	var lines []pair
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			lines = append(lines, pair{text(strings.ToLower(name)), visible([]byte(value))})
		}
	}
	return lines
}

func pairs(attributes map[string]string) []pair {
	var lines []pair
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		lines = append(lines, pair{text(name), visible([]byte(attributes[name]))})
	}
	return lines
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// changed describes a document after its i-th change.
func changed(documents []inspect.Document, i int) change {
	d := &documents[i]
	settled := ""
	if d.SettledAt != nil {
		settled = stamp(*d.SettledAt)
	}
	c := change{At: d.At, State: text(string(d.State))}
	if i > 0 {
		c.After = milliseconds(d.At.Sub(documents[i-1].At))
	}
	for _, field := range []pair{
		{"attempt", strconv.Itoa(d.Attempt)}, {"received_at", stamp(d.ReceivedAt)}, {"lease_expires_at", stamp(d.LeaseExpiresAt)},
		{"settled_at", settled}, {"topic", text(d.Topic)}, {"message_id", text(d.MessageID)}, {"webhook_id", text(d.WebhookID)},
		{"tenant", text(d.Tenant)}, {"scheme", text(d.Scheme)}, {"type", text(d.Type)}, {"resource_id", text(d.ResourceID)},
		{"payload", strconv.Itoa(len(d.Payload)) + " bytes"}, {"attributes", strconv.Itoa(len(d.Attributes))}, {"expires_at", stamp(d.ExpiresAt)},
	} {
		if field[1] != "" {
			c.Fields = append(c.Fields, field)
		}
	}
	return c
}

// verification returns the verdict on a record's request or, where only the ledger's document is
// known, on what that holds.
func (p *Page) verification(ctx context.Context, r *inspect.Record) *explain.Report {
	if r.Request == nil && (len(r.Documents) == 0 || r.Scheme == string(webhook.SchemeJWT)) {
		return nil
	}
	report := p.options.Verify(ctx, r)
	if report == nil {
		return nil
	}
	shown := *report
	shown.Message, shown.Attributes = visible([]byte(report.Message)), nil
	shown.Steps = slices.Clone(report.Steps)
	for i := range shown.Steps {
		shown.Steps[i].Detail = visible([]byte(shown.Steps[i].Detail))
	}
	return &shown
}
