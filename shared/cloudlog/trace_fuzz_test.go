package cloudlog_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
)

// FuzzTrace logs a request with any two trace headers, and wants the line to be well formed.
func FuzzTrace(f *testing.F) {
	f.Add("00-"+traceID+"-00f067aa0ba902b7-01", traceID+"/74;o=1")
	f.Add(`00-`+traceID+`-00f067aa0ba902b7-01","x":"`, "\n{\"severity\":\"ALERT\"}\n")
	f.Fuzz(func(t *testing.T, parent, cloud string) {
		line, _ := logBehindTrace(t, http.Header{traceparent: {parent}, cloudTrace: {cloud}})
		if err := checkTraced(line); err != nil {
			t.Error(err)
		}
	})
}

// traceFields are the forms of the fields of a trace. A trace has the first two; the third may be
// left out.
var traceFields = map[string]*regexp.Regexp{
	"logging.googleapis.com/trace":         regexp.MustCompile(`\Aprojects/p/traces/[0-9a-f]{32}\z`),
	"logging.googleapis.com/trace_sampled": regexp.MustCompile(`\A(true|false)\z`),
	"logging.googleapis.com/spanId":        regexp.MustCompile(`\A[0-9a-f]{16}\z`),
}

// checkTraced wants a line to say what was logged and, at most, a trace, whatever the headers held.
func checkTraced(line map[string]any) error {
	if line["severity"] != "INFO" || line["message"] != "m" || line["time"] == nil {
		return fmt.Errorf("line = %v, want severity INFO, message m and a time", line)
	}
	traced := len(line) - 3
	for name, form := range traceFields {
		if value, there := line[name]; there {
			traced--
			if !form.MatchString(fmt.Sprint(value)) {
				return fmt.Errorf("%s = %q", name, value)
			}
		}
	}
	if traced > 0 {
		return fmt.Errorf("line = %v, which has fields that nobody logged", line)
	}
	if _, ok := line["logging.googleapis.com/trace_sampled"].(bool); len(line) > 3 && (!ok || line["logging.googleapis.com/trace"] == nil) {
		return fmt.Errorf("line = %v, which has half a trace", line)
	}
	return nil
}

func TestTracedCheckCanFail(t *testing.T) {
	t.Parallel()
	const name, trace = "logging.googleapis.com/trace", "projects/p/traces/" + traceID
	line := func(set map[string]any) map[string]any {
		line := map[string]any{"severity": "INFO", "message": "m", "time": "now"}
		for name, value := range set {
			if line[name] = value; value == nil {
				delete(line, name)
			}
		}
		return line
	}
	for what, test := range map[string]struct {
		set   map[string]any
		wrong bool
	}{
		"no trace":              {nil, false},
		"a trace":               {map[string]any{name: trace, name + "_sampled": true}, false},
		"a trace and a span":    {map[string]any{name: trace, name + "_sampled": true, "logging.googleapis.com/spanId": "00f067aa0ba902b7"}, false},
		"another severity":      {map[string]any{"severity": "ALERT"}, true},
		"no time":               {map[string]any{"time": nil}, true},
		"a field more":          {map[string]any{"x": ""}, true},
		"a trace in upper case": {map[string]any{name: "projects/p/traces/4BF92F3577B34DA6A3CE929D0E0E4736", name + "_sampled": true}, true},
		"a trace of anything":   {map[string]any{name: trace + "\n", name + "_sampled": true}, true},
		"a decimal span":        {map[string]any{name: trace, name + "_sampled": true, "logging.googleapis.com/spanId": "74"}, true},
		"sampled in words":      {map[string]any{name: trace, name + "_sampled": "true"}, true},
		"sampled and no trace":  {map[string]any{name + "_sampled": true}, true},
		"a span and no trace":   {map[string]any{"logging.googleapis.com/spanId": "00f067aa0ba902b7"}, true},
	} {
		if err := checkTraced(line(test.set)); (err != nil) != test.wrong {
			t.Errorf("%s: the check says %v", what, err)
		}
	}
}
