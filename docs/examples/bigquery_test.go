package examples_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/api/bigquery/v2"

	"github.com/gemhook/gemhook/internal/standin"
)

// bigQueryTable reads the definition of the external table, which has no members but those of
// BigQuery's API.
func bigQueryTable(t *testing.T) *bigquery.ExternalDataConfiguration {
	t.Helper()
	definition, err := os.ReadFile("bigquery/responses.json")
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(definition))
	decoder.DisallowUnknownFields()
	table := &bigquery.ExternalDataConfiguration{}
	if err := decoder.Decode(table); err != nil {
		t.Fatal(err)
	}
	return table
}

// TestBigQueryReadsEachLine takes the definition at the word of BigQuery's reference: a file is
// split at newlines, and each line at the delimiter, with no quotes. Each response must become one
// row with one column, also where it is broken.
func TestBigQueryReadsEachLine(t *testing.T) {
	t.Parallel()
	table := bigQueryTable(t)
	options := table.CsvOptions
	if table.SourceFormat != "CSV" || options.Quote == nil || *options.Quote != "" || len(options.FieldDelimiter) != 1 || options.SkipLeadingRows != 0 {
		t.Fatalf("format %s, options %+v", table.SourceFormat, options)
	}
	if len(table.Schema.Fields) != 1 || table.Schema.Fields[0].Type != "STRING" {
		t.Fatalf("the schema has %d columns, want one text", len(table.Schema.Fields))
	}
	lines := standin.ResultLines{Count: 50, Text: 300, FailEvery: 7, BreakEvery: 11, EmptyEvery: 13}
	content, err := io.ReadAll(lines.File().Open())
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if len(rows) != lines.Count {
		t.Fatalf("%d rows, want %d", len(rows), lines.Count)
	}
	for i, row := range rows {
		// JSON has no control characters in a string, so a response that is whole cannot have the
		// delimiter; encoding/json says so too.
		if strings.Contains(row, options.FieldDelimiter) {
			t.Errorf("row %d has more than one column", i)
		}
	}
	if json.Valid([]byte(`"` + options.FieldDelimiter + `"`)) {
		t.Errorf("JSON can have the delimiter %q in a string", options.FieldDelimiter)
	}
}

func TestBigQueryFindsTheFiles(t *testing.T) {
	t.Parallel()
	uris := bigQueryTable(t).SourceUris
	if len(uris) != 1 || strings.Count(uris[0], "*") != 1 {
		t.Fatalf("URIs %v, want one with one wildcard, as BigQuery takes them", uris)
	}
	begin, end, _ := strings.Cut(uris[0], "*")
	for name, want := range map[string]bool{
		"static/batches/b1/batch.succeeded/responses.jsonl":       true,
		"dynamic/acme/batches/b1/batch.succeeded/responses.jsonl": true,
		"static/batches/b1/batch.succeeded/failures.jsonl":        false,
		"static/batches/b1/batch.succeeded/batch.json":            false,
	} {
		uri := "gs://BUCKET/" + name
		if got := strings.HasPrefix(uri, begin) && strings.HasSuffix(uri, end); got != want {
			t.Errorf("%s is in the table: %t, want %t", name, got, want)
		}
	}
}

// TestBigQueryViewFindsMembers wants each path of the view to lead to something in a line.
func TestBigQueryViewFindsMembers(t *testing.T) {
	t.Parallel()
	view, err := os.ReadFile("bigquery/responses.sql")
	if err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile(`JSON_VALUE\(response, '([^']+)'\)`).FindAllStringSubmatch(string(view), -1)
	if len(paths) != 3 {
		t.Fatalf("%d paths, want 3", len(paths))
	}
	lines := standin.ResultLines{Count: 2, Text: 20, FailEvery: 2}
	for _, path := range paths {
		if !slices.ContainsFunc([][]byte{lines.Line(0), lines.Line(1)}, func(line []byte) bool {
			text, isText := valueAt(t, line, path[1]).(string)
			return isText && text != ""
		}) {
			t.Errorf("%s leads to nothing in a response or an error", path[1])
		}
	}
}

// valueAt follows a JSON path of names and numbers.
func valueAt(t *testing.T, line []byte, path string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(line, &value); err != nil {
		t.Fatal(err)
	}
	for _, step := range regexp.MustCompile(`\w+`).FindAllString(path, -1) {
		if index, err := strconv.Atoi(step); err == nil {
			list, _ := value.([]any)
			if index >= len(list) {
				return nil
			}
			value = list[index]
			continue
		}
		members, _ := value.(map[string]any)
		value = members[step]
	}
	return value
}
