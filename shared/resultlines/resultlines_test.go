package resultlines_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/resultlines"
)

// pass has content go through, in pieces of any length, and returns the counts and the failures.
func pass(t *testing.T, content io.Reader) (resultlines.Counts, string) {
	t.Helper()
	var failures bytes.Buffer
	lines := resultlines.New(&failures)
	if _, err := io.Copy(lines, content); err != nil {
		t.Fatal(err)
	}
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
	return lines.Counts(), failures.String()
}

func counts(total, succeeded, failed, duplicates int64) resultlines.Counts {
	return resultlines.Counts{Total: total, Succeeded: succeeded, Failed: failed, DuplicateKeys: &duplicates}
}

func TestLines(t *testing.T) {
	for name, test := range map[string]struct {
		content  string
		want     resultlines.Counts
		failures string
	}{
		"nothing":                 {"", counts(0, 0, 0, 0), ""},
		"blank lines":             {"\n \r\n\t\n", counts(0, 0, 0, 0), ""},
		"a response":              {`{"response":{"a":1},"key":"k"}` + "\n", counts(1, 1, 0, 0), ""},
		"no newline at end":       {`{"key":"k","response":{}}`, counts(1, 1, 0, 0), ""},
		"line ends of both kinds": {"{\"response\":{}}\r\n{\"response\":{}}\n", counts(2, 2, 0, 0), ""},
		"an error": {`{"key":"k","error":{"code":13,"message":"no"}}` + "\n", counts(1, 0, 1, 0),
			`{"line":1,"key":"k","reason":"error","error":{"code":13,"message":"no"}}` + "\n"},
		"null in place of an error":  {`{"error":null,"response":{}}`, counts(1, 1, 0, 0), ""},
		"an error beside a response": {`{"error":{},"response":{}}`, counts(1, 0, 1, 0), `{"line":1,"reason":"error","error":{}}` + "\n"},
		"no JSON":                    {"\n{\"response\":\n", counts(1, 0, 1, 0), `{"line":2,"reason":"not_json"}` + "\n"},
		"no object":                  {"[1]\n7\nnull", counts(3, 0, 3, 0), `{"line":1,"reason":"no_response"}` + "\n" + `{"line":2,"reason":"no_response"}` + "\n" + `{"line":3,"reason":"no_response"}` + "\n"},
		"two on a line":              {`{"response":{}}{"response":{}}`, counts(1, 0, 1, 0), `{"line":1,"reason":"not_json"}` + "\n"},
		"neither":                    {`{"key":"k","response":null}`, counts(1, 0, 1, 0), `{"line":1,"key":"k","reason":"no_response"}` + "\n"},
		"other case":                 {`{"Response":{}}`, counts(1, 0, 1, 0), `{"line":1,"reason":"no_response"}` + "\n"},
		"key twice, written in two ways": {`{"response":{},"key":"k"}` + "\n" + `{"key":"\u006b","error":{}}`, counts(2, 1, 1, 1),
			`{"line":2,"key":"k","reason":"error","error":{}}` + "\n" + `{"line":2,"key":"k","reason":"duplicate_key"}` + "\n"},
		"inline responses": {`{"response":{},"metadata":{"key":"k"}}` + "\n" + `{"response":{},"metadata":{"key":"k"}}`, counts(2, 2, 0, 1),
			`{"line":2,"key":"k","reason":"duplicate_key"}` + "\n"},
		"key over 64 KiB, twice": {strings.Repeat(`{"response":{},"key":"`+strings.Repeat("k", 70_000)+`"}`+"\n", 2), counts(2, 2, 0, 1),
			`{"line":2,"reason":"duplicate_key"}` + "\n"},
		"null in place of a key": {`{"response":null,"key":null,"metadata":{"key":"m"}}`, counts(1, 0, 1, 0), `{"line":1,"key":"m","reason":"no_response"}` + "\n"},
		"members twice": {`{"error":{},"error":null,"response":{},"key":"a","key":"b"}` + "\n" + `{"key":"b"}`, counts(2, 1, 1, 1),
			`{"line":2,"key":"b","reason":"no_response"}` + "\n" + `{"line":2,"key":"b","reason":"duplicate_key"}` + "\n"},
		"the same names deeper": {`{"a":{"error":1,"key":"x"},"metadata":{"b":{"key":"y"},"error":2},"response":[{"key":"z"}]}`, counts(1, 1, 0, 0), ""},
		"keys of other kinds":   {`{"response":{},"key":1}` + "\n" + `{"response":{},"key":1}` + "\n" + `{"response":{},"metadata":7}`, counts(3, 3, 0, 0), ""},
		"long key":              {`{"key":"` + strings.Repeat("k", 2000) + `"}`, counts(1, 0, 1, 0), `{"line":1,"reason":"no_response"}` + "\n"},
		"long error":            {`{"error":"` + strings.Repeat("e", 70_000) + `"}`, counts(1, 0, 1, 0), `{"line":1,"reason":"error"}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			for how, content := range map[string]io.Reader{
				"whole": strings.NewReader(test.content), "byte by byte": iotest.OneByteReader(strings.NewReader(test.content)),
			} {
				got, failures := pass(t, content)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: counts (-want +got):\n%s", how, diff)
				}
				if diff := cmp.Diff(test.failures, failures); diff != "" {
					t.Errorf("%s: failures (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

func TestManyAndLongLines(t *testing.T) {
	lines := standin.ResultLines{Count: 10_000, Text: 200, FailEvery: 10, BreakEvery: 100, EmptyEvery: 1000, TwiceEvery: 333, Shuffled: true}
	got, failures := pass(t, lines.File().Open())
	if got.Total != 10_000 || got.Failed != 1000 || got.Succeeded != 9000 || *got.DuplicateKeys == 0 {
		t.Errorf("counts %+v with %d duplicate keys", got, *got.DuplicateKeys)
	}
	if n := int64(strings.Count(failures, "\n")); n != got.Failed+*got.DuplicateKeys {
		t.Errorf("%d lines of failures, want %d", n, got.Failed+*got.DuplicateKeys)
	}

	got, failures = pass(t, standin.ResultLines{Count: 3, Text: 40 << 20}.File().Open())
	if diff := cmp.Diff(counts(3, 3, 0, 0), got); diff != "" || failures != "" {
		t.Errorf("lines of 40 MB: %s%s", diff, failures)
	}
}

// TestKeysAreComparedUpToTwoMillionLines wants no number of duplicate keys where not all keys could
// be compared.
func TestKeysAreComparedUpToTwoMillionLines(t *testing.T) {
	lines := resultlines.New(io.Discard)
	const block = 1000 // lines
	content := bytes.Repeat([]byte(`{"response":1}`+"\n"), block)
	for range 2_000_000 / block {
		_, _ = lines.Write(content)
	}
	if diff := cmp.Diff(counts(2_000_000, 2_000_000, 0, 0), lines.Counts()); diff != "" {
		t.Errorf("counts of two million lines (-want +got):\n%s", diff)
	}
	_, _ = lines.Write(content[:len(content)/block])
	if got := lines.Counts(); got.DuplicateKeys != nil || got.Total != 2_000_001 {
		t.Errorf("counts %+v, want no number of duplicate keys", got)
	}
}
