package geminiapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gemhook/gemhook/shared/retry"
)

// The waits between attempts, like those of Google's own SDKs.
const (
	firstBackoff  = 500 * time.Millisecond
	maxBackoff    = 8 * time.Second
	maxRetryAfter = time.Minute
)

// maxAnswer is how much of an answer's body is read, in bytes: a thousand webhooks, the largest
// page, have room in it.
const maxAnswer = 16 << 20

// A call is one call of the service, whatever the number of attempts.
type call struct {
	method string
	hasID  bool
	id     string
	verb   string // of a custom method, with its colon
	target string // the URL; empty: the webhook's, or that of all of them
	query  url.Values
	header http.Header // in addition to the usual one
	body   any         // to encode; nil: none
	answer any         // to decode a success into; nil: its body is not needed
	once   bool        // do not make it again unless Gemini has surely done nothing

	// receive, if set, takes a success in place of answer, with its body open. It closes the body.
	receive func(*http.Response) error
}

// do makes a call. unsure reports whether an attempt before the last may have been carried out
// although its answer was lost.
func (c *Client) do(ctx context.Context, call call) (unsure bool, err error) {
	target, err := c.target(call)
	if err != nil {
		return false, err
	}
	var body []byte
	if call.body != nil {
		if body, err = json.Marshal(call.body); err != nil {
			return false, fmt.Errorf("encode the request: %w", err)
		}
	}
	longest := firstBackoff
	for attempt := 1; ; attempt++ {
		failed := c.attempt(ctx, call, target, body)
		if failed == nil {
			return unsure, nil
		}
		again := failed.retryable && (!call.once || failed.nothingDone)
		switch {
		case call.once && !failed.nothingDone:
			return unsure, fmt.Errorf("%w: %w", ErrOutcomeUnknown, failed.err)
		case !again || attempt >= c.opts.MaxAttempts || failed.retryAfter > maxRetryAfter || ctx.Err() != nil:
			return unsure, failed.err
		}
		unsure = unsure || !failed.nothingDone
		// A random part of the longest wait ("full jitter") keeps clients that failed together from
		// coming back together.
		pause := time.Duration(c.opts.Jitter() * float64(longest))
		if err := c.opts.Wait(ctx, max(pause, failed.retryAfter)); err != nil {
			return unsure, fmt.Errorf("wait for attempt %d: %w (the last one: %w)", attempt+1, err, failed.err)
		}
		longest = min(2*longest, maxBackoff)
	}
}

// target returns the URL of a call.
func (c *Client) target(call call) (string, error) {
	if c.baseErr != nil {
		return "", c.baseErr
	}
	target := cmp.Or(call.target, c.base+"/webhooks")
	if call.hasID {
		// Any of these would make another path, or another method, of the URL.
		if call.id == "" || call.id == "." || call.id == ".." || strings.ContainsAny(call.id, "/:?#%") {
			return "", fmt.Errorf("%w: not a webhook's id", ErrInvalid)
		}
		target += "/" + url.PathEscape(call.id) + call.verb
	}
	if len(call.query) > 0 {
		target += "?" + call.query.Encode()
	}
	return target, nil
}

// A failure is an attempt that did not succeed.
type failure struct {
	err         error
	retryable   bool
	nothingDone bool          // Gemini has surely not carried out the request
	retryAfter  time.Duration // what the answer asks for
}

func (c *Client) attempt(ctx context.Context, call call, target string, body []byte) *failure {
	if err := ctx.Err(); err != nil {
		return &failure{err: err, nothingDone: true}
	}
	var connecting, connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := http.NewRequestWithContext(traced, call.method, target, bytes.NewReader(body))
	if err != nil {
		return &failure{err: fmt.Errorf("make the request: %w", err), nothingDone: true}
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key := c.key(); key != "" {
		req.Header.Set("x-goog-api-key", key)
	}
	maps.Copy(req.Header, call.header)
	resp, err := c.send(req, call)
	if err != nil {
		return &failure{
			err:         err,
			retryable:   !errors.As(err, new(*tls.CertificateVerificationError)),
			nothingDone: connecting.Load() && !connected.Load(),
		}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return c.refused(resp)
	}
	if call.receive != nil {
		if err := call.receive(resp); err != nil {
			return &failure{err: err}
		}
		return nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return &failure{err: fmt.Errorf("read the answer: %w", err), retryable: true}
	}
	if call.answer == nil {
		return nil
	}
	if err := json.Unmarshal(answer, call.answer); err != nil {
		// Not %w and err: an encoding error can quote the body, which may hold a secret.
		return &failure{err: ErrMalformedAnswer}
	}
	return nil
}

// refused reads an answer that is not a success.
func (c *Client) refused(resp *http.Response) *failure {
	// The status alone decides, even if the explanation is cut off.
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return &failure{
		err:         refusal(resp.StatusCode, answer, c.key()),
		retryable:   resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500,
		nothingDone: resp.StatusCode < 500,
		retryAfter:  retry.After(resp.Header, c.opts.Now()),
	}
}
