// Package event makes the Pub/Sub message of a delivery: the verified bytes as they are, and
// attributes by which subscriptions can filter, in the binary mode of the CloudEvents binding for
// Pub/Sub.
//
// Gemini's events are an open set: any JSON object with a type is one. Attributes never make
// Pub/Sub refuse the message: what breaks one of its limits is left out, never truncated, and can
// still be read in the body.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"
)

// ErrNotEvent is what Parse returns for bytes that are no Gemini event.
var ErrNotEvent = errors.New("not a Gemini event")

// An Event is what gemhook reads of Gemini's envelope. Every field but Type may be empty.
type Event struct {
	Type       string
	ResourceID string // data.id: the batch, interaction or video
	Timestamp  string // as sent
	// Metadata are the scalar members of user_metadata: strings as they are, numbers and booleans
	// as JSON writes them.
	Metadata map[string]string
}

// byteOrderMark may precede UTF-8 text; RFC 8259, section 8.1 lets a parser ignore it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// Parse reads the envelope. Its error is ErrNotEvent, with the reason, unless the bytes are a JSON
// object with a type that is a string. Whatever else it holds may have any shape, and what is not
// of the expected one counts as missing.
func Parse(payload []byte) (*Event, error) {
	envelope, err := object(bytes.TrimPrefix(payload, byteOrderMark))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNotEvent, jsonFault(err))
	}
	parsed := &Event{Type: text(envelope["type"]), Timestamp: text(envelope["timestamp"])}
	if parsed.Type == "" {
		return nil, fmt.Errorf("%w: it has no type", ErrNotEvent)
	}
	data, _ := object(envelope["data"])
	parsed.ResourceID = text(data["id"])
	// The guide does not say where user_metadata lies, so both places count; the one nearer to the
	// resource wins.
	parsed.Metadata = scalars(envelope["user_metadata"])
	maps.Copy(parsed.Metadata, scalars(data["user_metadata"]))
	return parsed, nil
}

// rfc3339 is the form that RFC 3339, section 5.6 gives a timestamp. Package time checks the date,
// but also takes an hour of one digit, a comma, and any offset.
var rfc3339 = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
})

// time returns the event's own timestamp, if it is one by RFC 3339, else the other.
func (e *Event) time(other time.Time) string {
	// Package time takes neither lower case nor a leap second, which only ends the 59th minute.
	usual := strings.Replace(strings.ToUpper(e.Timestamp), ":59:60", ":59:59", 1)
	var parsed time.Time
	if rfc3339().MatchString(e.Timestamp) && parsed.UnmarshalText([]byte(usual)) == nil {
		return e.Timestamp
	}
	return other.UTC().Format(time.RFC3339)
}

// object returns the members of a JSON object under their exact names; encoding/json would match a
// struct's fields in any case. It fails on null too.
func object(value json.RawMessage) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errors.New("null")
	}
	return members, nil
}

// jsonFault says why bytes are no JSON object without quoting them: the reason travels in an
// attribute.
func jsonFault(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("invalid JSON at byte %d", syntax.Offset)
	}
	return "it is no JSON object"
}

// text returns the value of a JSON string, "" for anything else.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// scalars returns the members of a JSON object that are strings, numbers or booleans.
func scalars(value json.RawMessage) map[string]string {
	members, _ := object(value)
	found := make(map[string]string, len(members))
	for name, member := range members {
		switch member[0] { // never empty, and without leading space: encoding/json compacts nothing but trims
		case '"':
			found[name] = text(member)
		case '{', '[', 'n':
		default:
			found[name] = string(member)
		}
	}
	return found
}
