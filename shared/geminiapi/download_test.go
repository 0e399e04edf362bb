package geminiapi_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// read downloads a file and returns its content.
func read(t *testing.T, client *geminiapi.Client, pointer string) (string, error) {
	t.Helper()
	download, err := client.Download(t.Context(), pointer)
	if err != nil {
		return "", err
	}
	defer download.Body.Close()
	content, err := io.ReadAll(download.Body)
	if err == nil && download.Size >= 0 && download.Size != int64(len(content)) {
		t.Errorf("%d bytes of %d", len(content), download.Size)
	}
	return string(content), err
}

func TestDownloadTakesEveryFormOfAName(t *testing.T) {
	const host = "https://generativelanguage.googleapis.com"
	for pointer, want := range map[string]error{
		"files/batch-x_1": nil,
		"batch-x_1":       nil,
		host + "/v1beta/files/batch-x_1:download?alt=media":          nil,
		host + "/download/v1beta/files/batch-x_1:download?alt=media": nil,
		host + "/v1beta/files/batch-x_1":                             nil,
		"gs://bucket/results.jsonl":                                  geminiapi.ErrElsewhere,
		"https://example.com/v1beta/files/batch-x_1":                 geminiapi.ErrElsewhere,
		"http://generativelanguage.googleapis.com/v1beta/files/x":    geminiapi.ErrElsewhere,
		host + ".example.com/v1beta/files/batch-x_1":                 geminiapi.ErrElsewhere,
		host + "/v1beta/batches/x":                                   geminiapi.ErrInvalid,
		host + "/v1beta/files/a%2Fb":                                 geminiapi.ErrInvalid,
		"files/":                                                     geminiapi.ErrInvalid,
		"":                                                           geminiapi.ErrInvalid,
		"files/..":                                                   geminiapi.ErrInvalid,
		"files/nobody's":                                             geminiapi.ErrNotFound,
	} {
		t.Run(pointer, func(t *testing.T) {
			gemini, client := standIn(t)
			gemini.AddFile("files/batch-x_1", standin.TextFile("lines", "application/jsonl"))
			content, err := read(t, client, pointer)
			if !errors.Is(err, want) || (want == nil) != (err == nil) || err == nil && content != "lines" {
				t.Errorf("%q, error %v, want %v", content, err, want)
			}
		})
	}
}

func TestDownloadTriesTheGuidesPath(t *testing.T) {
	s, client, _ := serve(t, reply(404, ""), reply(200, "content"))
	if content, err := read(t, client, "files/x"); err != nil || content != "content" {
		t.Fatalf("%q, error %v", content, err)
	}
	if uri := s.requests()[1].uri; uri != "/download/v1beta/files/x:download?alt=media" {
		t.Errorf("the second request is for %s", uri)
	}
}

func TestDownloadTellsGoneFromRefused(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"gone":               {403, `{"error":{"code":403,"message":"You do not have permission to access the File abc or it may not exist.","status":"PERMISSION_DENIED"}}`, geminiapi.ErrNotFound},
		"another wrong key":  {403, `{"error":{"code":403,"message":"Requests to this API method are blocked.","status":"PERMISSION_DENIED"}}`, geminiapi.ErrPermission},
		"key unknown":        {400, `{"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}}`, geminiapi.ErrPermission},
		"quota used up":      {429, ``, geminiapi.ErrRateLimited},
		"not found anywhere": {404, ``, geminiapi.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			ts := httptest.NewServer(reply(test.status, test.body))
			t.Cleanup(ts.Close)
			_, err := read(t, geminiapi.New(apiKey, new(pauses).options(ts.URL)), "files/abc")
			if !errors.Is(err, test.want) || test.want == geminiapi.ErrNotFound && errors.Is(err, geminiapi.ErrPermission) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

// The key goes to Gemini's host alone, however a download is redirected.
func TestDownloadKeepsTheKeyFromOtherHosts(t *testing.T) {
	var elsewhere http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere = r.Header
		_, _ = io.WriteString(w, "content")
	}))
	t.Cleanup(other.Close)
	s, client, _ := serve(t,
		reply(302, "", "Location", "/here"),
		reply(307, "", "Location", other.URL+"/there"))
	content, err := read(t, client, "files/x")
	if err != nil || content != "content" {
		t.Fatalf("%q, error %v", content, err)
	}
	if here := s.requests()[1]; here.uri != "/here" || here.header.Get("x-goog-api-key") != apiKey {
		t.Errorf("the redirect on the same host went to %s with key %q", here.uri, here.header.Get("x-goog-api-key"))
	}
	if elsewhere.Get("x-goog-api-key") != "" || elsewhere.Get("Accept-Encoding") != "identity" {
		t.Error("another host got the key, or may compress")
	}
}

func TestDownloadDoesNotFollow(t *testing.T) {
	circle := reply(302, "", "Location", "/again")
	for name, replies := range map[string][]http.HandlerFunc{
		"a circle":       {circle, circle, circle, circle, circle},
		"nowhere":        {reply(302, "")},
		"plain http":     {reply(302, "", "Location", "http://203.0.113.1/file")},
		"another scheme": {reply(302, "", "Location", "file:///etc/passwd")},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{replies: replies}
			ts := httptest.NewServer(s)
			t.Cleanup(ts.Close)
			opts := new(pauses).options(ts.URL)
			opts.MaxAttempts = 1
			if _, err := read(t, geminiapi.New(apiKey, opts), "files/x"); err == nil || !strings.Contains(err.Error(), "redirect") {
				t.Errorf("error %v", err)
			}
			if len(s.requests()) != len(replies) {
				t.Errorf("%d requests, want %d", len(s.requests()), len(replies))
			}
		})
	}
}

func TestDownloadCutOffIsAnError(t *testing.T) {
	gemini, client := standIn(t)
	file := standin.TextFile(strings.Repeat("x", 100_000), "")
	file.CutAt, file.Cuts, file.Unavailable = 50_000, 1, 1
	gemini.AddFile("x", file)
	if content, err := read(t, client, "x"); err == nil || len(content) > 50_000 {
		t.Errorf("%d bytes, error %v", len(content), err)
	}
	if content, err := read(t, client, "x"); err != nil || len(content) != 100_000 {
		t.Errorf("the next download has %d bytes, error %v", len(content), err)
	}
}
