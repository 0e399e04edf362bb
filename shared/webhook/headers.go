package webhook

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxHeader bounds the length in bytes of each header's value.
const maxHeader = 8 << 10

// headers are the three headers of a delivery, checked for form and nothing else.
type headers struct {
	id, timestamp, signature string
	seconds                  int64 // timestamp as unix seconds
}

// read finds the three headers and checks their form.
func (h *headers) read(from http.Header) (err error) {
	if h.id, err = single(from, "Webhook-Id", HeaderID); err != nil {
		return err
	}
	if h.timestamp, err = single(from, "Webhook-Timestamp", HeaderTimestamp); err != nil {
		return err
	}
	if h.signature, err = single(from, "Webhook-Signature", HeaderSignature); err != nil {
		return err
	}
	h.seconds, err = unixSeconds(h.timestamp)
	return err
}

// single returns the value of a header that must be there once, found under its canonical name.
func single(h http.Header, canonical, name string) (string, error) {
	values := h[canonical]
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", refuse(ErrMissingHeader, fmt.Sprintf("The %s header is missing or empty.", name))
	case len(values) > 1:
		return "", refuse(ErrMalformedHeader, fmt.Sprintf("The %s header must be sent once.", name))
	case len(values[0]) > maxHeader:
		return "", refuse(ErrMalformedHeader, fmt.Sprintf("The %s header is longer than %d bytes.", name, maxHeader))
	}
	return values[0], nil
}

// unixSeconds reads a timestamp that is digits only, so that one instant has few spellings and none
// is a surprise.
func unixSeconds(text string) (int64, error) {
	seconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, refuse(ErrMalformedHeader, fmt.Sprintf("The %s header must be unix seconds in digits.", HeaderTimestamp))
	}
	return int64(seconds), nil
}

// checkFresh refuses a signed timestamp further than tolerance from now; exactly at the tolerance
// is inside.
func checkFresh(seconds int64, now time.Time, tolerance time.Duration) error {
	limit := int64(tolerance / time.Second)
	switch age := now.Unix() - seconds; {
	case age > limit:
		return refuse(ErrStaleTimestamp, fmt.Sprintf("The %s header is more than %s old.", HeaderTimestamp, tolerance))
	case age < -limit:
		return refuse(ErrStaleTimestamp, fmt.Sprintf("The %s header is more than %s ahead.", HeaderTimestamp, tolerance))
	}
	return nil
}

// appendSignedPrefix appends what v1 and v1a sign before the raw body: the header strings as
// received.
func (h *headers) appendSignedPrefix(to []byte) []byte {
	to = append(to, h.id...)
	to = append(to, '.')
	to = append(to, h.timestamp...)
	return append(to, '.')
}

// maxSignatures bounds how many signatures of the wanted version are looked at. Google sends one,
// two during a rotation.
const maxSignatures = 16

// signatures yields the signatures of one version in a list like "v1,abc v1a,def". Entries of other
// versions are skipped, as the Standard Webhooks specification asks.
func signatures(list string, version Scheme) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		looked := 0
		for rest, more := list, true; more; {
			var entry string
			entry, rest, more = strings.Cut(rest, " ")
			label, signature, _ := strings.Cut(entry, ",")
			if label != string(version) {
				continue
			}
			if looked++; looked > maxSignatures || !yield(signature) {
				return
			}
		}
	}
}

// has reports whether a list holds a signature of that version.
func has(list string, version Scheme) bool {
	for range signatures(list, version) {
		return true
	}
	return false
}

// isToken reports whether a signature header has the shape of a compact token rather than of a
// signature list.
func isToken(signature string) bool {
	return strings.Count(signature, ".") == 2 && !strings.ContainsAny(signature, ", ")
}
