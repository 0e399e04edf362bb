package cloudlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/cloudlog"
)

const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

func traced(t *testing.T) context.Context {
	t.Helper()
	return cloudlog.WithTrace(t.Context(), http.Header{"Traceparent": {"00-" + traceID + "-00f067aa0ba902b7-01"}})
}

// line decodes the only line that was written.
func line(t *testing.T, buf *bytes.Buffer) map[string]any {
	t.Helper()
	return lineOf(t, buf.Bytes())
}

func lineOf(t testing.TB, written []byte) map[string]any {
	t.Helper()
	text, rest, ended := bytes.Cut(written, []byte("\n"))
	if !ended || len(rest) > 0 {
		t.Fatalf("not exactly one line: %q", written)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("line is not JSON: %v", err)
	}
	return got
}

func TestSlogContract(t *testing.T) {
	for name, ctx := range map[string]context.Context{"without trace": context.Background(), "with trace": traced(t)} {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				buf.Reset()
				return inContext{cloudlog.NewHandler(&buf, &cloudlog.Options{Project: "p"}), ctx}
			}, func(t *testing.T) map[string]any {
				got := line(t, &buf)
				rename(got, "severity", slog.LevelKey)
				rename(got, "message", slog.MessageKey)
				return got
			})
		})
	}
}

// inContext handles every record in ctx: slogtest has only its own.
type inContext struct {
	slog.Handler
	ctx context.Context
}

func (h inContext) Handle(_ context.Context, r slog.Record) error { return h.Handler.Handle(h.ctx, r) }
func (h inContext) WithAttrs(attrs []slog.Attr) slog.Handler {
	return inContext{h.Handler.WithAttrs(attrs), h.ctx}
}
func (h inContext) WithGroup(name string) slog.Handler {
	return inContext{h.Handler.WithGroup(name), h.ctx}
}

func rename(m map[string]any, from, to string) {
	if v, ok := m[from]; ok {
		delete(m, from)
		m[to] = v
	}
}

func TestSeverity(t *testing.T) {
	tests := []struct {
		level slog.Level
		want  string
	}{
		{slog.LevelDebug - 4, "DEBUG"}, {slog.LevelDebug, "DEBUG"}, {slog.LevelInfo - 1, "DEBUG"},
		{slog.LevelInfo, "INFO"}, {slog.LevelWarn - 1, "INFO"},
		{slog.LevelWarn, "WARNING"}, {slog.LevelError - 1, "WARNING"},
		{slog.LevelError, "ERROR"}, {slog.LevelError + 8, "ERROR"},
	}
	for _, test := range tests {
		t.Run(test.level.String(), func(t *testing.T) {
			var buf bytes.Buffer
			logger := slog.New(cloudlog.NewHandler(&buf, &cloudlog.Options{Level: slog.Level(-100)}))
			logger.Log(t.Context(), test.level, "x")
			if got := line(t, &buf)["severity"]; got != test.want {
				t.Errorf("severity %v, want %v", got, test.want)
			}
		})
	}
}

func TestLevel(t *testing.T) {
	var level slog.LevelVar
	h := cloudlog.NewHandler(&bytes.Buffer{}, &cloudlog.Options{Level: &level}).WithGroup("g")
	for _, min := range []slog.Level{slog.LevelWarn, slog.LevelDebug} {
		level.Set(min)
		if h.Enabled(t.Context(), min-1) || !h.Enabled(t.Context(), min) {
			t.Errorf("with level %v: Enabled(%v), Enabled(%v) = %v, %v, want false, true", min, min-1, min,
				h.Enabled(t.Context(), min-1), h.Enabled(t.Context(), min))
		}
	}
	if h := cloudlog.NewHandler(&bytes.Buffer{}, nil); h.Enabled(t.Context(), slog.LevelDebug) || !h.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("without options the least level is not INFO")
	}
}

