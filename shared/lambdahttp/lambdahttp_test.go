package lambdahttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/lambdahttp"
)

// invoke passes an event to h as the Lambda runtime does: JSON in, JSON out.
func invoke(t *testing.T, h http.HandlerFunc, event []byte) map[string]any {
	t.Helper()
	out, err := lambda.NewHandler(lambdahttp.Wrap(h)).Invoke(t.Context(), event)
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	var resp map[string]any
	if err := json.Unmarshal(out, &resp); err != nil {
		t.Fatalf("response is not JSON: %v", err)
	}
	return resp
}

// recorded returns an event in testdata.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	event, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// mutated returns a recorded event with one change.
func mutated(t *testing.T, name string, change func(event map[string]any)) []byte {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(recorded(t, name), &event); err != nil {
		t.Fatal(err)
	}
	change(event)
	out, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// seen is the request that a handler sees.
type seen struct {
	Method, Path, RawPath, Query, RequestURI, Host, RemoteAddr, Proto, Body string

	Length int64
	Header http.Header
}

// request returns the request that the handler sees for an event.
func request(t *testing.T, event []byte) seen {
	t.Helper()
	var got *seen
	invoke(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read body: %v", err)
		}
		got = &seen{
			Method: r.Method, Path: r.URL.Path, RawPath: r.URL.RawPath, Query: r.URL.RawQuery, RequestURI: r.RequestURI,
			Host: r.Host, RemoteAddr: r.RemoteAddr, Proto: r.Proto, Body: string(body), Length: r.ContentLength, Header: r.Header,
		}
	}, event)
	if got == nil {
		t.Fatal("the handler was not called")
	}
	return *got
}

// The handler sees the request that the client sent, in the events of function URLs and HTTP APIs
// that are recorded in testdata.
func TestRequest(t *testing.T) {
	const (
		functionURL = "k3jx5qdemoq2w7hexample0abcdefghij.lambda-url.eu-west-1.on.aws"
		httpAPI     = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
	)
	text := "{\"type\":\"interaction.failed\",\"data\":{\"id\":\"v1_é\",\"error_message\":\"line 1\\nline 2\"}}\n"
	binary := "{\"type\":\"batch.succeeded\"}\r\n\x00\xff\xfe"
	tests := []struct {
		event string
		want  seen // without Header
		// header holds some of the expected headers, "" for one that must be absent
		header map[string]string
	}{
		{
			event: "functionurl-base64.json",
			want: seen{Method: "POST", Path: "/", RequestURI: "/", Host: functionURL, RemoteAddr: "203.0.113.7",
				Body: binary, Length: int64(len(binary))},
			header: map[string]string{
				"Webhook-Id":        "msg_0d5a8f0c-58c7-4e07-b3f0-9f2c71d0b6a4",
				"Webhook-Timestamp": "1769083192",
				"Webhook-Signature": "v1,bm90LWEtcmVhbC1zaWduYXR1cmUtYnV0LTMyLWJ5dGU=",
				"Host":              "",
				"Cookie":            "",
			},
		},
		{
			event: "functionurl-encoded-path.json",
			want: seen{Method: "GET", Path: "/café au/a/b", RawPath: "/caf%C3%A9%20au/a%2Fb", Query: "q=a%2Bb&q=c+d&empty=",
				RequestURI: "/caf%C3%A9%20au/a%2Fb?q=a%2Bb&q=c+d&empty=", Host: functionURL, RemoteAddr: "2001:db8::7"},
			header: map[string]string{"Cookie": "a=1; b=2", "X-Probe": "first,second"},
		},
		{
			event: "httpapi-named-stage.json",
			want: seen{Method: "POST", Path: "/dynamic/acme/kZ9cXk1gqS0", RequestURI: "/dynamic/acme/kZ9cXk1gqS0",
				Host: httpAPI, RemoteAddr: "203.0.113.7", Body: text, Length: int64(len(text))},
			header: map[string]string{"Webhook-Timestamp": "1769083192", "Content-Type": "application/json"},
		},
		{
			event: "httpapi-decoded-path.json",
			want: seen{Method: "PUT", Path: "/a b/100%/#λ", Query: "x=1%202", RequestURI: "/a%20b/100%25/%23%CE%BB?x=1%202",
				Host: httpAPI, RemoteAddr: "203.0.113.7", Body: "{}", Length: 2},
			header: map[string]string{"Cookie": "a=1; b=2"},
		},
	}
	for _, test := range tests {
		t.Run(test.event, func(t *testing.T) {
			got := request(t, recorded(t, test.event))
			for name, want := range test.header {
				var values []string
				if want != "" {
					values = []string{want}
				}
				if diff := cmp.Diff(values, got.Header[name]); diff != "" {
					t.Errorf("header %s (-want +got):\n%s", name, diff)
				}
			}
			got.Header = nil
			test.want.Proto = "HTTP/1.1"
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// The path is that of the client: without the stage, and decoded once.
func TestRequestPath(t *testing.T) {
	tests := []struct {
		stage, rawPath string
		path, escaped  string
	}{
		{"$default", "", "/", "/"},
		{"$default", "/", "/", "/"},
		{"$default", "/$default/x", "/$default/x", "/$default/x"},
		{"", "/x", "/x", "/x"},
		{"prod", "/prod", "/", "/"},
		{"prod", "/prod/", "/", "/"},
		{"prod", "/prod/prod/x", "/prod/x", "/prod/x"},
		{"prod", "/production/x", "/production/x", "/production/x"},
		{"prod", "/x/prod", "/x/prod", "/x/prod"},
		{"prod", "/prod//x", "//x", "//x"},
		{"$default", "/a%2fb%41", "/a/bA", "/a%2fb%41"},
		{"$default", "/a%2541", "/a%41", "/a%2541"},
		{"$default", "/50%", "/50%", "/50%25"},
		{"$default", "/a b%41", "/a b%41", "/a%20b%2541"},
		{"$default", "/who?x=1", "/who?x=1", "/who%3Fx=1"},
	}
	for _, test := range tests {
		t.Run(test.stage+" "+test.rawPath, func(t *testing.T) {
			got := request(t, mutated(t, "httpapi-named-stage.json", func(event map[string]any) {
				event["rawPath"] = test.rawPath
				event["requestContext"].(map[string]any)["stage"] = test.stage
			}))
			if got.Path != test.path {
				t.Errorf("Path = %q, want %q", got.Path, test.path)
			}
			if got.RequestURI != test.escaped {
				t.Errorf("RequestURI = %q, want %q", got.RequestURI, test.escaped)
			}
		})
	}
}

// The request's context is that of the invocation.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the invocation ended")
	var got error
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(cause)
		<-r.Context().Done()
		got = context.Cause(r.Context())
	})
	if _, err := lambda.NewHandler(lambdahttp.Wrap(h)).Invoke(ctx, recorded(t, "httpapi-named-stage.json")); err != nil {
		t.Fatal(err)
	}
	if got != cause {
		t.Errorf("cause in the handler = %v, want %v", got, cause)
	}
}

// http.MaxBytesReader works as it does behind net/http.
func TestMaxBytes(t *testing.T) {
	var got error
	invoke(t, func(w http.ResponseWriter, r *http.Request) {
		_, got = io.ReadAll(http.MaxBytesReader(w, r.Body, 4))
	}, recorded(t, "functionurl-base64.json"))
	if tooLarge := (*http.MaxBytesError)(nil); !errors.As(got, &tooLarge) {
		t.Errorf("read error = %v, want a MaxBytesError", got)
	}
}

// A body that is said to be base64, and is not, is answered 400 without the handler.
func TestBadBase64(t *testing.T) {
	for _, body := range []string{"%%%", "e30", "e30=x", "e3_="} {
		t.Run(body, func(t *testing.T) {
			resp := invoke(t, func(http.ResponseWriter, *http.Request) {
				t.Error("the handler was called")
			}, mutated(t, "functionurl-base64.json", func(event map[string]any) { event["body"] = body }))
			wantError(t, resp, 400, "malformed_header")
		})
	}
}

// A panic of the handler is answered 500, with nothing of what the handler wrote or panicked with.
func TestPanic(t *testing.T) {
	values := map[string]any{"string": "hidden detail", "error": errors.New("hidden detail"), "abort": http.ErrAbortHandler}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			resp := invoke(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Half", "done")
				io.WriteString(w, `{"status":"published"}`)
				panic(value)
			}, recorded(t, "functionurl-base64.json"))
			wantError(t, resp, 500, "internal")
			if s := resp["body"].(string); strings.Contains(s, "hidden") || strings.Contains(s, "published") {
				t.Errorf("body = %s, want nothing of the handler's", s)
			}
		})
	}
}

