// Package printable makes text from outside safe to show. A webhook-id, a payload, an error of a
// server can hold characters that command a terminal (escape sequences, in C0 or C1 form), or
// change the order in which text is shown.
//
// The characters it deals with are those of [Unsafe]. Text replaces them, JSON escapes them.
package printable

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// joiners join and part letters in some scripts, and parts of emoji. They command nothing.
const joiners = "\u200c\u200d"

// Unsafe reports whether a character must not reach a terminal: a control character (C0, DEL, C1),
// one of Unicode's format characters, such as the bidirectional marks, or a line or paragraph
// separator.
func Unsafe(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && !strings.ContainsRune(joiners, r)
}

// Text returns text with U+FFFD in place of each unsafe character, line feeds and tabs among them,
// and of each byte that is not UTF-8.
func Text(text string) string {
	return strings.Map(func(r rune) rune {
		if Unsafe(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// JSON returns a JSON text of the same meaning in which each unsafe character of a string is
// written as an escape. White space between values is left as it is. It returns its argument, not a
// copy, where there is nothing to escape.
func JSON(text []byte) []byte {
	var escaped []byte
	kept := 0 // text before this is in escaped
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		// A valid JSON string has no C0 controls, so that those in text are white space between
		// values.
		if r >= ' ' && Unsafe(r) {
			escaped = appendEscape(append(escaped, text[kept:i]...), r)
			kept = i + size
		}
		i += size
	}
	if escaped == nil {
		return text
	}
	return append(escaped, text[kept:]...)
}

func appendEscape(to []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	units := []rune{r}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		units = []rune{high, low}
	}
	for _, unit := range units {
		to = append(to, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
	}
	return to
}
