package geminiapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// maxRedirects is how many redirects of a download are followed.
const maxRedirects = 5

// A Download is the content of a file on its way.
type Download struct {
	Body        io.ReadCloser // the caller closes it; it fails if the connection breaks before the end
	Size        int64         // in bytes; -1 if Gemini does not say
	ContentType string        // empty if Gemini does not say
}

// Download begins to read a file. The pointer is one of the forms in which Gemini names files:
// "files/abc", the URL of the file or of its content, or the id alone. ErrElsewhere is a pointer to
// another host or scheme; ErrNotFound is a file that is gone.
//
// A redirect is followed, without the API key where it leads to another host. HTTPClient's timeout
// does not apply; the context ends a download.
func (c *Client) Download(ctx context.Context, pointer string) (*Download, error) {
	id, err := c.fileID(pointer)
	if err != nil {
		return nil, fmt.Errorf("download file: %w", err)
	}
	// The SDKs use the first form, the guide has the second.
	for _, prefix := range []string{c.base, c.downloadBase()} {
		var download *Download
		_, err = c.do(ctx, call{
			method: http.MethodGet,
			target: prefix + "/files/" + url.PathEscape(id) + ":download?alt=media",
			// A compressed body would have another length than the file.
			header: http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}},
			receive: func(resp *http.Response) error {
				download = &Download{Body: resp.Body, Size: resp.ContentLength, ContentType: resp.Header.Get("Content-Type")}
				return nil
			},
		})
		if err == nil {
			return download, nil
		}
		if refused := (*Error)(nil); !errors.As(err, &refused) || refused.HTTPStatus != http.StatusNotFound {
			break
		}
	}
	return nil, fmt.Errorf("download files/%s: %w", id, err)
}

// downloadBase is the base URL with "/download" before the version.
func (c *Client) downloadBase() string {
	root := strings.TrimRight(c.opts.BaseURL, "/")
	return root + "/download" + strings.TrimPrefix(c.base, root)
}

// fileID returns the id of the file that a pointer names.
func (c *Client) fileID(pointer string) (string, error) {
	name := pointer
	if strings.Contains(pointer, "://") {
		parsed, err := url.Parse(pointer)
		if err != nil || !c.isGemini(parsed) {
			return "", ErrElsewhere
		}
		_, last, found := strings.Cut(parsed.Path, "/files/")
		if !found {
			return "", fmt.Errorf("%w: the URL is no file's", ErrInvalid)
		}
		name, _, _ = strings.Cut(last, ":")
	}
	id := strings.TrimPrefix(name, "files/")
	if !isSegment(id) {
		return "", fmt.Errorf("%w: not a file's name", ErrInvalid)
	}
	return id, nil
}

// isGemini reports whether a URL is on the host that the client calls, or on Google's.
func (c *Client) isGemini(u *url.URL) bool {
	return sameOrigin(u.String(), c.opts.BaseURL) || sameOrigin(u.String(), DefaultBaseURL)
}

func sameOrigin(a, b string) bool {
	first, errFirst := url.Parse(a)
	second, errSecond := url.Parse(b)
	return errFirst == nil && errSecond == nil && first.Scheme == second.Scheme && strings.EqualFold(first.Host, second.Host)
}

// send sends a request. A call that receives a stream follows redirects, and has no time limit but
// the context's.
func (c *Client) send(req *http.Request, call call) (*http.Response, error) {
	if call.receive == nil {
		return c.http.Do(req)
	}
	streaming := c.http
	streaming.Timeout = 0
	for range maxRedirects {
		resp, err := streaming.Do(req)
		if err != nil || !isRedirect(resp.StatusCode) {
			return resp, err
		}
		_ = resp.Body.Close()
		target, err := resp.Location()
		if err != nil {
			return nil, errors.New("redirect by Gemini without a target")
		}
		if target.Scheme != "https" && !isLoopback(target.Hostname()) {
			return nil, errors.New("redirect by Gemini to a URL that is not https")
		}
		next, err := http.NewRequestWithContext(req.Context(), req.Method, target.String(), nil)
		if err != nil {
			return nil, errors.New("redirect by Gemini to a malformed URL")
		}
		next.Header = req.Header.Clone()
		if !sameOrigin(target.String(), c.opts.BaseURL) {
			next.Header.Del("x-goog-api-key")
		}
		req = next
	}
	return nil, fmt.Errorf("more than %d redirects by Gemini", maxRedirects)
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
