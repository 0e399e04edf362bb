// Package resultlines goes through the responses of a batch once, as they pass by on their way to
// the bucket: it counts them, and writes a line about each that somebody has to look at.
//
//	lines := resultlines.New(failures)
//	_, err := io.Copy(io.MultiWriter(responses, lines), download)
//	err = lines.Close()
//	counts := lines.Counts()
//
// A batch can have gigabytes of responses, and one response megabytes. So nothing is kept of a line
// but its key and its error: a scanner reads each byte once, whatever pieces they come in, and
// allocates nothing for a line that succeeded.
package resultlines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Counts are the numbers of a batch's responses.
type Counts struct {
	Total         int64  `json:"total"`
	Succeeded     int64  `json:"succeeded"`
	Failed        int64  `json:"failed"`
	DuplicateKeys *int64 `json:"duplicate_keys"` // nil if there were too many lines to compare
}

// A Failure is what is written about a line.
type Failure struct {
	Line   int64           `json:"line"`          // from 1 on
	Key    string          `json:"key,omitempty"` // unless it is over 1 KiB
	Reason string          `json:"reason"`
	Error  json.RawMessage `json:"error,omitempty"` // as Gemini has it, unless it is over 64 KiB
}

// The reasons of a failure.
const (
	ReasonError        = "error"         // the response is an error
	ReasonNotJSON      = "not_json"      // the line is no JSON
	ReasonNoResponse   = "no_response"   // it has neither a response nor an error
	ReasonDuplicateKey = "duplicate_key" // its key came before; the response counts all the same
)

// maxShownKey bounds the keys that are repeated in a failure, in bytes.
const maxShownKey = 1 << 10

// Lines is an io.Writer for the responses. It is not safe for concurrent use.
type Lines struct {
	failures io.Writer
	line     scanner // of the line that is not at its end yet
	keys     keySet

	number                               int64 // of lines that have ended
	total, succeeded, failed, duplicates int64

	encoded bytes.Buffer // a failure
	encoder *json.Encoder
}

// New returns lines whose failures are written to a writer, as JSON lines.
func New(failures io.Writer) *Lines {
	l := &Lines{failures: failures}
	l.encoder = json.NewEncoder(&l.encoded)
	l.encoder.SetEscapeHTML(false)
	l.keys.init()
	l.line.init(l.keys.seed)
	return l
}

// Write takes the next bytes. It fails only if a failure cannot be written.
func (l *Lines) Write(p []byte) (int, error) {
	for rest := p; ; {
		end := l.line.scan(rest)
		if end < 0 {
			return len(p), nil
		}
		if err := l.end(); err != nil {
			return 0, err
		}
		rest = rest[end+1:]
	}
}

// Close takes the last line, if no newline ended it.
func (l *Lines) Close() error { return l.end() }

// Counts returns the numbers so far.
func (l *Lines) Counts() Counts {
	counts := Counts{Total: l.total, Succeeded: l.succeeded, Failed: l.failed}
	if l.total <= maxKeys {
		counts.DuplicateKeys = &l.duplicates
	}
	return counts
}

// end takes a whole line. Lines of white space do not count.
func (l *Lines) end() error {
	defer l.line.reset()
	l.number++
	syntax := l.line.finish()
	if syntax == blank {
		return nil
	}
	l.total++
	if syntax == malformed {
		return l.fail(Failure{Reason: ReasonNotJSON})
	}
	key := l.line.keyOfLine()
	var err error
	switch {
	case l.line.hasError:
		err = l.fail(Failure{Key: key.short(maxShownKey), Reason: ReasonError, Error: l.line.cause.bytes()})
	case !l.line.hasResponse:
		err = l.fail(Failure{Key: key.short(maxShownKey), Reason: ReasonNoResponse})
	default:
		l.succeeded++
	}
	if err != nil || key == nil {
		return err
	}
	if hash, empty := key.hash(); !empty && l.keys.cameBefore(hash) {
		l.duplicates++
		return l.write(Failure{Key: key.short(maxShownKey), Reason: ReasonDuplicateKey})
	}
	return nil
}

func (l *Lines) fail(failure Failure) error {
	l.failed++
	return l.write(failure)
}

func (l *Lines) write(failure Failure) error {
	failure.Line = l.number
	l.encoded.Reset()
	err := l.encoder.Encode(failure)
	if err == nil {
		_, err = l.failures.Write(l.encoded.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write line %d of the failures: %w", l.number, err)
	}
	return nil
}
