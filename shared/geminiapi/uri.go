package geminiapi

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// EventTypes returns the types of event that a webhook can be subscribed to. Gemini's guide lists
// two more, batch.cancelled and interaction.cancelled, which the API refuses; events of any type
// can be delivered.
func EventTypes() []string {
	return []string{
		"batch.succeeded", "batch.expired", "batch.failed",
		"interaction.requires_action", "interaction.completed", "interaction.failed",
		"video.generated",
	}
}

// CanonicalURI returns the one form in which the address of a webhook is registered and compared:
// scheme and host in lower case, the shortest form of an IPv6 address, no default port, "/" for an
// empty path, no dot segments, no "?" without a query, and no escapes that are not needed.
//
// It fails with ErrInvalid for what is not an https URL (or http, on this machine), and for one
// with a user name, a fragment, white space, or a host that is neither an address nor a name in
// ASCII.
func CanonicalURI(text string) (string, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "", badURI("has white space or control characters in it")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil: // the error quotes the URL, which can hold a token
		return "", badURI("is not a URL")
	case u.Opaque != "" || u.Hostname() == "":
		return "", badURI("is not an absolute URL such as https://hooks.example.com/")
	case u.User != nil:
		return "", badURI("has a user name in it")
	case strings.Contains(text, "#"):
		return "", badURI("has a fragment")
	}
	host, err := canonicalHost(u)
	if err != nil {
		return "", err
	}
	canonical := strings.ToLower(u.Scheme) + "://" + host + canonicalPath(u)
	if u.RawQuery != "" {
		canonical += "?" + canonicalEscapes(u.RawQuery)
	}
	return canonical, nil
}

// SameURI reports whether two addresses lead to the same endpoint: their canonical forms are equal
// but for a slash at the end of the path. An address without such a form is only the same as
// itself.
func SameURI(a, b string) bool {
	if a == b {
		return true
	}
	first, errFirst := CanonicalURI(a)
	second, errSecond := CanonicalURI(b)
	return errFirst == nil && errSecond == nil && withoutLastSlash(first) == withoutLastSlash(second)
}

func withoutLastSlash(uri string) string {
	path, query, _ := strings.Cut(uri, "?")
	return strings.TrimRight(path, "/") + "?" + query
}

func badURI(why string) error { return fmt.Errorf("%w: the address %s", ErrInvalid, why) }

// IsLoopback reports whether a host, without a port, is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// label is one of the parts of a host's name, between dots. DNS takes more than these characters
// (RFC 2181, section 11), but no server of the web has such a name.
var label = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$`)

// canonicalName returns the host without its port.
func canonicalName(u *url.URL) (string, error) {
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if strings.HasPrefix(u.Host, "[") {
		address, err := netip.ParseAddr(name)
		if err != nil || address.Zone() != "" {
			return "", badURI("has brackets around what is no IPv6 address that others could reach")
		}
		return "[" + address.String() + "]", nil
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", badURI("has a host that is not in ASCII; write it as DNS has it (xn--…)")
	}
	for part := range strings.SplitSeq(name, ".") {
		if len(part) > 63 || len(name) > 253 || !label.MatchString(part) {
			return "", badURI("has a host that can be none")
		}
	}
	return name, nil
}

func canonicalHost(u *url.URL) (string, error) {
	name, err := canonicalName(u)
	if err != nil {
		return "", err
	}
	defaultPort := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	if defaultPort == "" || u.Scheme == "http" && !IsLoopback(strings.Trim(name, "[]")) {
		return "", badURI("is not an https URL")
	}
	port := u.Port()
	if number, err := strconv.Atoi(port); port != "" && (err != nil || number < 1 || number > 65535) {
		return "", badURI("has a port that is none")
	} else if port == "" || strconv.Itoa(number) == defaultPort {
		return name, nil
	} else {
		return name + ":" + strconv.Itoa(number), nil
	}
}

// canonicalPath returns the escaped path without "." and "..", "/" for an empty one. What a dot
// segment is shows only once needless escapes are gone.
func canonicalPath(u *url.URL) string {
	escaped := canonicalEscapes(u.EscapedPath())
	path, err := url.PathUnescape(escaped)
	if err != nil || path == "" {
		return "/"
	}
	resolved := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}).ResolveReference(&url.URL{Path: path, RawPath: escaped})
	return canonicalEscapes(resolved.EscapedPath())
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// canonicalEscapes decodes what needs no escape (RFC 3986, section 2.3), escapes what is not in
// ASCII, and writes escapes in capitals.
func canonicalEscapes(text string) string {
	var ascii strings.Builder
	for i := range len(text) {
		if text[i] < utf8.RuneSelf {
			ascii.WriteByte(text[i])
		} else {
			fmt.Fprintf(&ascii, "%%%02X", text[i])
		}
	}
	return escape.ReplaceAllStringFunc(ascii.String(), func(escaped string) string {
		code, _ := strconv.ParseUint(escaped[1:], 16, 8) // the expression has seen to its form
		r := rune(code)
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-._~", r)) {
			return string(r)
		}
		return strings.ToUpper(escaped)
	})
}
