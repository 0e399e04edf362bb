package resultlines

import (
	"encoding/binary"
	"math/bits"
)

// Nearly all bytes of a file are text in strings, or numbers in the lists of embeddings. The
// functions here take them in runs; the scanner's single steps would find the same.

// plain returns how many bytes of a string come before its end, a control character, or an escape
// that is not whole or none of JSON's.
//
// It looks at eight bytes at once for a quote, a backslash or a control character. Of bytes below
// 128, subtracting 1 sets the highest bit of 0 alone, and subtracting a space that of control
// characters alone. A borrow can mark a byte that comes later by mistake, so only the first mark
// counts.
func plain(p []byte) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for i+8 <= len(p) {
		word := binary.LittleEndian.Uint64(p[i:])
		marks := (((word ^ ones*'"') - ones) | ((word ^ ones*'\\') - ones) | (word - ones*' ')) &^ word & high
		if marks == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(marks) / 8
		if i+1 < len(p) && p[i] == '\\' && isShortEscape[p[i+1]] {
			i += 2
			continue
		}
		n := escapeLength(p[i:])
		if n == 0 {
			return i
		}
		i += n
	}
	for i < len(p) && p[i] != '"' && p[i] >= ' ' {
		n := 1
		if p[i] == '\\' {
			n = escapeLength(p[i:])
		}
		if n == 0 {
			return i
		}
		i += n
	}
	return i
}

// escapeLength returns how long the escape is with which p begins; 0 if it is not whole, or none.
func escapeLength(p []byte) int {
	switch {
	case len(p) < 2 || p[0] != '\\':
		return 0
	case isShortEscape[p[1]]:
		return 2
	case p[1] == 'u' && len(p) >= 6 && isHex(p[2]) && isHex(p[3]) && isHex(p[4]) && isHex(p[5]):
		return 6
	}
	return 0
}

// isShortEscape has the bytes that are an escape after a backslash.
var isShortEscape = [256]bool{
	'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true,
}

func isHex(c byte) bool { return c-'0' <= 9 || c|0x20-'a' <= 5 }

func isDigit(c byte) bool { return c-'0' <= 9 }

// numbers returns how many bytes of a list are whole numbers with a comma after each.
func numbers(p []byte) int {
	for i := 0; ; {
		n := numberLength(p[i:])
		if n == 0 || i+n == len(p) || p[i+n] != ',' {
			return i
		}
		i += n + 1
	}
}

// numberLength returns how long the number is with which p begins, as far as p goes; 0 if there is
// none.
func numberLength(p []byte) int {
	i := 0
	if i < len(p) && p[i] == '-' {
		i++
	}
	begin := i
	if i = digits(p, i); i == begin || p[begin] == '0' && i > begin+1 {
		return 0
	}
	if i < len(p) && p[i] == '.' {
		begin = i + 1
		if i = digits(p, begin); i == begin {
			return 0
		}
	}
	if i < len(p) && p[i]|0x20 == 'e' {
		begin = i + 1
		if begin < len(p) && (p[begin] == '+' || p[begin] == '-') {
			begin++
		}
		if i = digits(p, begin); i == begin {
			return 0
		}
	}
	return i
}

// digits returns where the digits from i on end.
func digits(p []byte, i int) int {
	for i < len(p) && isDigit(p[i]) {
		i++
	}
	return i
}
