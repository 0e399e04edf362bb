// Package lambdahttp lets an http.Handler answer AWS Lambda events of payload format 2.0, the
// format of function URLs and of API Gateway HTTP APIs:
//
//	func main() { lambda.Start(lambdahttp.Wrap(handler)) }
//
// The handler sees the request that the client sent, as it would behind net/http: the body decoded,
// the path without the name of the API's stage, the header names in canonical form, the context of
// the invocation. Its answer is collected and returned as a whole, so a function URL must have the
// invoke mode BUFFERED, which is the default, and http.Flusher is not offered.
//
// # What differs from net/http
//
//   - A header sent more than once arrives as one value joined with commas: in the event, "a,b"
//     looks the same as "a" and "b".
//   - Host is the domain name of the URL or API, which the client cannot choose.
//   - RemoteAddr is the client's IP address without a port.
//   - An HTTP API has decoded the path before the event is made, so RawPath is kept for function
//     URLs only.
//   - A panic is answered with 500 rather than by cutting the connection.
//
// The format is described in the API Gateway developer guide, "Create AWS Lambda proxy integrations
// for HTTP APIs", and in the Lambda developer guide, "Invoking Lambda function URLs".
package lambdahttp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// ErrFormat is the error of an event that is not an HTTP request of payload format 2.0: one of
// format 1.0, or of a trigger that is not HTTP. A retry does not help: the function's trigger is
// configured wrongly.
var ErrFormat = errors.New("event is not an HTTP request of payload format 2.0")

// Wrap returns a function for lambda.Start that answers every event by calling h with the request
// it describes. The events of function URLs have the same type as those of HTTP APIs; members that
// they lack are zero.
//
// The function returns an error, ErrFormat, only for an event that is not an HTTP request; the
// Lambda runtime reports it and the instance goes on. A body that is said to be base64 and is not
// is answered with 400 and code "malformed_header" without calling h.
//
// A panic of h is answered with 500 and code "internal", and what h had written is dropped. Nothing
// is logged: Wrap only keeps one bad request from ending the instance. A handler that wants its
// panics in the log recovers and logs them itself.
//
// The function may be called concurrently if h may be.
func Wrap(h http.Handler) func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (resp events.APIGatewayV2HTTPResponse, err error) {
		if event.RequestContext.HTTP.Method == "" {
			return resp, fmt.Errorf("version %.16q: %w", event.Version, ErrFormat)
		}
		body, err := decodeBody(event)
		if err != nil {
			return errorResponse(http.StatusBadRequest, "malformed_header",
				"The event says that its body is base64, and it is not."), nil
		}
		defer func() {
			if recover() != nil {
				resp, err = errorResponse(http.StatusInternalServerError, "internal",
					"The receiver failed on this request; send it again."), nil
			}
		}()
		w := newResponseWriter(event.RequestContext.HTTP.Method)
		h.ServeHTTP(w, newRequest(ctx, event, body))
		return w.response(), nil
	}
}

func decodeBody(event events.APIGatewayV2HTTPRequest) ([]byte, error) {
	if !event.IsBase64Encoded {
		return []byte(event.Body), nil
	}
	return base64.StdEncoding.DecodeString(event.Body)
}

func newRequest(ctx context.Context, event events.APIGatewayV2HTTPRequest, body []byte) *http.Request {
	from := event.RequestContext.HTTP
	header := make(http.Header, len(event.Headers)+1)
	for name, value := range event.Headers {
		header.Add(name, value)
	}
	// Function URLs repeat the cookies in the header; HTTP APIs do not.
	if len(event.Cookies) > 0 {
		header.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	host := cmp.Or(event.RequestContext.DomainName, header.Get("Host"))
	header.Del("Host")

	r := &http.Request{
		Method:        from.Method,
		URL:           requestURL(event),
		Header:        header,
		Body:          http.NoBody,
		ContentLength: int64(len(body)),
		Host:          host,
		RemoteAddr:    from.SourceIP,
	}
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	if major, minor, ok := http.ParseHTTPVersion(from.Protocol); ok {
		r.Proto, r.ProtoMajor, r.ProtoMinor = from.Protocol, major, minor
	}
	r.RequestURI = r.URL.RequestURI()
	return r.WithContext(ctx)
}

// requestURL returns the URL as the client asked for it.
//
// The rawPath of a function URL is encoded as the client sent it, that of an HTTP API is decoded,
// and nothing in the event says which: what is a valid encoding is taken as one, anything else as a
// decoded path. The query is encoded in both.
func requestURL(event events.APIGatewayV2HTTPRequest) *url.URL {
	raw := cmp.Or(trimStage(event.RawPath, event.RequestContext.Stage), "/")
	u := &url.URL{Path: raw, RawQuery: event.RawQueryString}
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		return u
	}
	// EscapedPath gives RawPath back only if it is a valid encoding of Path.
	encoded := url.URL{Path: decoded, RawPath: raw}
	if encoded.EscapedPath() != raw {
		return u
	}
	u.Path = decoded
	if u.EscapedPath() != raw {
		u.RawPath = raw
	}
	return u
}

// trimStage removes the stage that an HTTP API puts before the path. It does so for every stage but
// $default, even where a custom domain hides the stage from the client.
func trimStage(path, stage string) string {
	if stage == "" || stage == "$default" {
		return path
	}
	rest, found := strings.CutPrefix(path, "/"+stage)
	if !found || rest != "" && rest[0] != '/' {
		return path
	}
	return rest
}
