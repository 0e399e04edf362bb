package resultlines_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/resultlines"
)

// FuzzLines compares the scanner with encoding/json, whatever pieces the content comes in.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		`{"response":{"text":"a\"\\\/\b\f\n\r\t\u00e9","n":[0,-0.5e-7,1E+9,true,false,null,{},[]]},"key":"k"}` + "\n" + ` {"key":"k"}`,
		`{"error":{"code":8},"metadata":{"key":"\ud83d\ude00"}}` + "\r\n\n" + `{"error":null}`,
		"[1,2]\nnull\n\"x\"\n-\n01\n1.\n1e\n{\"a\":}\n{,}\n[1,]\n{\"a\" 1}\ntrux\n\"\\x\"\n\"\\u12g4\"\n\xff\n\"\xff\"\n\"\x01\"",
		`{"\u006bey":"a","key":7,"metadata":{"key":"b","key":{}}}`,
	} {
		f.Add([]byte(seed), uint8(3))
		f.Add([]byte(seed), uint8(200))
	}
	f.Fuzz(func(t *testing.T, content []byte, piece uint8) {
		var failures bytes.Buffer
		lines := resultlines.New(&failures)
		for rest := content; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			if _, err := lines.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := lines.Close(); err != nil {
			t.Fatal(err)
		}
		wantCounts, wantFailures := decoded(t, content)
		if diff := cmp.Diff(wantCounts, lines.Counts()); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantFailures, failures.String()); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
	})
}

// decoded is what encoding/json finds in the lines.
func decoded(t *testing.T, content []byte) (resultlines.Counts, string) {
	var total, succeeded, failed, duplicates int64
	var failures bytes.Buffer
	write := func(failure resultlines.Failure) {
		encoder := json.NewEncoder(&failures)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(failure); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for i, line := range bytes.Split(content, []byte("\n")) {
		if len(bytes.Trim(line, " \t\r")) == 0 {
			continue
		}
		total++
		failure := resultlines.Failure{Line: int64(i + 1)}
		if !json.Valid(line) {
			failed++
			failure.Reason = resultlines.ReasonNotJSON
			write(failure)
			continue
		}
		var members map[string]json.RawMessage
		_ = json.Unmarshal(line, &members) // what is no object has no members
		failure.Key = decodedKey(members)
		switch cause := members["error"]; {
		case len(cause) > 0 && string(cause) != "null":
			failed++
			failure.Reason, failure.Error = resultlines.ReasonError, cause
			write(failure)
		case len(members["response"]) == 0 || string(members["response"]) == "null":
			failed++
			failure.Reason = resultlines.ReasonNoResponse
			write(failure)
		default:
			succeeded++
		}
		if failure.Key != "" && seen[failure.Key] {
			duplicates++
			failure.Reason, failure.Error = resultlines.ReasonDuplicateKey, nil
			write(failure)
		}
		seen[failure.Key] = true
	}
	return counts(total, succeeded, failed, duplicates), failures.String()
}

func decodedKey(members map[string]json.RawMessage) string {
	var key *string
	if json.Unmarshal(members["key"], &key) == nil && key != nil {
		return *key
	}
	var metadata map[string]json.RawMessage
	_ = json.Unmarshal(members["metadata"], &metadata)
	if json.Unmarshal(metadata["key"], &key) == nil && key != nil {
		return *key
	}
	return ""
}

func BenchmarkLines(b *testing.B) {
	embedding := []byte(`{"key":"request-1","response":{"embedding":{"values":[` +
		string(bytes.Repeat([]byte("-0.017342956,"), 767)) + `0.5]},"usageMetadata":{"promptTokenCount":7}}}` + "\n")
	text := []byte(`{"response":{"candidates":[{"content":{"parts":[{"text":"` +
		string(bytes.Repeat([]byte(`The quick answer to this request is \"yes\", and the long one is a matter of taste.\n`), 100)) +
		`"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":8}},"key":"request-1"}` + "\n")
	for name, line := range map[string][]byte{"text": text, "embedding": embedding} {
		b.Run(name, func(b *testing.B) {
			line := bytes.Replace(line, []byte(`"key"`), []byte(`"yek"`), 1) // not a failure each time
			content := bytes.Repeat(line, (256<<10)/len(line))
			lines := resultlines.New(&bytes.Buffer{})
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				_, _ = lines.Write(content)
			}
		})
	}
}

// BenchmarkKeys has 1 GiB of lines of 4 KiB, each with a key of its own.
func BenchmarkKeys(b *testing.B) {
	const count, size = 1 << 18, 4 << 10
	head := []byte(`{"key":"request-0000000000","response":{"text":"`)
	line := slices.Concat(head, bytes.Repeat([]byte("x"), size-len(head)-4), []byte(`"}}`+"\n"))
	digits := line[len(`{"key":"request-`):][:10]
	b.SetBytes(count * size)
	for b.Loop() {
		lines := resultlines.New(io.Discard)
		for i := range count {
			copy(digits, fmt.Appendf(nil, "%010d", i))
			_, _ = lines.Write(line)
		}
	}
}
