package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/jwks"
)

// Fetch returns the keys of a set with one request.
func TestFetch(t *testing.T) {
	t.Parallel()
	keys, _ := vectorKeys(t)
	gemini := standin.NewServer(keys)
	server := httptest.NewServer(gemini)
	defer server.Close()
	set, err := jwks.Fetch(t.Context(), server.Client(), server.URL+standin.JWKSPath)
	if err != nil {
		t.Fatal(err)
	}
	wantKeys(t, set, keys)
	if gemini.JWKSFetches() != 1 {
		t.Errorf("%d requests, want 1", gemini.JWKSFetches())
	}
}

// closing records whether the body of an answer was closed, so that its connection can be used
// again.
type closing struct {
	io.ReadCloser
	closed *bool
}

func (c closing) Close() error {
	*c.closed = true
	return c.ReadCloser.Close()
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func TestFetchClosesTheAnswer(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			closed := false
			client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Body: closing{io.NopCloser(strings.NewReader("{}")), &closed}}, nil
			})}
			_, _ = jwks.Fetch(t.Context(), client, "https://keys.example.com/")
			if !closed {
				t.Error("the body of the answer is left open")
			}
		})
	}
}

func TestFetchErrors(t *testing.T) {
	t.Parallel()
	keys, _ := vectorKeys(t)
	good := keys.JWKS()
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string // the error, after the URL
	}{
		{"500", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(good)
		}, ": 500 Internal Server Error"},
		{"404", http.NotFound, ": 404 Not Found"},
		{"a success that is not 200", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write(good)
		}, ": 202 Accepted"},
		{"redirect without a place", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusFound)
			_, _ = w.Write(good)
		}, ": 302 Found"},
		{"redirects without end", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/", http.StatusFound)
		}, "stopped after 10 redirects"},
		{"not JSON", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<!doctype html>")
		}, ": parse: "},
		{"no key in it", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":[]}`)
		}, ": no Ed25519 or RSA key in it"},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, ": parse: "},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			_, _ = w.Write(good[:len(good)-1])
		}, ": unexpected EOF"},
		{"one byte more than 1 MiB", padded(good, 1<<20+1), ": parse: "},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ": EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.answer)
			defer server.Close()
			set, err := jwks.Fetch(t.Context(), server.Client(), server.URL)
			if set != nil || err == nil {
				t.Fatal("fetched, want an error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want one with %q", err, test.want)
			}
		})
	}
}

func TestFetchTakesAKeySetOf1MiB(t *testing.T) {
	t.Parallel()
	keys, _ := vectorKeys(t)
	server := httptest.NewServer(padded(keys.JWKS(), 1<<20))
	defer server.Close()
	set, err := jwks.Fetch(t.Context(), server.Client(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	wantKeys(t, set, keys)
}

// padded answers with the document, which another member at its start makes as long as size.
func padded(document []byte, size int) http.HandlerFunc {
	const open, end = `{"pad":"`, `",`
	rest := strings.TrimPrefix(string(document), "{")
	padding := strings.Repeat("a", size-len(open)-len(end)-len(rest))
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, open+padding+end+rest) }
}

func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"before the answer": "", "inside the answer": `{"keys":[`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if begin != "" {
					_, _ = io.WriteString(w, begin)
					w.(http.Flusher).Flush()
				}
				cancel()
				<-r.Context().Done() // the client has hung up
			}))
			defer server.Close()
			client := server.Client()
			client.Timeout = 10 * time.Second // so that it fails instead of hanging
			if _, err := jwks.Fetch(ctx, client, server.URL); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want %v", err, context.Canceled)
			}
		})
	}
}

func TestFetchFromNowhere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	for _, url := range []string{server.URL, "", "http://%zz", "gopher://127.0.0.1/"} {
		t.Run(url, func(t *testing.T) {
			if _, err := jwks.Fetch(t.Context(), http.DefaultClient, url); err == nil {
				t.Error("fetched, want an error")
			}
		})
	}
}
