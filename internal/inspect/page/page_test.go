package page_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/page"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/npm"
)

// parts returns the page's URL without the token, and the token.
func (f *fixture) parts() (url, token string) {
	url, token, _ = strings.Cut(f.page.URL(), "#")
	return strings.TrimSuffix(url, "/"), token
}

// request makes a request as the page does, changed by change, and returns status and body.
func (f *fixture) request(method, path, body string, change func(*http.Request)) (int, string) {
	f.t.Helper()
	url, token := f.parts()
	request, err := http.NewRequestWithContext(f.t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(request)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// Requests without the token, for another host or from another origin get no data, and send
// nothing.
func TestStrangersSeeAndChangeNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.event("batch.succeeded", "batches/secret-job").ID
	url, _ := f.parts()
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, test := range map[string]struct {
		change   func(*http.Request)
		want     int // of data and actions
		wantPage int
	}{
		"another host":             {func(r *http.Request) { r.Host = "evil.example" }, 403, 403},
		"another port":             {func(r *http.Request) { r.Host = "127.0.0.1:1" }, 403, 403},
		"no host":                  {func(r *http.Request) { r.Host = " " }, 403, 403},
		"another origin":           {set("Origin", "https://evil.example"), 403, 403},
		"another port's origin":    {set("Origin", "http://127.0.0.1:1"), 403, 403},
		"an origin by HTTPS":       {set("Origin", strings.Replace(url, "http:", "https:", 1)), 403, 403},
		"the origin null":          {set("Origin", "null"), 403, 403},
		"a link from another site": {set("Sec-Fetch-Site", "cross-site"), 403, 403},
		"no token":                 {func(r *http.Request) { r.Header.Del("Authorization") }, 401, 200},
		"an empty token":           {set("Authorization", "Bearer "), 401, 200},
		"another token":            {set("Authorization", "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAA"), 401, 200},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(f.log.List())
			for _, path := range []string{"/api/about", "/api/events", "/api/search?q=job", "/api/records/" + id, "/api/records/" + id + "/curl"} {
				if status, body := f.request(http.MethodGet, path, "", test.change); status != test.want || strings.Contains(body, "secret-job") {
					t.Errorf("GET %s: %d %.100q, want %d", path, status, body, test.want)
				}
			}
			if status, _ := f.request(http.MethodPost, "/api/records/"+id+"/send", "{}", test.change); status != test.want || len(f.log.List()) != before {
				t.Errorf("send: %d, and %d deliveries more; want %d and none", status, len(f.log.List())-before, test.want)
			}
			if status, body := f.request(http.MethodGet, "/", "", test.change); status != test.wantPage || strings.Contains(body, "secret-job") {
				t.Errorf("GET /: %d, want %d and no payload", status, test.wantPage)
			}
		})
	}
	t.Run("a form of another page", func(t *testing.T) {
		status, _ := f.request(http.MethodPost, "/api/records/"+id+"/send", "{}", set("Content-Type", "text/plain"))
		if status != http.StatusUnsupportedMediaType {
			t.Errorf("status %d, want %d", status, http.StatusUnsupportedMediaType)
		}
	})
	t.Run("the page itself", func(t *testing.T) {
		if status, body := f.request(http.MethodGet, "/api/records/"+id, "", set("Origin", url)); status != 200 || !strings.Contains(body, "secret-job") {
			t.Errorf("status %d, want 200 and the payload", status)
		}
	})
}

func TestServesOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0"} {
		t.Run(address, func(t *testing.T) {
			if _, _, err := page.Serve(t.Context(), address, inspect.NewLog(nil), page.Options{}); !errors.Is(err, page.ErrNotLoopback) {
				t.Errorf("error %v, want %v", err, page.ErrNotLoopback)
			}
		})
	}
}

// A page without Options.Send refuses to send.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.event("batch.succeeded", "batches/1").ID
	served, _, err := page.Serve(t.Context(), "127.0.0.1:0", f.log, page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.page = served
	if status, _ := f.request(http.MethodPost, "/api/records/"+id+"/send", "{}", nil); status != http.StatusForbidden || len(f.log.List()) != 1 {
		t.Errorf("status %d, %d deliveries; want %d and 1", status, len(f.log.List()), http.StatusForbidden)
	}
}

func TestDynamicTokensAreMasked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.post("/dynamic/acme/AAAAtokenAAAA", f.signed(standin.Event("batch.succeeded"))).ID
	if _, body := f.request(http.MethodGet, "/api/records/"+id, "", nil); strings.Contains(body, "AAAAtoken") || !strings.Contains(body, "/dynamic/acme/…") {
		t.Errorf("the token of the dynamic URL is shown:\n%s", body)
	}
}

// The command that is copied posts the same bytes again, whatever they are.
func TestCurl(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "base64"} {
		testkit.Program(t, testkit.Need{Name: tool, How: "install " + tool}, tool)
	}
	for name, body := range map[string]string{
		"an event":           string(standin.Event("batch.failed")),
		"quotes":             `it's "quoted" \ $(touch /tmp/x) ` + "`id`",
		"escape sequences":   "\x1b[2J\x1b]0;title\x07",
		"bidirectional":      "\u202eevil\u2066",
		"invalid UTF-8":      "\xff\xfe\x80",
		"a NUL":              "a\x00b",
		"line ends":          "a\r\nb\n\n",
		"the name of a file": "@/etc/hostname",
		"900 KB":             strings.Repeat("0123456789", 90_000),
		"nothing":            "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			var got *inspect.Request
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = &inspect.Request{Path: r.URL.Path, Header: r.Header, Body: body}
			}))
			t.Cleanup(server.Close)
			sent := &inspect.Request{Header: http.Header{"Webhook-Id": {"it's"}, "X-Empty": {""}, "Content-Type": {"application/json"}}, Body: []byte(body)}
			id := f.log.Add(inspect.Record{Attempts: []inspect.Attempt{{URL: server.URL + "/hook", Request: *sent}}})

			var answer struct{ Command string }
			f.json("/api/records/"+id+"/curl", &answer)
			if strings.ContainsAny(answer.Command, "\x1b\x00\u202e") {
				t.Errorf("the command holds what cannot be seen: %.200q", answer.Command)
			}
			command := exec.CommandContext(t.Context(), "bash")
			command.Stdin = strings.NewReader(answer.Command)
			if output, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			if got == nil || string(got.Body) != body || got.Path != "/hook" {
				t.Fatalf("the handler got other bytes than the %d that were sent", len(body))
			}
			for name, values := range sent.Header {
				if diff := cmp.Diff(values, got.Header[name]); diff != "" {
					t.Errorf("%s (-sent +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestLockFileNamesNoRegistry(t *testing.T) { npm.WantPortableLock(t, "testdata", "axe-core") }
