package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/listen"
	"github.com/gemhook/gemhook/shared/ledger"
)

// listened is an attempt as "listen" prints it for programs.
type listened struct {
	Time       time.Time `json:"time"`
	MessageID  string    `json:"message_id"`
	WebhookID  string    `json:"webhook_id"`
	Type       string    `json:"type"`
	Tenant     string    `json:"tenant"`
	ResourceID string    `json:"resource_id"`
	FromLedger bool      `json:"from_ledger"`
	Attempt    int       `json:"attempt"` // 0 if it was sent again by hand
	Reason     string    `json:"reason"`  // why there is another attempt
	Handled    bool      `json:"handled"`
	Status     int       `json:"status"` // 0 if there was no answer
	Error      string    `json:"error"`
	TookMS     int64     `json:"took_ms"`
	RetryInMS  int64     `json:"retry_in_ms"`
}

// listenLines prints a line for each attempt.
type listenLines struct {
	console *console.Console
	now     func() time.Time
}

func (l *listenLines) print(a *listen.Attempt) error {
	line := &listened{
		Time: a.At, MessageID: a.ID, WebhookID: a.Attributes["ce-id"], Type: a.Attributes["ce-type"], Tenant: a.Attributes["ce-tenant"],
		ResourceID: a.Attributes["ce-subject"], FromLedger: a.FromLedger, Attempt: a.Number, Reason: a.Reason,
		Handled: handler.Accepted(&a.Attempt), Status: a.Answer.StatusCode, Error: a.Answer.Err,
		TookMS: a.Answer.Took.Milliseconds(), RetryInMS: a.Retry.Milliseconds(),
	}
	return l.console.PrintLine(line, func() string { return l.text(a) })
}

// text is an attempt on one line.
func (l *listenLines) text(a *listen.Attempt) string {
	c := l.console
	fields := []string{
		c.Paint(console.Dim, a.At.UTC().Format(clockLayout)),
		console.Pad(console.OneLine(a.Attributes["ce-type"]), 27),
	}
	if tenant := a.Attributes["ce-tenant"]; tenant != "" {
		fields = append(fields, c.Paint(console.Cyan, console.OneLine(tenant)))
	}
	for _, name := range []string{"ce-subject", "ce-id"} {
		if value := a.Attributes[name]; value != "" {
			fields = append(fields, console.OneLine(value))
		}
	}
	if a.Attributes[ledger.RedeliveredAttribute] == "true" {
		fields = append(fields, c.Paint(console.Yellow, "redelivered"))
	}
	colour := console.Green
	if !handler.Accepted(&a.Attempt) {
		colour = console.Red
	}
	fields = append(fields, c.Paint(colour, console.OneLine(handler.Outcome(&a.Attempt))))
	if a.Answer.StatusCode > 0 {
		fields = append(fields, fmt.Sprintf("%d ms", a.Answer.Took.Milliseconds()))
	}
	if why := why(a); why != "" {
		fields = append(fields, c.Paint(console.Yellow, why))
	}
	return strings.Join(fields, "  ")
}

// why says which attempt it is, for what reason, and when there is another.
func why(a *listen.Attempt) string {
	var parts []string
	switch {
	case a.Number > 1:
		parts = append(parts, "attempt "+strconv.Itoa(a.Number)+", after "+console.OneLine(a.Reason))
	case a.Reason != "":
		parts = append(parts, console.OneLine(a.Reason))
	}
	if a.Retry > 0 {
		parts = append(parts, "again in "+a.Retry.Round(100*time.Millisecond).String())
	}
	return strings.Join(parts, "; ")
}
