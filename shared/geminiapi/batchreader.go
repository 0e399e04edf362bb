package geminiapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The most that is kept of an answer at one time, in bytes.
const (
	maxDocument = 8 << 20  // a job without its inline responses
	maxResponse = 64 << 20 // one inline response
)

// A batchReader reads a batch job from a connection, however large, and takes the inline responses
// out of it.
type batchReader struct {
	decoder  *json.Decoder
	bounded  *boundedReader
	response func(json.RawMessage) bool // called with each inline response of the first copy; false stops the reading

	document  bytes.Buffer // the job without inline responses
	responses int          // how many there were in the first copy
}

var errStopped = errors.New("stopped by the caller")

func newBatchReader(body io.Reader, response func(json.RawMessage) bool) *batchReader {
	bounded := &boundedReader{reader: body}
	return &batchReader{decoder: json.NewDecoder(bounded), bounded: bounded, response: response}
}

// outputs are the members, by their path, that can have the responses in them.
var outputs = map[string]bool{"": true, "metadata": true, "metadata.output": true, "response": true, "response.output": true}

// inlined are the members of an output that have inline responses: an object with a list of them.
// Both are in use, the second for embeddings.
var inlined = map[string]bool{"inlinedResponses": true, "inlinedEmbedContentResponses": true}

// all reads the whole answer.
func (r *batchReader) all() error {
	err := r.value("")
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax), errors.Is(err, io.EOF):
		return ErrMalformedAnswer
	case errors.Is(err, errStopped):
		return nil
	case err != nil && !errors.Is(err, ErrMalformedAnswer):
		return fmt.Errorf("read the answer: %w", err)
	}
	return err
}

// value copies the value of a member that can have the responses in it.
func (r *batchReader) value(path string) error {
	r.bounded.left = maxDocument
	token, err := r.decoder.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return r.object(path)
	case json.Delim('['):
		return fmt.Errorf("%w: %q is a list", ErrMalformedAnswer, path)
	}
	scalar, err := json.Marshal(token)
	r.document.Write(scalar)
	return err
}

// object copies the rest of an object, without its inline responses.
func (r *batchReader) object(path string) error {
	r.document.WriteByte('{')
	for first := true; r.decoder.More(); {
		token, err := r.decoder.Token()
		if err != nil {
			return err
		}
		name := token.(string)
		if outputs[path] && inlined[name] {
			if err := r.inlined(); err != nil {
				return err
			}
			continue
		}
		if !first {
			r.document.WriteByte(',')
		}
		first = false
		quoted, err := json.Marshal(name)
		if err != nil {
			return err
		}
		r.document.Write(append(quoted, ':'))
		if err := r.member(join(path, name)); err != nil {
			return err
		}
		if r.document.Len() > maxDocument {
			return fmt.Errorf("%w: it is larger than %d bytes without its responses", ErrMalformedAnswer, maxDocument)
		}
	}
	r.document.WriteByte('}')
	_, err := r.decoder.Token()
	return err
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (r *batchReader) member(path string) error {
	if outputs[path] {
		return r.value(path)
	}
	r.bounded.left = maxDocument
	var value json.RawMessage
	if err := r.decoder.Decode(&value); err != nil {
		return err
	}
	r.document.Write(value)
	return nil
}

// inlined reads {"inlinedResponses": […]}. The list is read past if there was one before.
func (r *batchReader) inlined() error {
	r.bounded.left = maxDocument
	if token, err := r.decoder.Token(); err != nil || token != json.Delim('{') {
		return notA("object", token, err)
	}
	report := r.responses == 0
	for r.decoder.More() {
		name, err := r.decoder.Token()
		if err != nil {
			return err
		}
		if name != "inlinedResponses" {
			if err := r.decoder.Decode(new(json.RawMessage)); err != nil {
				return err
			}
			continue
		}
		if err := r.list(report); err != nil {
			return err
		}
	}
	_, err := r.decoder.Token()
	return err
}

func (r *batchReader) list(report bool) error {
	r.bounded.left = maxDocument
	if token, err := r.decoder.Token(); err != nil || token != json.Delim('[') {
		return notA("list", token, err)
	}
	for r.decoder.More() {
		r.bounded.left = maxResponse
		var response json.RawMessage
		if err := r.decoder.Decode(&response); err != nil {
			return err
		}
		if !report {
			continue
		}
		r.responses++
		if !r.response(response) {
			return errStopped
		}
	}
	_, err := r.decoder.Token()
	return err
}

// notA is the error of a value of another kind; null counts as one that is not there.
func notA(kind string, token json.Token, err error) error {
	if err != nil || token == nil {
		return err
	}
	return fmt.Errorf("%w: the inline responses are no %s", ErrMalformedAnswer, kind)
}

// A boundedReader fails once more than left bytes have been read since left was set.
type boundedReader struct {
	reader io.Reader
	left   int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: a part of it is too large", ErrMalformedAnswer)
	}
	n, err := b.reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
