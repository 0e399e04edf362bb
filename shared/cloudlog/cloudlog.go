// Package cloudlog writes slog records as the JSON lines that Google Cloud's log collectors
// understand, so that severity, time and message of a record become those of the log entry:
//
//	logger := slog.New(cloudlog.NewHandler(os.Stderr, &cloudlog.Options{Project: "my-project"}))
//	http.ListenAndServe(addr, cloudlog.Trace(handler))
//
// A record that is logged with the context of a request (slog's …Context functions) also names the
// request's trace, and the Logs Explorer shows it beneath the request. Elsewhere the lines are
// plain structured JSON.
//
// # Reserved keys
//
// The top-level keys severity, time, message and those that begin with logging.googleapis.com/ have
// a meaning to Cloud Logging, and slog's own msg, level and source are written as such keys. An
// attribute outside any group must not be called like one of them, or the line has the key twice.
//
// The names are those of "Special fields in structured payloads" in the Cloud Logging
// documentation; the levels are those of its LogSeverity.
package cloudlog

import (
	"context"
	"io"
	"log/slog"
	"strconv"

	"github.com/gemhook/gemhook/shared/printable"
)

// The fields of a log entry, as keys of a line.
const (
	severityKey       = "severity"
	messageKey        = "message"
	sourceLocationKey = "logging.googleapis.com/sourceLocation"
	traceKey          = "logging.googleapis.com/trace"
	spanIDKey         = "logging.googleapis.com/spanId"
	traceSampledKey   = "logging.googleapis.com/trace_sampled"
)

// Options are the options of NewHandler. A nil *Options is the zero Options.
type Options struct {
	// Level is the least level that is written; nil means slog.LevelInfo.
	Level slog.Leveler

	// Project is the id of the Google Cloud project that traces are in. Without it no trace is
	// written: its name would be incomplete.
	Project string

	// AddSource adds the place in the source code that logged the record.
	AddSource bool
}

// NewHandler returns a handler that writes each record to w as one line, in a single call of Write.
// It is safe for concurrent use.
//
// A level is written as the greatest of DEBUG, INFO, WARNING and ERROR that is not above it, and as
// DEBUG below that; a time in RFC 3339 with nanoseconds. The trace stays outside of any group, as
// Cloud Logging wants it.
func NewHandler(w io.Writer, opts *Options) slog.Handler {
	if opts == nil {
		opts = &Options{}
	}
	root := slog.NewJSONHandler(escaping{w}, &slog.HandlerOptions{
		Level:       opts.Level,
		AddSource:   opts.AddSource,
		ReplaceAttr: replaceAttr,
	})
	return &handler{root: root, next: root, project: opts.Project}
}

// escaping writes lines of JSON without the control characters that encoding/json lets through
// (DEL, C1, bidirectional marks): whoever posts a request chooses some of what is logged, and the
// line may be read on a terminal.
type escaping struct{ w io.Writer }

func (e escaping) Write(line []byte) (int, error) {
	if _, err := e.w.Write(printable.JSON(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// handler is a JSON handler that can still add attributes outside of the groups that were opened
// since.
type handler struct {
	root    slog.Handler // without attributes and groups
	next    slog.Handler // root after with
	with    []func(slog.Handler) slog.Handler
	project string
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	trace, ok := ctx.Value(traceContextKey{}).(traceContext)
	if !ok || h.project == "" {
		return h.next.Handle(ctx, record)
	}
	next := h.root.WithAttrs(trace.attrs(h.project))
	for _, with := range h.with {
		next = with(next)
	}
	return next.Handle(ctx, record)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.after(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.after(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *handler) after(with func(slog.Handler) slog.Handler) slog.Handler {
	// The full slice expression makes append copy: handlers share their past.
	return &handler{
		root:    h.root,
		next:    with(h.next),
		with:    append(h.with[:len(h.with):len(h.with)], with),
		project: h.project,
	}
}

// replaceAttr gives slog's own attributes Cloud Logging's names and forms.
func replaceAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			return slog.String(severityKey, severity(level))
		}
	case slog.MessageKey:
		a.Key = messageKey
	case slog.SourceKey:
		if source, ok := a.Value.Any().(*slog.Source); ok && source != nil {
			return slog.Any(sourceLocationKey, sourceLocation{
				File:     source.File,
				Line:     strconv.Itoa(source.Line),
				Function: source.Function,
			})
		}
	}
	return a
}

func severity(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "ERROR"
	case level >= slog.LevelWarn:
		return "WARNING"
	case level >= slog.LevelInfo:
		return "INFO"
	default:
		return "DEBUG"
	}
}

// sourceLocation is the LogEntrySourceLocation of the Logging API, whose line is an int64 and so a
// string in JSON.
type sourceLocation struct {
	File     string `json:"file"`
	Line     string `json:"line"`
	Function string `json:"function"`
}
