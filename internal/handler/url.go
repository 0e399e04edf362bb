package handler

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gemhook/gemhook/shared/webhook"
)

// ErrBadOptions is wrapped by every error of New and ParseURL.
var ErrBadOptions = errors.New("the handler cannot be called like that")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadOptions, fmt.Sprintf(format, args...))
}

// ParseURL reads the URL of a handler: a whole one; a host, a port and perhaps a path, such as
// localhost:3000/hook; or a port of this machine.
func ParseURL(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	whole := text
	switch {
	case text == "":
		return nil, bad("its URL is empty")
	case isPort(text):
		whole = "http://localhost:" + text
	case strings.HasPrefix(text, ":"):
		whole = "http://localhost" + text
	case !strings.Contains(text, "://"):
		whole = "http://" + text
	}
	parsed, err := url.Parse(whole)
	if err != nil {
		var wrong *url.Error
		if errors.As(err, &wrong) {
			err = wrong.Err
		}
		return nil, bad("its URL is none: %v", err)
	}
	switch {
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		return nil, bad("its URL begins with http:// or https://, not with %s://", parsed.Scheme)
	case parsed.Hostname() == "":
		return nil, bad("its URL has no host")
	case parsed.User != nil:
		return nil, bad("its URL has a user or a password, which would be shown")
	case parsed.Fragment != "":
		return nil, bad("its URL has a part after #, which is never sent")
	case parsed.Port() != "" && !isPort(parsed.Port()):
		return nil, bad("a port is a number from 1 to 65535")
	}
	if parsed.Path == "" {
		parsed.Path = "/"
	}
	return parsed, nil
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// check checks that the options go together.
func (o *Options) check(target *url.URL) error {
	if o.Form != "" && !slices.Contains(Forms(), string(o.Form)) {
		return bad("it gets events as %s, not as %q", strings.Join(Forms(), ", "), o.Form)
	}
	if o.Form == Gemini {
		if _, err := webhook.ParseSecret(o.Secret); err != nil {
			return bad("the local secret: %v", err)
		}
	}
	if o.Timeout < 0 {
		return bad("its timeout is negative")
	}
	if strings.ContainsAny(o.Host, "/@ \t\r\n") {
		return bad("a host is a name and perhaps a port, such as app.example:8443")
	}
	if !o.Insecure {
		return nil
	}
	if target.Scheme != "https" {
		return bad("its URL is not https, so there is no certificate not to look at")
	}
	// A name is looked at when it is resolved.
	if address := net.ParseIP(target.Hostname()); address != nil && !address.IsLoopback() {
		return bad("%v", errNotLoopback)
	}
	return nil
}
