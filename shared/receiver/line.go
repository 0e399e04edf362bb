package receiver

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/webhook"
)

// A line is the one log line of a delivery, gathered on its way. It never holds a secret, token,
// signature or URL.
type line struct {
	logger  *slog.Logger
	now     func() time.Time
	start   time.Time
	level   slog.Level
	outcome string
	attrs   []slog.Attr // the first is for the outcome
}

// usualAttrs are enough for the line of an accepted delivery.
const usualAttrs = 16

// maxLogged bounds what is logged of a header that nobody may have signed.
const maxLogged = 256

func (r *Receiver) newLine(request *http.Request, at endpoint) *line {
	l := &line{
		logger: r.deps.Log, now: r.options.Now, start: r.options.Now(), level: slog.LevelInfo,
		attrs: make([]slog.Attr, 1, usualAttrs),
	}
	id := request.Header.Get(webhook.HeaderID)
	l.add(slog.String("webhook_id", id[:min(len(id), maxLogged)]))
	if at.tenant != "" {
		l.add(slog.String("tenant", at.tenant))
	}
	return l
}

func (l *line) add(attrs ...slog.Attr) { l.attrs = append(l.attrs, attrs...) }

// time measures a step: defer line.time("claim_ms")().
func (l *line) time(step string) func() {
	begin := l.now()
	return func() { l.add(milliseconds(step, l.now().Sub(begin))) }
}

func (l *line) packed(m *ledger.Message) {
	l.add(slog.String("scheme", m.Scheme), slog.String("type", m.Type))
}

func (l *line) claimed(claim *ledger.Claim) {
	l.add(slog.Int("attempt", claim.Attempt), slog.Bool("redelivered", claim.Redelivered()))
}

// unsettled records that the event is on the topic and that the ledger does not know it.
func (l *line) unsettled(err error) {
	l.level = slog.LevelWarn
	l.add(slog.String("settle_error", err.Error()))
}

func (l *line) succeeded(answer *success) {
	l.outcome = answer.Status
	if answer.Status == string(ledger.DeadLettered) {
		l.level = slog.LevelWarn
	}
	l.add(slog.Int("status", http.StatusOK), slog.String("message_id", answer.MessageID))
}

func (l *line) failed(f failure) {
	l.outcome, l.level = f.code, slog.LevelWarn
	if f.status >= http.StatusInternalServerError {
		l.level = slog.LevelError
	}
	l.add(slog.Int("status", f.status), slog.String("error", f.cause.Error()))
}

func (l *line) log(ctx context.Context) {
	l.attrs[0] = slog.String("outcome", l.outcome)
	l.add(milliseconds("duration_ms", l.now().Sub(l.start)))
	l.logger.LogAttrs(ctx, l.level, "delivery", l.attrs...)
}

func milliseconds(name string, d time.Duration) slog.Attr {
	return slog.Float64(name, float64(d.Microseconds())/1000)
}
