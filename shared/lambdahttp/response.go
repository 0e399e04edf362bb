package lambdahttp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// responseWriter collects an answer by net/http's rules, so that a handler can be the same on both
// platforms.
type responseWriter struct {
	method string
	header http.Header // what the handler changes
	sent   http.Header // what it was when the status was written
	status int         // 0 until then
	body   bytes.Buffer
}

func newResponseWriter(method string) *responseWriter {
	return &responseWriter{method: method, header: make(http.Header)}
}

func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader takes the first final status. Informational ones are dropped: the answer is returned
// as a whole.
func (w *responseWriter) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	w.sent = w.header.Clone()
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return w.body.Write(p)
}

func (w *responseWriter) response() events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK)
	// As net/http does; API Gateway would call an answer without a type JSON.
	_, typed := w.sent["Content-Type"]
	if w.body.Len() > 0 && !typed && w.sent.Get("Content-Encoding") == "" {
		w.sent.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	resp := events.APIGatewayV2HTTPResponse{
		StatusCode: w.status,
		Headers:    make(map[string]string, len(w.sent)),
		Cookies:    []string{},
	}
	for name, values := range w.sent {
		switch {
		case len(values) == 0:
		case http.CanonicalHeaderKey(name) == "Set-Cookie":
			resp.Cookies = append(resp.Cookies, values...)
		default:
			resp.Headers[name] = strings.Join(values, ",")
		}
	}
	switch body := w.body.Bytes(); {
	case w.method == http.MethodHead:
	case utf8.Valid(body):
		resp.Body = string(body)
	default:
		resp.Body = base64.StdEncoding.EncodeToString(body)
		resp.IsBase64Encoded = true
	}
	return resp
}

func errorResponse(status int, code, message string) events.APIGatewayV2HTTPResponse {
	body, err := json.Marshal(struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}{code, message})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status,
		Headers:    map[string]string{"Content-Type": "application/json"},
		Body:       string(body),
		Cookies:    []string{},
	}
}
