package explain

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gemhook/gemhook/shared/lambdahttp"
)

// ErrNotCapture is returned for text that is not a captured request.
var ErrNotCapture = errors.New("not a captured request")

// requestLine finds the first line of a request, in any version of HTTP: a proxy may have written
// HTTP/2, which has no such line on the wire.
var requestLine = regexp.MustCompile(`^([A-Za-z]+ \S+ HTTP/)[0-9.]+[ \t]*\r?\n`)

// ParseCapture reads a captured request with the code by which the platforms read it: either as it
// goes over the wire (an optional request line, headers, an empty line, the body), or as a Lambda
// event of payload format 2.0. A body without a length ends with the text.
func ParseCapture(text []byte) (Capture, error) {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return parseLambda(text)
	}
	if requestLine.Match(text) {
		text = requestLine.ReplaceAll(text, []byte("${1}1.1\r\n"))
	} else {
		text = append([]byte("POST / HTTP/1.1\r\n"), text...)
	}
	ended := append(bytes.Clone(text), "\r\n\r\n"...) // even a text without a body
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(ended)))
	if err != nil {
		return Capture{}, fmt.Errorf("%w: %w", ErrNotCapture, err)
	}
	capture := Capture{Path: request.URL.Path, Header: request.Header, Body: bodyOf(text)}
	if capture.Path == "" {
		capture.Path = "/" // of an absolute URL that ends with its host
	}
	if slices.Contains(request.TransferEncoding, "chunked") {
		if capture.Body, err = io.ReadAll(request.Body); err != nil {
			return Capture{}, fmt.Errorf("%w: its chunks cannot be read: %w", ErrNotCapture, err)
		}
		return capture, nil
	}
	if length, err := strconv.Atoi(request.Header.Get("Content-Length")); err == nil && length < len(capture.Body) {
		capture.Body = capture.Body[:length]
	}
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
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(text, &event); err != nil || event.Headers == nil {
		return Capture{}, fmt.Errorf("%w: the JSON is not a Lambda event of payload format 2.0", ErrNotCapture)
	}
	var capture *Capture
	handler := lambdahttp.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body) // from memory
		capture = &Capture{Path: request.URL.Path, Header: request.Header, Body: body}
	}))
	if _, err := handler(context.Background(), event); err != nil {
		return Capture{}, fmt.Errorf("%w: %w", ErrNotCapture, err)
	}
	if capture == nil {
		return Capture{}, fmt.Errorf("%w: its body is not base64", ErrNotCapture)
	}
	return *capture, nil
}
