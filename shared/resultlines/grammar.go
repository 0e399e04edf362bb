package resultlines

// structure takes a byte between strings, numbers and literals, and returns where what is kept
// begins.
func (s *scanner) structure(p []byte, i, start int) int {
	c := p[i]
	switch s.state {
	case atFirstElement:
		if c == ']' {
			s.close(p, i, start)
			return start
		}
		return s.beginValue(c, i, start)
	case atValue:
		return s.beginValue(c, i, start)
	case atFirstName, atName:
		if c == '"' {
			return s.beginName(i, start)
		}
		if c == '}' && s.state == atFirstName {
			s.close(p, i, start)
			return start
		}
	case atColon:
		if c == ':' {
			s.state = atValue
			return start
		}
	case afterValue:
		isList := s.isList()
		switch {
		case c == ',' && isList:
			s.state = atValue
			return start
		case c == ',':
			s.state = atName
			return start
		case c == ']' && isList, c == '}' && !isList:
			s.close(p, i, start)
			return start
		}
	}
	s.broken()
	return start
}

// isWatched reports whether members are looked for in the object that is open.
func (s *scanner) isWatched() bool { return s.depth == 1 || s.depth == 2 && s.inMetadata }

func (s *scanner) beginName(i, start int) int {
	s.state, s.isName = inString, true
	if s.isWatched() {
		return s.keep(&s.name, i)
	}
	return start
}

// keep keeps what begins at i, at this depth.
func (s *scanner) keep(f *fragment, i int) int {
	f.reset()
	s.kept, s.keptDepth = f, s.depth
	return i
}

func (s *scanner) endString(p []byte, i, start int) int {
	if !s.isName {
		s.endValue(p, i+1, start)
		return start
	}
	s.isName, s.state = false, atColon
	if s.kept == &s.name {
		s.kept.add(p[start : i+1])
		s.kept = nil
		s.member = s.memberNamed(s.name.text())
	}
	return start
}

func (s *scanner) memberNamed(name []byte) member {
	switch {
	case s.depth == 2 && string(name) == "key":
		return metadataKeyMember
	case s.depth == 2:
		return otherMember
	}
	switch string(name) {
	case "key":
		return keyMember
	case "response":
		return responseMember
	case "error":
		return errorMember
	case "metadata":
		return metadataMember
	}
	return otherMember
}

func (s *scanner) beginValue(c byte, i, start int) int {
	if s.member != otherMember && s.isWatched() {
		start = s.beginMember(c, i, start)
	}
	switch c {
	case '"':
		s.state = inString
	case '{':
		s.open(atFirstName, 0)
	case '[':
		s.open(atFirstElement, 1)
	case 't':
		s.state, s.literal = inLiteral, "rue"
	case 'f':
		s.state, s.literal = inLiteral, "alse"
	case 'n':
		s.state, s.literal = inLiteral, "ull"
	case '-':
		s.state = inMinus
	case '0':
		s.state = inZero
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s.state = inInteger
	default:
		s.broken()
	}
	return start
}

// beginMember takes the first byte of the value of a member that is looked for. Of members with the
// same name the last counts.
func (s *scanner) beginMember(c byte, i, start int) int {
	isThere, isText := c != 'n', c == '"'
	switch s.member {
	case responseMember:
		s.hasResponse = isThere
	case errorMember:
		if s.hasError = isThere; isThere {
			start = s.keep(&s.cause, i)
		}
	case keyMember:
		if s.hasKey = isText; isText {
			start = s.keep(&s.key, i)
		}
	case metadataKeyMember:
		if s.hasInner = isText; isText {
			start = s.keep(&s.inner, i)
		}
	case metadataMember:
		s.hasInner, s.inMetadata = false, c == '{'
	}
	s.member = otherMember
	return start
}

// endValue ends a value whose last byte is before end.
func (s *scanner) endValue(p []byte, end, start int) {
	if s.kept != nil && s.depth == s.keptDepth {
		s.kept.add(p[start:end])
		s.kept = nil
	}
	s.state = afterValue
	if s.depth == 0 {
		s.state = atEnd
	} else if s.depth == 1 {
		s.inMetadata = false
	}
}

func (s *scanner) open(next state, list uint64) {
	if s.depth == maxNesting {
		s.broken()
		return
	}
	s.depth++
	word, bit := s.depth/64, s.depth%64
	s.lists[word] = s.lists[word]&^(1<<bit) | list<<bit
	s.state = next
}

func (s *scanner) isList() bool { return s.lists[s.depth/64]>>(s.depth%64)&1 == 1 }

func (s *scanner) close(p []byte, i, start int) {
	s.depth--
	s.endValue(p, i+1, start)
}

func (s *scanner) escape(c byte) {
	switch {
	case s.state == inHex && isHex(c):
		if s.digits--; s.digits == 0 {
			s.state = inString
		}
	case s.state == inHex:
		s.broken()
	case c == 'u':
		s.state, s.digits = inHex, 4
	case isShortEscape[c]:
		s.state = inString
	default:
		s.broken()
	}
}

// number takes a byte of a number. False means that the number has ended before it, or that the
// line is broken.
func (s *scanner) number(c byte) bool {
	switch s.state {
	case inMinus:
		switch {
		case c == '0':
			s.state = inZero
		case isDigit(c):
			s.state = inInteger
		default:
			s.broken()
		}
		return isDigit(c)
	case inPoint:
		s.state = inFraction
	case inE:
		if c == '+' || c == '-' {
			s.state = inSign
			return true
		}
		s.state = inExponent
	case inSign:
		s.state = inExponent
	case inZero, inInteger, inFraction:
		switch {
		case c == '.' && s.state != inFraction:
			s.state = inPoint
			return true
		case c == 'e', c == 'E':
			s.state = inE
			return true
		}
		return false
	default:
		return false
	}
	if !isDigit(c) {
		s.broken()
	}
	return isDigit(c)
}
