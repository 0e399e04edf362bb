package page

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gemhook/gemhook/shared/printable"
)

// shownBytes is how much of a body is shown at first: a browser is slow with a megabyte in one
// line.
const shownBytes = 64 << 10

// hexBytes is how much of a body is shown as bytes.
const hexBytes = 4 << 10

// A body is bytes as the page shows them.
type body struct {
	Size int    `json:"size"`
	Text string `json:"text"` // with what cannot be seen made visible
	Hex  string `json:"hex"`
	Cut  bool   `json:"cut,omitempty"`
	// Raw is the text to edit; nil where the bytes are not UTF-8, or the body is cut.
	Raw *string `json:"raw,omitempty"`
}

func newBody(data []byte, limit int) *body {
	b := &body{Size: len(data), Hex: hex.Dump(data[:min(len(data), hexBytes)])}
	kept := data
	if len(data) > limit {
		b.Cut, kept = true, data[:limit]
		for len(kept) > 0 && !utf8.RuneStart(data[len(kept)]) {
			kept = kept[:len(kept)-1] // not within a character
		}
	} else if utf8.Valid(data) {
		raw := string(data)
		b.Raw = &raw
	}
	b.Text = visible(kept)
	return b
}

// visible returns text in which each character that cannot be seen, or that changes how others are
// seen, is named in its place: ⟦U+202E⟧; and so is each byte that is not UTF-8: ⟦0xFF⟧. Line feeds
// and tabs stay.
func visible(text []byte) string {
	var shown strings.Builder
	shown.Grow(len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&shown, "⟦0x%02X⟧", text[0])
		case r != '\n' && r != '\t' && printable.Unsafe(r):
			fmt.Fprintf(&shown, "⟦U+%04X⟧", r)
		default:
			shown.Write(text[:size])
		}
		text = text[size:]
	}
	return shown.String()
}
