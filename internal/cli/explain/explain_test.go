package explain_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/explain"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/jwks"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

const vectors = "../../../shared/webhook/testdata/"

var now = time.Unix(1769083200, 0)

// failing returns the names of the steps that failed.
func failing(report *explain.Report) string {
	var names []string
	for _, step := range report.Steps {
		if step.Outcome == explain.Failed {
			names = append(names, step.Name)
		}
	}
	return strings.Join(names, " ")
}

// A captured delivery is accepted or refused as the receiver does it, for each public vector.
func TestVectors(t *testing.T) {
	t.Parallel()
	var file struct {
		Secrets     []string
		JWKS        json.RawMessage
		JWTAudience string `json:"jwt_audience"`
		Vectors     []struct {
			Name, Scheme, Expect, Reason string
			Headers                      map[string]string
			HeaderLines                  [][2]string     `json:"header_lines"`
			BodyBase64                   string          `json:"body_base64"`
			SecretsActive                []int           `json:"secrets_active"`
			JWKS                         json.RawMessage `json:"jwks"`
		}
	}
	text, err := os.ReadFile(vectors + "vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	tenants := must(tenant.ParseKeys("dynkey_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"))
	expected := map[string]struct{ code, failing string }{
		"":                 {"", ""},
		"missing_header":   {"missing_header", "headers"},
		"malformed_header": {"malformed_header", "headers"},
		"stale_timestamp":  {"stale_timestamp", "age"},
		"future_timestamp": {"stale_timestamp", "age"},
		"bad_signature":    {"bad_signature", "signature"},
		"wrong_key":        {"bad_signature", "signature"},
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			body, err := base64.StdEncoding.DecodeString(v.BodyBase64)
			if err != nil {
				t.Fatal(err)
			}
			capture := explain.Capture{Path: "/", Header: http.Header{}, Body: body}
			for name, value := range v.Headers {
				capture.Header.Add(name, value)
			}
			for _, line := range v.HeaderLines {
				capture.Header.Add(line[0], line[1])
			}
			keys := explain.Keys{Tenants: tenants}
			if v.Scheme != "v1" {
				capture.Path = must(tenants.Path("acme"))
			}
			for _, i := range v.SecretsActive {
				keys.Secrets = append(keys.Secrets, must(webhook.ParseSecret(file.Secrets[i])))
			}
			set := file.JWKS
			if v.JWKS != nil {
				set = v.JWKS
			}
			keys.KeySet = must(jwks.Parse(set))
			report := explain.Deliver(t.Context(), capture, keys, explain.Options{
				At: now, Tolerance: 5 * time.Minute, Audience: file.JWTAudience, MaxBody: 1 << 20,
			})
			want := expected[v.Reason]
			if v.Scheme == "jwt" && v.Reason != "" {
				want.code, want.failing = "bad_token", "signature"
			}
			if report.Status == "dead_lettered" {
				want.failing = "event"
			}
			if report.Accepted != (v.Expect == "accept") || report.Code != want.code || failing(report) != want.failing {
				t.Errorf("%+v\nwant code %q and a failure of %q", report, want.code, want.failing)
			}
			if report.Accepted && report.Attributes["ce-id"] != v.Headers["webhook-id"] {
				t.Errorf("attributes %v", report.Attributes)
			}
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// signed returns a captured delivery that is accepted, and the keys.
func signed(body string) (explain.Capture, explain.Keys) {
	secret := must(standin.NewSecret(strings.NewReader(strings.Repeat("s", 32))))
	d := must((&standin.Keys{}).SignV1(standin.Delivery{ID: "msg_1", Time: now, Body: []byte(body)}, secret))
	return explain.Capture{Path: "/", Header: d.Header, Body: d.Body}, explain.Keys{Secrets: must(webhook.ParseSecrets(secret))}
}

func options() explain.Options {
	return explain.Options{At: now, Tolerance: 5 * time.Minute, MaxBody: 1000}
}

// A signature that fails because the capture changed the body is explained by that change.
func TestNamesWhatACaptureChanged(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, sent, captured, want string }{
		{"line break added", `{"type":"a"}`, `{"type":"a"}` + "\n", "the capture added that"},
		{"line break lost", `{"type":"a"}` + "\n", `{"type":"a"}`, "the capture cut that off"},
		{"CR LF made", "{\n\"type\":\"a\"}", "{\r\n\"type\":\"a\"}", "made them CR LF"},
		{"CR LF lost", "{\r\n\"type\":\"a\"}", "{\n\"type\":\"a\"}", "made them single line feeds"},
		{"base64", `{"type":"a"}`, base64.StdEncoding.EncodeToString([]byte(`{"type":"a"}`)), "encoded it"},
		{"pretty-printed", `{"type":"a"}`, "{\n  \"type\": \"a\"\n}", "wrote it again"},
		{"something else", `{"type":"a"}`, `{"type":"b"}`, "over this id, timestamp and body"},
	} {
		t.Run(test.name, func(t *testing.T) {
			capture, keys := signed(test.sent)
			capture.Body = []byte(test.captured)
			report := explain.Deliver(t.Context(), capture, keys, options())
			last := report.Steps[len(report.Steps)-1]
			if report.Accepted || last.Name != "signature" || !strings.Contains(last.Detail, test.want) {
				t.Errorf("%+v, want %q", last, test.want)
			}
			if test.name == "something else" && strings.Contains(last.Detail, "it fits") {
				t.Errorf("%s", last.Detail)
			}
		})
	}
}

// The first step that fails is named, with the code that the receiver answers.
func TestSaysWhichStepFails(t *testing.T) {
	t.Parallel()
	tenants := must(tenant.ParseKeys("dynkey_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"))
	for _, test := range []struct {
		name    string
		change  func(*explain.Capture, *explain.Keys, *explain.Options)
		code    string
		failing string
		detail  string
	}{
		{"nothing", func(*explain.Capture, *explain.Keys, *explain.Options) {}, "", "", "signing secret 1 of 1"},
		{"another path", func(c *explain.Capture, _ *explain.Keys, _ *explain.Options) { c.Path = "/hooks" }, "not_found", "endpoint", "/hooks"},
		{"no dynamic key", func(c *explain.Capture, _ *explain.Keys, _ *explain.Options) { c.Path = must(tenants.Path("acme")) },
			"not_found", "endpoint", "no dynamic key is configured"},
		{"wrong token", func(c *explain.Capture, k *explain.Keys, _ *explain.Options) {
			c.Path, k.Tenants = strings.Replace(must(tenants.Path("other")), "other", "acme", 1), tenants
		}, "unknown_token", "endpoint", "another tenant than acme"},
		{"dynamic keys unreadable", func(c *explain.Capture, k *explain.Keys, _ *explain.Options) {
			c.Path, k.TenantsErr = must(tenants.Path("acme")), errors.New("no access")
		}, "keys_unavailable", "endpoint", "no access"},
		{"static to a dynamic URL", func(c *explain.Capture, k *explain.Keys, _ *explain.Options) {
			c.Path, k.Tenants, k.KeySet = must(tenants.Path("acme")), tenants, &webhook.KeySet{}
		}, "bad_signature", "signature", "no v1a signature"},
		{"secrets unreadable", func(_ *explain.Capture, k *explain.Keys, _ *explain.Options) { k.SecretsErr = errors.New("no access") },
			"keys_unavailable", "keys", "no access"},
		{"too large", func(_ *explain.Capture, _ *explain.Keys, o *explain.Options) { o.MaxBody = 5 }, "body_too_large", "size", "more than the receiver's 5"},
		{"old and forged", func(c *explain.Capture, _ *explain.Keys, o *explain.Options) {
			c.Body, o.At = []byte("{}"), now.Add(time.Hour)
		}, "stale_timestamp", "age signature", "1h0m0s old"},
		{"only old", func(_ *explain.Capture, _ *explain.Keys, o *explain.Options) { o.At = now.Add(time.Hour) }, "stale_timestamp", "age", "--at 2026-01-22T12:00:00Z"},
		{"v1a to the static URL", func(c *explain.Capture, _ *explain.Keys, _ *explain.Options) {
			c.Header.Set("webhook-signature", "v1a,AAAA")
		}, "dynamic_url_required", "signature", "dynamic URL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			capture, keys := signed(`{"type":"batch.succeeded","data":{"id":"batch_1"}}`)
			o := options()
			test.change(&capture, &keys, &o)
			report := explain.Deliver(t.Context(), capture, keys, o)
			var details []string
			for _, step := range report.Steps {
				details = append(details, step.Detail)
			}
			if report.Code != test.code || failing(report) != test.failing || !strings.Contains(strings.Join(details, "\n"), test.detail) {
				t.Errorf("%+v\nwant code %q, a failure of %q, and %q", report, test.code, test.failing, test.detail)
			}
		})
	}
}

// A capture is a raw request, a Lambda event, or headers and a body; anything else is refused.
func TestParseCapture(t *testing.T) {
	t.Parallel()
	lambda, err := os.ReadFile("../../../shared/lambdahttp/testdata/functionurl-base64.json")
	if err != nil {
		t.Fatal(err)
	}
	var event struct{ RawPath, Body string }
	if err := json.Unmarshal(lambda, &event); err != nil {
		t.Fatal(err)
	}
	lambdaBody, err := base64.StdEncoding.DecodeString(event.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, text, path, id, body string }{
		{"with request line", "POST /dynamic/a/b HTTP/1.1\r\nHost: x\r\nwebhook-id: msg_1\r\n\r\n{\"a\":\n1}\n", "/dynamic/a/b", "msg_1", "{\"a\":\n1}\n"},
		{"without", "Webhook-Id: msg_1\n\n{}", "/", "msg_1", "{}"},
		{"without body", "webhook-id: msg_1", "/", "msg_1", ""},
		{"body with empty lines", "webhook-id: msg_1\n\na\n\nb", "/", "msg_1", "a\n\nb"},
		{"with a query", "POST /?source=gemini HTTP/1.1\nwebhook-id: msg_1\n\n{}", "/", "msg_1", "{}"},
		{"in chunks", "POST / HTTP/1.1\r\nwebhook-id: msg_1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n", "/", "msg_1", `{"a":1}`},
		{"a proxy's absolute form", "POST http://receiver.example/dynamic/a/b HTTP/1.1\nwebhook-id: msg_1\n\n{}", "/dynamic/a/b", "msg_1", "{}"},
		{"an absolute form without path", "POST http://receiver.example HTTP/1.1\nwebhook-id: msg_1\n\n{}", "/", "msg_1", "{}"},
		{"HTTP/2", "POST / HTTP/2\nwebhook-id: msg_1\n\n{}", "/", "msg_1", "{}"},
		{"with an escaped path", "POST /dynamic/a%2Fb HTTP/1.1\nwebhook-id: msg_1\n\n{}", "/dynamic/a/b", "msg_1", "{}"},
		{"longer than its length", "POST / HTTP/1.1\nwebhook-id: msg_1\nContent-Length: 2\n\n{}\n", "/", "msg_1", "{}"},
		{"of Lambda, with a stage", `{"version":"2.0","rawPath":"/prod/dynamic/a/b","headers":{"webhook-id":"msg_1"},"requestContext":{"stage":"prod","http":{"method":"POST","path":"/prod/dynamic/a/b"}},"body":"{}"}`, "/dynamic/a/b", "msg_1", "{}"},
		{"of Lambda", string(lambda), event.RawPath, "", string(lambdaBody)},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := explain.ParseCapture([]byte(test.text))
			if err != nil || got.Path != test.path || test.id != "" && got.Header.Get("webhook-id") != test.id || string(got.Body) != test.body {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	for _, text := range []string{"not headers at all", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\nnot chunks", `{"a":1}`, `{"headers":{},"body":"?","isBase64Encoded":true}`} {
		t.Run(text, func(t *testing.T) {
			if got, err := explain.ParseCapture([]byte(text)); !errors.Is(err, explain.ErrNotCapture) {
				t.Errorf("ParseCapture(%q) = %+v, %v", text, got, err)
			}
		})
	}
}

// A token that expires after its record is refused by the receiver, so "verify" refuses it too.
func TestTokenThatOutlivesItsRecord(t *testing.T) {
	t.Parallel()
	signing := must(standin.ParseKeys(must(os.ReadFile(vectors + "signing-keys.json"))))
	tenants := must(tenant.ParseKeys("dynkey_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"))
	keys := explain.Keys{Tenants: tenants, KeySet: must(jwks.Parse(signing.JWKS()))}
	d := standin.Delivery{ID: "msg_1", Time: now, Body: []byte(`{"type":"batch.succeeded"}`)}
	d = must(signing.SignJWT(d, 0, "me", now, now.Add(72*time.Hour)))
	capture := explain.Capture{Path: must(tenants.Path("acme")), Header: d.Header, Body: d.Body}
	for name, test := range map[string]struct {
		retention time.Duration
		code      string
	}{
		"on record for long enough": {168 * time.Hour, ""},
		"forgotten before":          {72 * time.Hour, "bad_token"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Audience, o.Retention = "me", test.retention
			if report := explain.Deliver(t.Context(), capture, keys, o); report.Code != test.code {
				t.Errorf("%+v\nwant code %q", report, test.code)
			}
		})
	}
}
