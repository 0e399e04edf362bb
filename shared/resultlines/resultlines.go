// Package resultlines goes through the responses of a batch once, line by line, as they pass by on their way to the bucket:
// it counts them, and writes a line about each that somebody has to look at.
//
//	lines := resultlines.New(failures)
//	_, err := io.Copy(io.MultiWriter(responses, lines), download)
//	err = lines.Close()
//	counts := lines.Counts()
package resultlines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
)

const (
	// maxKeys is for how many lines keys are compared. A table of their hashes takes 16 MiB.
	maxKeys   = 2_000_000
	tableSize = 1 << 21

	// maxLine is how long a line may be to be looked at, in bytes. A longer one counts as failed.
	maxLine = 32 << 20

	// maxError and maxKey bound what is repeated of a line, in bytes.
	maxError, maxKey = 64 << 10, 1 << 10
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
	Line   int64           `json:"line"` // from 1 on
	Key    string          `json:"key,omitempty"`
	Reason string          `json:"reason"`
	Error  json.RawMessage `json:"error,omitempty"` // as Gemini has it, unless it is over 64 KiB
}

// The reasons of a failure.
const (
	ReasonError        = "error"         // the response is an error
	ReasonNotJSON      = "not_json"      // the line is no JSON
	ReasonNoResponse   = "no_response"   // it has neither a response nor an error
	ReasonTooLong      = "too_long"      // it is over 32 MiB and was not looked at
	ReasonDuplicateKey = "duplicate_key" // its key came before; the response counts all the same
)

// Lines is an io.Writer for the responses. It is not safe for concurrent use.
type Lines struct {
	failures io.Writer
	line     []byte // that is not at its end yet
	long     bool   // that line is over maxLine, and not kept
	number   int64

	total, succeeded, failed, duplicates int64

	seed maphash.Seed
	keys []uint64 // open addressing; 0 is an empty slot
	used int
}

// New returns lines whose failures are written to a writer, as JSON lines.
func New(failures io.Writer) *Lines { return &Lines{failures: failures, seed: maphash.MakeSeed()} }

// Write takes the next bytes. It fails only if a failure cannot be written.
func (l *Lines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			l.append(rest)
			break
		}
		part := rest[:end]
		rest = rest[end+1:]
		if len(l.line) > 0 || l.long {
			l.append(part)
			part = l.line
		}
		if err := l.end(part); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Close takes the last line, if no newline ended it.
func (l *Lines) Close() error { return l.end(l.line) }

// Counts returns the numbers so far.
func (l *Lines) Counts() Counts {
	counts := Counts{Total: l.total, Succeeded: l.succeeded, Failed: l.failed}
	if l.total <= maxKeys {
		counts.DuplicateKeys = &l.duplicates
	}
	return counts
}

func (l *Lines) append(part []byte) {
	if l.long || len(l.line)+len(part) > maxLine {
		l.line, l.long = l.line[:0], true
		return
	}
	l.line = append(l.line, part...)
}

// end looks at a whole line. Lines of white space do not count.
func (l *Lines) end(line []byte) error {
	long := l.long
	defer func() { l.line, l.long = l.line[:0], false }()
	l.number++
	if !long && len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	l.total++
	if long {
		return l.fail(Failure{Reason: ReasonTooLong})
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(line, &members)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return l.fail(Failure{Reason: ReasonNotJSON})
	}
	key := keyOf(members)
	failure := Failure{Key: key}
	switch {
	case isThere(members["error"]):
		failure.Reason = ReasonError
		if cause := members["error"]; len(cause) <= maxError {
			failure.Error = cause
		}
		err = l.fail(failure)
	case !isThere(members["response"]):
		failure.Reason = ReasonNoResponse
		err = l.fail(failure)
	default:
		l.succeeded++
		err = nil
	}
	if err == nil && key != "" && l.cameBefore(key) {
		l.duplicates++
		failure.Reason, failure.Error = ReasonDuplicateKey, nil
		err = l.write(failure)
	}
	return err
}

func isThere(value json.RawMessage) bool {
	return len(value) > 0 && !bytes.Equal(value, []byte("null"))
}

// keyOf returns the key of a line: its member "key" or, of an inline response, that of its metadata.
func keyOf(members map[string]json.RawMessage) string {
	var key string
	if json.Unmarshal(members["key"], &key) == nil {
		return key
	}
	var metadata map[string]json.RawMessage
	if json.Unmarshal(members["metadata"], &metadata) == nil {
		_ = json.Unmarshal(metadata["key"], &key) // one that is no text is none
	}
	return key
}

// cameBefore reports whether a key came before, and remembers it. Two keys are taken for the same if their hashes of 64 bits
// are.
func (l *Lines) cameBefore(key string) bool {
	if l.used == maxKeys {
		return false // Counts says that it was not compared
	}
	if l.keys == nil {
		l.keys = make([]uint64, tableSize)
	}
	hash := max(maphash.String(l.seed, key), 1)
	for slot := hash % tableSize; ; slot = (slot + 1) % tableSize {
		switch l.keys[slot] {
		case hash:
			return true
		case 0:
			l.keys[slot] = hash
			l.used++
			return false
		}
	}
}

func (l *Lines) fail(failure Failure) error {
	l.failed++
	return l.write(failure)
}

func (l *Lines) write(failure Failure) error {
	failure.Line = l.number
	if len(failure.Key) > maxKey {
		failure.Key = ""
	}
	encoded, err := json.Marshal(failure)
	if err == nil {
		_, err = l.failures.Write(append(encoded, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write line %d of the failures: %w", l.number, err)
	}
	return nil
}
