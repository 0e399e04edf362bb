package explain

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"time"
)

// changedBody finds out whether the signature fits the body before something on the way changed it,
// and says what.
func (e *explanation) changedBody(ctx context.Context, dynamic bool, at time.Time) string {
	verify := e.static(at, e.keys.Secrets, nil)
	if dynamic {
		verify = e.dynamic(at, e.keys.KeySet, nil)
	}
	for _, change := range changes {
		original := change.undo(e.capture.Body)
		if original == nil || bytes.Equal(original, e.capture.Body) {
			continue
		}
		if _, err := verify(ctx, e.capture.Header, original); err == nil {
			return change.what
		}
	}
	return ""
}

// changes are what proxies, editors and frameworks do to a body.
var changes = []struct {
	what string
	undo func([]byte) []byte
}{
	{"it fits the body without the white space at its end: the capture added that",
		func(body []byte) []byte { return bytes.TrimRight(body, " \t\r\n") }},
	{"it fits the body with a line break at its end: the capture cut that off",
		func(body []byte) []byte { return append(bytes.Clone(body), '\n') }},
	{"it fits the body with single line feeds: the capture made them CR LF",
		func(body []byte) []byte { return bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")) }},
	{"it fits the body with CR LF: the capture made them single line feeds",
		func(body []byte) []byte { return bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n")) }},
	{"it fits the body decoded from base64: the platform encoded it",
		func(body []byte) []byte {
			decoded, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(body)))
			if err != nil {
				return nil
			}
			return decoded
		}},
	{"it fits the same JSON without white space: something parsed the body and wrote it again",
		func(body []byte) []byte {
			var compact bytes.Buffer
			if json.Compact(&compact, body) != nil {
				return nil
			}
			return compact.Bytes()
		}},
}
