package resultlines

import (
	"bytes"
	"hash/maphash"
)

// What the scanner keeps of a line, in bytes.
const (
	maxName    = 64       // "response" with every letter escaped has 50
	maxSpelt   = 64 << 10 // of a key; of a longer one the spelling is compared
	maxCause   = 64 << 10 // of an error
	maxNesting = 10_000   // levels, as in encoding/json
)

// A state is what the scanner expects next.
type state uint8

const (
	atValue        state = iota // a value
	atFirstElement              // a value, or the end of the list
	atFirstName                 // the name of a member, or the end of the object
	atName                      // the name of a member
	atColon
	afterValue // a comma, or the end of the object or list
	atEnd      // nothing but white space
	inString
	inEscape // after a backslash
	inHex    // the digits of \u
	inLiteral
	inMinus    // after the sign of a number
	inZero     // after a 0 in front
	inInteger  // among the digits in front
	inPoint    // after the point
	inFraction // among the digits behind it
	inE        // after the e
	inSign     // after the sign behind it
	inExponent // among its digits
	inBroken   // no JSON: the next newline
)

// A member is one that the scanner looks for.
type member uint8

const (
	otherMember member = iota
	keyMember
	responseMember
	errorMember
	metadataMember
	metadataKeyMember // "key" in "metadata"
)

// A scanner reads a line of JSON in pieces of any size. It accepts what encoding/json does.
//
// Each byte moves it from one state to the next. depth counts the objects and lists that are open,
// so the members of the line are at depth 1, and those of its metadata at depth 2.
type scanner struct {
	state   state
	isName  bool   // the string is the name of a member
	digits  int    // of \u that are missing
	literal string // what is missing of true, false or null
	depth   int
	lists   [maxNesting/64 + 1]uint64 // a bit for each depth: a list, not an object

	member     member // whose value is next, at depth 1 or in the metadata
	inMetadata bool   // the value at depth 1 is the metadata

	// What is being kept, and the depth at which its end is; nil: nothing.
	kept      *fragment
	keptDepth int

	name        fragment
	key, inner  fragment // the line's key, and that in its metadata
	cause       fragment // the error
	hasKey      bool     // there is one, and it is a string
	hasInner    bool
	hasError    bool // there is one, and it is not null
	hasResponse bool
}

func (s *scanner) init(seed maphash.Seed) {
	s.name.limit, s.key.limit, s.inner.limit, s.cause.limit = maxName, maxSpelt, maxSpelt, maxCause
	for _, f := range []*fragment{&s.name, &s.key, &s.inner, &s.cause} {
		f.hasher.SetSeed(seed)
	}
}

// reset makes the scanner ready for the next line.
func (s *scanner) reset() {
	s.state, s.isName, s.depth, s.member, s.inMetadata, s.kept = atValue, false, 0, otherMember, false, nil
	s.hasKey, s.hasInner, s.hasError, s.hasResponse = false, false, false, false
}

// What a whole line is.
type syntax uint8

const (
	blank syntax = iota
	malformed
	wellFormed
)

// finish says what the line is that ends here.
func (s *scanner) finish() syntax {
	switch s.state {
	case atValue:
		if s.depth == 0 {
			return blank
		}
	case atEnd:
		return wellFormed
	case inZero, inInteger, inFraction, inExponent:
		if s.depth == 0 {
			return wellFormed
		}
	}
	return malformed
}

// keyOfLine returns the member "key" or, of an inline response, that of its metadata; nil if
// neither is a string.
func (s *scanner) keyOfLine() *fragment {
	switch {
	case s.hasKey:
		return &s.key
	case s.hasInner:
		return &s.inner
	}
	return nil
}

// scan reads up to the end of the line, and returns where in p its newline is, or -1 if it is not
// there.
func (s *scanner) scan(p []byte) int {
	start := 0 // of what is kept, in p
	for i := 0; i < len(p); i++ {
		switch s.state {
		case inString:
			i += plain(p[i:])
		case inInteger, inFraction, inExponent:
			i = digits(p, i)
		case atValue:
			if s.depth > 0 && s.isList() {
				i += numbers(p[i:])
			}
		case inBroken:
			newline := bytes.IndexByte(p[i:], '\n')
			if newline < 0 {
				return -1
			}
			return i + newline
		}
		if i == len(p) {
			break
		}
		if p[i] == '\n' {
			return i
		}
		i, start = s.step(p, i, start)
	}
	if s.kept != nil {
		s.kept.add(p[start:])
	}
	return -1
}

// step takes the byte at i, and returns where the last byte is that it took, and where what is kept
// begins.
func (s *scanner) step(p []byte, i, start int) (last, kept int) {
	c := p[i]
	switch s.state {
	case inString:
		switch c {
		case '"':
			return i, s.endString(p, i, start)
		case '\\':
			s.state = inEscape
		default: // a control character
			s.broken()
		}
	case inEscape, inHex:
		s.escape(c)
	case inLiteral:
		if c != s.literal[0] {
			s.broken()
		} else if s.literal = s.literal[1:]; s.literal == "" {
			s.endValue(p, i+1, start)
		}
	case inMinus, inZero, inInteger, inPoint, inFraction, inE, inSign, inExponent:
		if s.number(c) {
			break
		}
		if s.state == inBroken {
			break
		}
		s.endValue(p, i, start) // the number ended before this byte
		return i - 1, start
	default:
		if c == ' ' || c == '\t' || c == '\r' {
			break
		}
		return i, s.structure(p, i, start)
	}
	return i, start
}

func (s *scanner) broken() { s.state, s.kept = inBroken, nil }
