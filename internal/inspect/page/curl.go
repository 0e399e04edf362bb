package page

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/shared/printable"
)

// errNoRequest is returned for a record of which neither a request nor a local attempt is known.
var errNoRequest = errors.New("no request of this delivery is known")

// maxArgument bounds a body within a command line; Linux allows 128 KiB.
const maxArgument = 64 << 10

// ofConnection are headers that belong to the connection, not to the delivery.
var ofConnection = map[string]bool{
	"Accept-Encoding": true, "Connection": true, "Content-Length": true, "Host": true, "Transfer-Encoding": true, "User-Agent": true,
}

// curl returns a command for a Bourne shell such as bash that posts the same bytes again: the
// request as it came in, or the last one to the local handler.
func curl(r *inspect.Record, receiver string) (string, error) {
	switch {
	case r.Request != nil && receiver != "":
		return curlOf(r.Request, receiver+r.Request.Path), nil
	case len(r.Attempts) > 0:
		last := r.Attempts[len(r.Attempts)-1]
		return curlOf(&last.Request, last.URL), nil
	}
	return "", errNoRequest
}

func curlOf(request *inspect.Request, url string) string {
	var command, before string
	body := quote(string(request.Body))
	if len(body) > maxArgument || strings.ContainsRune(string(request.Body), 0) {
		// An argument cannot hold it.
		before = "base64 --decode <<'END' | "
		body = "@-"
	} else if strings.HasPrefix(string(request.Body), "@") {
		before, body = "printf %s "+body+" | ", "@-" // curl would read a file of that name
	}
	command = before + "curl -sS -i " + quote(url)
	for _, name := range slices.Sorted(maps.Keys(request.Header)) {
		if ofConnection[http.CanonicalHeaderKey(name)] {
			continue
		}
		for _, value := range request.Header[name] {
			header := strings.ToLower(name) + ": " + value
			if value == "" {
				header = strings.ToLower(name) + ";" // curl's way to send an empty one
			}
			command += " \\\n  -H " + quote(header)
		}
	}
	command += " \\\n  --data-binary " + body + "\n"
	if before == "base64 --decode <<'END' | " {
		command += base64.StdEncoding.EncodeToString(request.Body) + "\nEND\n"
	}
	return command
}

// quote quotes a text for the shell. Bytes that cannot be seen are written as escapes: a person who
// reads the command before running it sees all of it.
func quote(text string) string {
	if printable.Text(text) == text {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	var quoted strings.Builder
	quoted.WriteString("$'")
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'' || c == '\\':
			quoted.WriteString(`\` + string(c))
		case c >= ' ' && c < 0x7f:
			quoted.WriteByte(c)
		default:
			fmt.Fprintf(&quoted, `\x%02x`, c)
		}
	}
	return quoted.String() + "'"
}