func TestLine(t *testing.T) {
	var buf bytes.Buffer
	h := cloudlog.NewHandler(&buf, &cloudlog.Options{Project: "my-project", AddSource: true})
	pc, file, lineNumber, _ := runtime.Caller(0)
	r := slog.NewRecord(time.Date(2026, 1, 22, 12, 0, 0, 123456789, time.UTC), slog.LevelWarn, "delivery \"refused\"\n", pc)
	r.AddAttrs(slog.Int("attempt", 2), slog.Group("http", slog.String("level", "kept"), slog.String("msg", "kept")))
	if err := h.WithAttrs([]slog.Attr{slog.String("tenant", "acme")}).Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"time":     "2026-01-22T12:00:00.123456789Z",
		"severity": "WARNING",
		"message":  "delivery \"refused\"\n",
		"tenant":   "acme",
		"attempt":  2.0,
		"http":     map[string]any{"level": "kept", "msg": "kept"},
		"logging.googleapis.com/sourceLocation": map[string]any{
			"file": file, "line": strconv.Itoa(lineNumber), "function": runtime.FuncForPC(pc).Name(),
		},
	}
	if diff := cmp.Diff(want, line(t, &buf)); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestTraceStaysAtTheTop(t *testing.T) {
	var buf bytes.Buffer
	base := slog.New(cloudlog.NewHandler(&buf, &cloudlog.Options{Project: "my-project"})).With("a", 1)
	grouped := base.WithGroup("g").With("b", 2).WithGroup("h")
	trace := map[string]any{
		"logging.googleapis.com/trace":         "projects/my-project/traces/" + traceID,
		"logging.googleapis.com/spanId":        "00f067aa0ba902b7",
		"logging.googleapis.com/trace_sampled": true,
	}
	rest := map[string]any{
		"severity": "INFO", "message": "m", "a": 1.0,
		"g": map[string]any{"b": 2.0, "h": map[string]any{"c": 3.0}},
	}
	// The trace belongs only to this record: those before and after it have none.
	for _, ctx := range []context.Context{t.Context(), traced(t), t.Context()} {
		buf.Reset()
		grouped.InfoContext(ctx, "m", "c", 3)
		got := line(t, &buf)
		delete(got, "time")
		want := map[string]any{}
		for k, v := range rest {
			want[k] = v
		}
		if ctx != t.Context() {
			for k, v := range trace {
				want[k] = v
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("line (-want +got):\n%s", diff)
		}
	}
}

func TestSiblingsDoNotMix(t *testing.T) {
	var buf bytes.Buffer
	base := slog.New(cloudlog.NewHandler(&buf, &cloudlog.Options{Project: "p"})).With("a", 1).With("b", 2).With("c", 3)
	left, right := base.With("side", "left"), base.With("side", "right")
	for want, logger := range map[string]*slog.Logger{"left": left, "right": right} {
		buf.Reset()
		logger.InfoContext(traced(t), "m")
		if got := line(t, &buf)["side"]; got != want {
			t.Errorf("side = %v, want %s", got, want)
		}
	}
}

func TestNothingAddedIsTheSameHandler(t *testing.T) {
	h := cloudlog.NewHandler(&bytes.Buffer{}, nil)
	if h.WithGroup("") != h || h.WithAttrs(nil) != h {
		t.Error("an empty group name or no attributes make another handler")
	}
}

func TestNoTraceWithoutProject(t *testing.T) {
	var buf bytes.Buffer
	slog.New(cloudlog.NewHandler(&buf, nil)).InfoContext(traced(t), "m")
	if s := buf.String(); strings.Contains(s, "logging.googleapis.com") || strings.Contains(s, traceID) {
		t.Errorf("line = %s, want no trace", s)
	}
}

func TestConcurrentUse(t *testing.T) {
	var buf bytes.Buffer // only the handler keeps writes apart
	logger := slog.New(cloudlog.NewHandler(&buf, &cloudlog.Options{Project: "p"}))
	ctx := traced(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { logger.With("i", i).WithGroup("g").InfoContext(ctx, "m", "k", "v") })
	}
	wg.Wait()
	lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
	if len(lines) != 20 {
		t.Errorf("%d lines, want 20", len(lines))
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("line is not JSON: %s", l)
		}
	}
}

func TestAnAttributeCalledSource(t *testing.T) {
	var buf bytes.Buffer
	slog.New(cloudlog.NewHandler(&buf, nil)).Info("m", slog.Any(slog.SourceKey, (*slog.Source)(nil)))
	if got := line(t, &buf); got["message"] != "m" || got["source"] != nil {
		t.Errorf("line = %v, want no source", got)
	}
}
