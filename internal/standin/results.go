package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// ResultLines describe the content of a file with the responses of a batch. The same description
// gives the same bytes.
type ResultLines struct {
	Count int // lines
	Text  int // bytes of the text in each response

	// Each n-th line differs in these ways; 0 is none.

	FailEvery  int  // it has an error instead of a response
	BreakEvery int  // it is not JSON
	EmptyEvery int  // it has neither response nor error
	TwiceEvery int  // it has the key of the line before
	Shuffled   bool // not in the order of the requests
}

// Line returns one line, from 0 on, with its newline.
func (l ResultLines) Line(i int) []byte {
	number := i
	if l.Shuffled {
		// With a factor that shares no divisor with Count, every number comes once.
		number = i * coprime(l.Count) % max(l.Count, 1)
	}
	key := fmt.Sprintf("request-%d", number)
	every := func(n int) bool { return n > 0 && (i+1)%n == 0 }
	switch {
	case every(l.BreakEvery):
		return []byte(`{"key":"` + key + `","response":{"candidates":[` + "\n")
	case every(l.EmptyEvery):
		return []byte(`{"key":"` + key + `"}` + "\n")
	case every(l.FailEvery):
		return []byte(`{"key":"` + key + `","error":{"code":13,"message":"The model could not answer request ` + fmt.Sprint(number) + `."}}` + "\n")
	case every(l.TwiceEvery) && i > 0:
		previous := l
		previous.FailEvery, previous.BreakEvery, previous.EmptyEvery, previous.TwiceEvery = 0, 0, 0, 0
		return previous.Line(i - 1)
	}
	text := sentence(l.Text)
	return []byte(`{"response":{"candidates":[{"content":{"parts":[{"text":"` + text + `"}],"role":"model"},"finishReason":"STOP","index":0}],` +
		`"usageMetadata":{"promptTokenCount":` + fmt.Sprint(7+number%5) + `,"candidatesTokenCount":` + fmt.Sprint(len(text)/4) + `},` +
		`"modelVersion":"gemini-3-flash"},"key":"` + key + `"}` + "\n")
}

func coprime(n int) int {
	for factor := 7919; ; factor += 2 {
		if gcd(factor, n) == 1 {
			return factor
		}
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// prose is the text of the responses, with some escapes of JSON in it.
var prose = strings.Repeat(`The quick answer to this request is \"yes\", and the long one is a matter of taste.\n`, 200)

func sentence(size int) string {
	whole, rest := size/len(prose), size%len(prose)
	// Not in the middle of an escape.
	return strings.Repeat(prose, whole) + strings.TrimRight(prose[:rest], `\`)
}

// File returns the file with these lines.
func (l ResultLines) File() File {
	size := int64(0)
	for i := range l.Count {
		size += int64(len(l.Line(i)))
	}
	return File{Open: func() io.Reader { return &lineReader{lines: l} }, Size: size, ContentType: "application/jsonl"}
}

// lineReader reads lines one after the other.
type lineReader struct {
	lines ResultLines
	next  int
	rest  []byte
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next == r.lines.Count {
			return 0, io.EOF
		}
		r.rest = r.lines.Line(r.next)
		r.next++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// TextFile returns a file with a content.
func TextFile(content, contentType string) File {
	return File{Open: func() io.Reader { return strings.NewReader(content) }, Size: int64(len(content)), ContentType: contentType}
}

// InlineResponse returns an inline response of a batch: a text, or an error where the text is
// empty.
func InlineResponse(key, text string) json.RawMessage {
	if text == "" {
		return mustEncode(map[string]any{
			"error": JobError{Code: 8, Message: "The quota of tokens is used up."}, "metadata": map[string]string{"key": key},
		})
	}
	return mustEncode(map[string]any{
		"response": map[string]any{"candidates": []any{map[string]any{
			"content": map[string]any{"parts": []any{map[string]string{"text": text}}, "role": "model"}, "finishReason": "STOP",
		}}},
		"metadata": map[string]string{"key": key},
	})
}

// InlineEmbedding returns an inline response of a batch of embeddings.
func InlineEmbedding(key string, dimensions int) json.RawMessage {
	values := make([]float64, dimensions)
	for i := range values {
		values[i] = 1 / float64(i+3)
	}
	return mustEncode(map[string]any{
		"response": map[string]any{"embedding": map[string]any{"values": values}}, "metadata": map[string]string{"key": key},
	})
}

// An Interaction describes an interaction of the kinds that events are about.
type Interaction struct {
	ID        string
	Status    string   // empty means "completed"
	Texts     []string // of the model output, one step each
	Call      string   // the name of a function to call; empty: none
	MediaURI  string   // of a video in the model output; empty: none
	ErrorCode string   // empty: no error
}

// Document returns the interaction as the API shows it: of the Deep Research agent, with its
// thoughts and searches.
func (i Interaction) Document() []byte {
	status := i.Status
	if status == "" {
		status = "completed"
	}
	steps := []any{
		map[string]any{"type": "user_input", "content": []any{map[string]string{"type": "text", "text": "How do tides work?"}}},
		map[string]any{"type": "thought", "signature": "c2lnbmF0dXJl", "summary": []any{map[string]string{"type": "text", "text": "Look at the moon first."}}},
		map[string]any{"type": "google_search_call", "id": "search_1", "arguments": map[string]any{"queries": []string{"tides moon"}}},
	}
	for _, text := range i.Texts {
		steps = append(steps, map[string]any{"type": "model_output", "content": []any{
			map[string]any{"type": "text", "text": text, "annotations": []any{}},
		}})
	}
	if i.MediaURI != "" {
		steps = append(steps, map[string]any{"type": "model_output", "content": []any{
			map[string]string{"type": "video", "mime_type": "video/mp4", "uri": i.MediaURI},
		}})
	}
	if i.Call != "" {
		steps = append(steps, map[string]any{"type": "function_call", "id": "call_1", "name": i.Call,
			"arguments": map[string]any{"city": "Brest", "days": 2}})
	}
	document := map[string]any{
		"id": i.ID, "object": "interaction", "status": status, "agent": "deep-research-pro-preview-12-2025",
		"created": "2026-01-22T11:00:00Z", "updated": "2026-01-22T12:00:00Z", "steps": steps,
		"usage": map[string]int{"total_tokens": 4711},
	}
	if i.ErrorCode != "" {
		document["errors"] = []any{map[string]string{"code": i.ErrorCode, "message": "The agent gave up."}}
	}
	return mustEncode(document)
}

func mustEncode(value any) []byte {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	return encoded
}
