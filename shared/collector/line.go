package collector

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

// line is the one log line of an event, gathered on its way. It never holds a token, a key or a
// URL.
type line struct {
	now     func() time.Time
	start   time.Time
	level   slog.Level
	outcome string
	attrs   []slog.Attr
}

// maxLogged bounds what is logged of a value, in bytes.
const maxLogged = 256

func (l *line) add(name, value string) {
	l.attrs = append(l.attrs, slog.String(name, value[:min(len(value), maxLogged)]))
}

// time measures a step: defer line.time("claim_ms")().
func (l *line) time(step string) func() {
	begin := l.now()
	return func() { l.attrs = append(l.attrs, milliseconds(step, l.now().Sub(begin))) }
}

func (l *line) event(event *pushed) {
	l.add("webhook_id", event.attributes["ce-id"])
	l.add("type", event.eventType)
	l.add("resource_id", event.resourceID)
	if event.tenant != "" {
		l.add("tenant", event.tenant)
	}
}

func (l *line) result(result *result) {
	l.outcome = outcomeCollected
	if result.unavailable {
		l.outcome, l.level = outcomeUnavailable, slog.LevelWarn
	}
	if result.Reason != "" {
		l.add("reason", result.Reason)
	}
	l.attrs = append(l.attrs, slog.Int("objects", len(result.Objects)))
}

func (l *line) published(messageID string, claim *ledger.Claim) {
	l.attrs = append(l.attrs, slog.String("message_id", messageID), slog.Int("attempt", claim.Attempt), slog.Bool("redelivered", claim.Redelivered()))
}

// unsettled notes that the message is on the topic and the ledger does not know.
func (l *line) unsettled(err error) {
	l.level = slog.LevelWarn
	l.attrs = append(l.attrs, slog.String("settle_error", err.Error()))
}

func (l *line) failed(status int, code string, err error) {
	l.outcome, l.level = code, slog.LevelWarn
	if status >= http.StatusInternalServerError {
		l.level = slog.LevelError
	}
	l.attrs = append(l.attrs, slog.Int("status", status), slog.String("error", err.Error()))
}

func (l *line) log(ctx context.Context, log *slog.Logger) {
	l.attrs = append([]slog.Attr{slog.String("outcome", l.outcome)}, l.attrs...)
	l.attrs = append(l.attrs, milliseconds("duration_ms", l.now().Sub(l.start)))
	log.LogAttrs(ctx, l.level, "collection", l.attrs...)
}