// wantError wants a response to be an error as the receiver answers it, and nothing more.
func wantError(t *testing.T, resp map[string]any, status float64, code string) {
	t.Helper()
	var body map[string]string
	if err := json.Unmarshal([]byte(resp["body"].(string)), &body); err != nil {
		t.Fatalf("body is not JSON: %v", err)
	}
	if resp["statusCode"] != status || body["error"] != code || body["message"] == "" || len(body) != 2 {
		t.Errorf("answer = %v %v, want %v %s and a message", resp["statusCode"], body, status, code)
	}
	want := map[string]any{"Content-Type": "application/json"}
	if got := resp["headers"].(map[string]any); !maps.Equal(got, want) {
		t.Errorf("headers = %v, want %v", got, want)
	}
}

// An event that is not an HTTP request of payload format 2.0 is an error.
func TestFormat(t *testing.T) {
	tests := map[string]string{
		"format 1.0": `{"version":"1.0","resource":"/","path":"/","httpMethod":"POST","requestContext":{"httpMethod":"POST"},"body":"{}"}`,
		"schedule":   `{"version":"0","detail-type":"Scheduled Event","source":"aws.events"}`,
		"empty":      `{}`,
	}
	for name, event := range tests {
		t.Run(name, func(t *testing.T) {
			var e events.APIGatewayV2HTTPRequest
			if err := json.Unmarshal([]byte(event), &e); err != nil {
				t.Fatal(err)
			}
			h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
			if _, err := lambdahttp.Wrap(h)(t.Context(), e); !errors.Is(err, lambdahttp.ErrFormat) {
				t.Errorf("error = %v, want ErrFormat", err)
			}
		})
	}
}
