package cloudlog_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/cloudlog"
)

const (
	cloudTrace  = "X-Cloud-Trace-Context"
	traceparent = "Traceparent"
)

// fields are the trace fields of a record logged by a handler behind Trace.
type fields struct {
	trace, span string
	sampled     bool
}

// logBehindTrace sends one request with the given header lines through Trace and returns the log
// line, and the trace fields if there are any.
func logBehindTrace(t testing.TB, header http.Header) (map[string]any, *fields) {
	t.Helper()
	var buf bytes.Buffer
	logger := slog.New(cloudlog.NewHandler(&buf, &cloudlog.Options{Project: "p"}))
	h := cloudlog.Trace(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		logger.InfoContext(r.Context(), "m")
	}))
	r := httptest.NewRequest("POST", "/", nil)
	r.Header = header
	h.ServeHTTP(httptest.NewRecorder(), r)
	got := lineOf(t, buf.Bytes())
	trace, ok := got["logging.googleapis.com/trace"].(string)
	if !ok {
		return got, nil
	}
	span, _ := got["logging.googleapis.com/spanId"].(string)
	return got, &fields{trace, span, got["logging.googleapis.com/trace_sampled"].(bool)}
}

func TestTrace(t *testing.T) {
	const name = "projects/p/traces/" + traceID
	other := strings.Repeat("a", 32)
	tests := []struct {
		name   string
		header http.Header
		want   fields
	}{
		{"traceparent", http.Header{traceparent: {"00-" + traceID + "-00f067aa0ba902b7-01"}}, fields{name, "00f067aa0ba902b7", true}},
		{"traceparent not sampled", http.Header{traceparent: {"00-" + traceID + "-00f067aa0ba902b7-02"}}, fields{name, "00f067aa0ba902b7", false}},
		{"traceparent of a later version", http.Header{traceparent: {"cc-" + traceID + "-00f067aa0ba902b7-09-more"}}, fields{name, "00f067aa0ba902b7", true}},
		{"cloud", http.Header{cloudTrace: {traceID + "/74;o=1"}}, fields{name, "000000000000004a", true}},
		{"cloud, greatest span", http.Header{cloudTrace: {traceID + "/18446744073709551615;o=1"}}, fields{name, "ffffffffffffffff", true}},
		{"cloud not sampled", http.Header{cloudTrace: {traceID + "/74;o=0"}}, fields{name, "000000000000004a", false}},
		{"cloud without options", http.Header{cloudTrace: {traceID + "/74"}}, fields{name, "000000000000004a", false}},
		{"cloud without span", http.Header{cloudTrace: {traceID + ";o=1"}}, fields{name, "", true}},
		{"cloud, span zero", http.Header{cloudTrace: {traceID + "/0;o=1"}}, fields{name, "", true}},
		{"cloud, only the trace", http.Header{cloudTrace: {traceID}}, fields{name, "", false}},
		{"cloud in upper case", http.Header{cloudTrace: {strings.ToUpper(traceID) + "/1"}}, fields{name, "0000000000000001", false}},
		{"both", http.Header{cloudTrace: {other + "/1;o=1"}, traceparent: {"00-" + traceID + "-00f067aa0ba902b7-00"}}, fields{name, "00f067aa0ba902b7", false}},
		{"traceparent malformed", http.Header{cloudTrace: {traceID + "/74;o=1"}, traceparent: {"00-" + other}}, fields{name, "000000000000004a", true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, got := logBehindTrace(t, test.header)
			if got == nil || *got != test.want {
				t.Errorf("trace = %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestMalformedTraceIsIgnored(t *testing.T) {
	zero := strings.Repeat("0", 32)
	tests := map[string][]string{
		traceparent: {
			"", "00", "00-" + traceID + "-00f067aa0ba902b7", "ff-" + traceID + "-00f067aa0ba902b7-01",
			"00-" + zero + "-00f067aa0ba902b7-01", "00-" + traceID + "-0000000000000000-01",
			"00-" + strings.ToUpper(traceID) + "-00f067aa0ba902b7-01", "00-" + traceID + "-00f067aa0ba902b7-01-more",
			" 00-" + traceID + "-00f067aa0ba902b7-01", "00-" + traceID + "-00f067aa0ba902b7-01\n",
			"00-" + traceID[:31] + "\"-00f067aa0ba902b7-01", "00-" + traceID + "-00f067aa0ba902b7-01,00-" + traceID + "-00f067aa0ba902b7-01",
		},
		cloudTrace: {
			"", "/1;o=1", zero + "/1;o=1", traceID[:31] + "/1", traceID + "0/1", traceID + "/", traceID + "/-1", traceID + "/1.5",
			traceID + "/00f067aa0ba902b7;o=1", traceID + "/18446744073709551616", traceID + "/1;o=", traceID + "/1;o=x", traceID + "/1;o=1;",
			traceID + "/1;o=1\n", traceID + "/1\r\n;o=1", "../../" + traceID, traceID[:31] + "\"", traceID[:31] + "é", traceID + "\x00",
			traceID + `","severity":"EMERGENCY`, traceID + "/1;o=1, " + traceID + "/1;o=1",
		},
	}
	for header, values := range tests {
		for _, value := range values {
			if line, got := logBehindTrace(t, http.Header{header: {value}}); got != nil || len(line) != 3 {
				t.Errorf("%s %q: line = %v, want no trace", header, value, line)
			}
		}
	}
	twice := http.Header{cloudTrace: {traceID + "/1;o=1", traceID + "/1;o=1"}}
	if line, got := logBehindTrace(t, twice); got != nil {
		t.Errorf("header sent twice: line = %v, want no trace", line)
	}
}

func TestMalformedTraceKeepsTheOuterOne(t *testing.T) {
	outer := traced(t)
	if got := cloudlog.WithTrace(outer, http.Header{cloudTrace: {"nonsense"}}); got != outer {
		t.Error("WithTrace returned another context for a malformed header")
	}
}
