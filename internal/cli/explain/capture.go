package explain

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
)

// ErrNotCapture is returned for text that is no captured request.
var ErrNotCapture = errors.New("not a captured request")

// ParseCapture reads a captured request: either as it goes over the wire (an optional request line, headers, an empty line,
// the body to the end of the text), or as a Lambda event of payload format 2.0.
func ParseCapture(text []byte) (Capture, error) {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return parseLambda(text)
	}
	capture := Capture{Path: "/"}
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	if fields := strings.Fields(string(line)); len(fields) == 3 && strings.HasPrefix(fields[2], "HTTP/") {
		capture.Path = fields[1]
		text = rest
	}
	header, body, err := parseHeader(text)
	if err != nil {
		return Capture{}, err
	}
	capture.Header, capture.Body = header, body
	return capture, nil
}

// ParseHeader reads header lines up to an empty line or the end.
func ParseHeader(text []byte) (http.Header, error) {
	header, _, err := parseHeader(text)
	return header, err
}

func parseHeader(text []byte) (http.Header, []byte, error) {
	reader := bufio.NewReader(bytes.NewReader(append(bytes.Clone(text), "\r\n\r\n"...))) // ends even a text without body
	header, err := textproto.NewReader(reader).ReadMIMEHeader()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: its headers cannot be read", ErrNotCapture)
	}
	return http.Header(header), bodyOf(text), nil
}

// bodyOf returns what follows the first empty line.
func bodyOf(text []byte) []byte {
	for rest := text; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if len(bytes.TrimRight(line, "\r")) == 0 {
			return after
		}
		rest = after
	}
	return nil
}

func parseLambda(text []byte) (Capture, error) {
	var request struct {
		RawPath         string            `json:"rawPath"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(text, &request); err != nil || request.Headers == nil {
		return Capture{}, fmt.Errorf("%w: the JSON is no Lambda event of payload format 2.0", ErrNotCapture)
	}
	capture := Capture{Path: "/", Header: http.Header{}, Body: []byte(request.Body)}
	if request.RawPath != "" {
		capture.Path = request.RawPath
	}
	for name, value := range request.Headers {
		capture.Header.Set(name, value)
	}
	if request.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(request.Body)
		if err != nil {
			return Capture{}, fmt.Errorf("%w: its body is not base64", ErrNotCapture)
		}
		capture.Body = body
	}
	return capture, nil
}
