package geminiapi

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
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
// scheme and host in lower case, no default port, "/" for an empty path, no dot segments, no "?"
// without a query, and no escapes that are not needed.
//
// It fails with ErrInvalid for what is not an https URL (or http, on this machine), and for one
// with a user name, a fragment, white space, or a host that is not written in ASCII.
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
	path := canonicalEscapes(resolveDots(u))
	canonical := strings.ToLower(u.Scheme) + "://" + host + path
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

func canonicalHost(u *url.URL) (string, error) {
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", badURI("has a host that is not in ASCII; write it as DNS has it (xn--…)")
	}
	defaultPort := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	if defaultPort == "" || u.Scheme == "http" && !IsLoopback(name) {
		return "", badURI("is not an https URL")
	}
	if strings.Contains(name, ":") { // IPv6
		name = "[" + name + "]"
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

// resolveDots returns the escaped path without "." and "..", "/" for an empty one.
func resolveDots(u *url.URL) string {
	resolved := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}).ResolveReference(&url.URL{Path: u.Path, RawPath: u.RawPath})
	if u.Path == "" || resolved.EscapedPath() == "" {
		return "/"
	}
	return resolved.EscapedPath()
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// canonicalEscapes decodes what needs no escape (RFC 3986, section 2.3) and writes the others in
// capitals.
func canonicalEscapes(text string) string {
	return escape.ReplaceAllStringFunc(text, func(escaped string) string {
		code, _ := strconv.ParseUint(escaped[1:], 16, 8) // the expression has seen to its form
		r := rune(code)
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-._~", r)) {
			return string(r)
		}
		return strings.ToUpper(escaped)
	})
}
