package cloudlog

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// traceContext is the trace that a request names. Its strings are lower-case hexadecimal, whatever
// the header held.
type traceContext struct {
	traceID string // 32 digits
	spanID  string // 16 digits, or empty
	sampled bool
}

type traceContextKey struct{}

func (t traceContext) attrs(project string) []slog.Attr {
	attrs := []slog.Attr{slog.String(traceKey, "projects/"+project+"/traces/"+t.traceID)}
	if t.spanID != "" {
		attrs = append(attrs, slog.String(spanIDKey, t.spanID))
	}
	return append(attrs, slog.Bool(traceSampledKey, t.sampled))
}

// WithTrace returns a context whose records carry the trace that a request's header names:
// traceparent of W3C Trace Context or, if that is missing or malformed, X-Cloud-Trace-Context.
// Without either it returns ctx itself.
//
// A client can choose its header, and so the trace that its records appear in. It can choose
// nothing else: a header that is not exactly of its form, or is there twice, is ignored.
func WithTrace(ctx context.Context, header http.Header) context.Context {
	trace, ok := parseTraceparent(only(header.Values("Traceparent")))
	if !ok {
		trace, ok = parseCloudTraceContext(only(header.Values("X-Cloud-Trace-Context")))
	}
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, traceContextKey{}, trace)
}

// Trace returns a handler that calls h with each request's trace in the request's context, as
// WithTrace puts it there.
func Trace(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx := WithTrace(r.Context(), r.Header); ctx != r.Context() {
			r = r.WithContext(ctx)
		}
		h.ServeHTTP(w, r)
	})
}

// only returns the value of a header that must be there once.
func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// Digits are lower case and versions above 00 may go on after a dash:
// https://www.w3.org/TR/trace-context/#traceparent-header.
var traceparentForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\A([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\z`)
})

func parseTraceparent(value string) (traceContext, bool) {
	m := traceparentForm().FindStringSubmatch(value)
	if m == nil || m[1] == "ff" || m[1] == "00" && m[5] != "" || zeros(m[2]) || zeros(m[3]) {
		return traceContext{}, false
	}
	return traceContext{traceID: m[2], spanID: m[3], sampled: odd(m[4])}, true
}

// TRACE_ID[/SPAN_ID][;o=OPTIONS], with the span in decimal where log entries have it in
// hexadecimal: https://cloud.google.com/trace/docs/trace-context.
var cloudTraceForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\A([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]))?\z`)
})

func parseCloudTraceContext(value string) (traceContext, bool) {
	m := cloudTraceForm().FindStringSubmatch(value)
	if m == nil || zeros(m[1]) {
		return traceContext{}, false
	}
	trace := traceContext{traceID: strings.ToLower(m[1]), sampled: m[3] != "" && odd(m[3])}
	if m[2] != "" {
		span, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil {
			return traceContext{}, false
		}
		if span != 0 {
			trace.spanID = fmt.Sprintf("%016x", span)
		}
	}
	return trace, true
}

func zeros(digits string) bool {
	return strings.Trim(digits, "0") == ""
}

// odd reports whether the lowest bit of hexadecimal flags is set, which in both headers is the one
// for a sampled trace.
func odd(digits string) bool {
	return strings.ContainsAny(digits[len(digits)-1:], "13579bdf")
}
