package lambdahttp_test

import (
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A handler's answer becomes the response that Lambda documents, by the rules of net/http.
func TestResponse(t *testing.T) {
	type object = map[string]any
	tests := []struct {
		name    string
		method  string
		handler http.HandlerFunc
		want    object // statusCode, headers, body, isBase64Encoded, cookies
	}{
		{
			name:    "nothing written",
			handler: func(http.ResponseWriter, *http.Request) {},
			want:    object{"statusCode": 200.0, "headers": object{}, "body": "", "cookies": []any{}},
		},
		{
			name: "status, headers and text",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("retry-after", "7")
				w.Header().Add("Vary", "A")
				w.Header().Add("Vary", "B")
				w.WriteHeader(503)
				io.WriteString(w, `{"error":`)
				io.WriteString(w, `"é"}`)
			},
			want: object{"statusCode": 503.0, "body": `{"error":"é"}`, "cookies": []any{},
				"headers": object{"Content-Type": "application/json", "Retry-After": "7", "Vary": "A,B"}},
		},
		{
			name: "cookies",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Path: "/"})
				http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
			},
			want: object{"statusCode": 200.0, "headers": object{}, "body": "", "cookies": []any{"a=1; Path=/", "b=2"}},
		},
		{
			name: "bytes that are not text",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Write([]byte{0xff, 0x00, 'a'})
			},
			want: object{"statusCode": 200.0, "headers": object{"Content-Type": "application/octet-stream"},
				"body": "/wBh", "isBase64Encoded": true, "cookies": []any{}},
		},
		{
			name: "the first final status counts",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				w.Header().Set("X-Early", "kept")
				w.WriteHeader(404)
				w.Header().Set("X-Late", "dropped")
				w.WriteHeader(200)
			},
			want: object{"statusCode": 404.0, "headers": object{"X-Early": "kept"}, "body": "", "cookies": []any{}},
		},
		{
			name:    "the type is detected",
			handler: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") },
			want: object{"statusCode": 200.0, "headers": object{"Content-Type": "text/plain; charset=utf-8"},
				"body": "hello", "cookies": []any{}},
		},
		{
			name: "no body with 204",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNoContent)
				if _, err := io.WriteString(w, "x"); err != http.ErrBodyNotAllowed {
					panic(err)
				}
			},
			want: object{"statusCode": 204.0, "headers": object{}, "body": "", "cookies": []any{}},
		},
		{
			name:   "no body for HEAD",
			method: "HEAD",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				io.WriteString(w, "hello")
			},
			want: object{"statusCode": 200.0, "headers": object{"Content-Type": "text/plain"}, "body": "", "cookies": []any{}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := invoke(t, test.handler, mutated(t, "functionurl-base64.json", func(event map[string]any) {
				if test.method != "" {
					event["requestContext"].(object)["http"].(object)["method"] = test.method
				}
			}))
			if got["multiValueHeaders"] != nil {
				t.Errorf("multiValueHeaders = %v, want none: format 2.0 has no such member", got["multiValueHeaders"])
			}
			delete(got, "multiValueHeaders")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// A status that net/http takes is answered, and any other is an internal error.
func TestStatusCodes(t *testing.T) {
	for status, taken := range map[int]bool{0: false, 99: false, 200: true, 999: true, 1000: false} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			answer := invoke(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) },
				recorded(t, "functionurl-base64.json"))
			if !taken {
				wantError(t, answer, 500, "internal")
			} else if answer["statusCode"] != float64(status) {
				t.Errorf("the status is %v, want %d", answer["statusCode"], status)
			}
		})
	}
}
