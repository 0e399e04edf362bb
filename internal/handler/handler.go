// Package handler delivers events to a handler on this machine, in whichever form its author wants
// to have them, and records each attempt for the inspector.
//
//	local, err := handler.New(handler.Options{URL: "http://localhost:3000/hook", Form: handler.CloudEvent})
//	attempt := local.Deliver(ctx, handler.Event{ID: m.ID, Data: m.Data, Attributes: m.Attributes})
//	if !handler.Accepted(&attempt) {
//		fmt.Println(handler.Outcome(&attempt)) // and try again
//	}
//
// One call is one attempt. Whoever calls decides when there is another.
package handler

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/gemhook/gemhook/internal/inspect"
)

// An Event is a message of a topic of gemhook's.
type Event struct {
	ID           string // of the message
	PublishTime  time.Time
	Data         []byte
	Attributes   map[string]string
	Subscription string // its full name, shown in the form PubSub
	Attempt      int    // from 1, shown in the form PubSub; 0 is left out
}

// Options are those of New.
type Options struct {
	URL  string // see ParseURL
	Form Form   // empty is CloudEvent
	Host string // for the Host header and the certificate, where the URL has another; empty: the URL's

	// Secret signs in the form Gemini, which needs it; see LoadSecret.
	Secret string
	// Insecure takes any certificate. It is for handlers on this machine: to another address no
	// connection is made then.
	Insecure bool

	Timeout time.Duration    // of one attempt; 0 is 30 seconds
	Now     func() time.Time // nil is time.Now
}

// DefaultTimeout is the timeout of one attempt unless there is another.
const DefaultTimeout = 30 * time.Second

// maxAnswer bounds what is kept of an answer's body. What is beyond it is not read.
const maxAnswer = 64 << 10

// A Handler is a client of one handler. It is safe for concurrent use.
type Handler struct {
	options Options
	url     *url.URL
	client  *http.Client
}

// New returns a client. It contacts nobody. The error says what is wrong with the options.
func New(options Options) (*Handler, error) {
	target, err := ParseURL(options.URL)
	if err != nil {
		return nil, err
	}
	if err := options.check(target); err != nil {
		return nil, err
	}
	options.Form = cmp.Or(options.Form, CloudEvent)
	options.Timeout = cmp.Or(options.Timeout, DefaultTimeout)
	if options.Now == nil {
		options.Now = time.Now
	}
	dialer := &net.Dialer{}
	if options.Insecure {
		dialer.Control = onlyLoopback
	}
	return &Handler{options: options, url: target, client: &http.Client{
		Transport: &http.Transport{ // no proxy: the handler is near
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{InsecureSkipVerify: options.Insecure, ServerName: hostName(options.Host)},
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // a handler under development is often restarted between two events
			DisableCompression:     true, // the answer is shown as it came
			MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// URL returns where events are delivered to.
func (h *Handler) URL() string { return h.url.String() }

// Deliver makes one attempt. It returns at the latest when the timeout is over or ctx ends. What
// went wrong is in the attempt; see Accepted and Outcome.
func (h *Handler) Deliver(ctx context.Context, event Event) inspect.Attempt {
	attempt := inspect.Attempt{At: h.options.Now(), URL: h.URL()}
	header, body, err := h.encode(&event, attempt.At)
	attempt.Request = inspect.Request{Path: h.url.RequestURI(), Header: header, Body: body}
	if err == nil {
		begin := time.Now()
		attempt.Answer, err = h.send(ctx, header, body)
		attempt.Answer.Took = time.Since(begin)
	}
	if err != nil {
		attempt.Answer.Err = h.describe(ctx, err)
	}
	return attempt
}

func (h *Handler) send(ctx context.Context, header http.Header, body []byte) (inspect.Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.options.Timeout, errTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL(), bytes.NewReader(body))
	if err != nil {
		return inspect.Answer{}, fmt.Errorf("make the request: %w", err)
	}
	request.Header = header.Clone()
	request.Host = cmp.Or(h.options.Host, request.Host)
	response, err := h.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return inspect.Answer{}, err
	}
	defer response.Body.Close()
	answer := inspect.Answer{StatusCode: response.StatusCode, Header: response.Header}
	answer.Body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return answer, &brokenAnswer{err}
	}
	return answer, nil
}

// Accepted reports whether the handler has answered with a 2xx, and whole.
func Accepted(attempt *inspect.Attempt) bool {
	status := attempt.Answer.StatusCode
	return attempt.Answer.Err == "" && status >= 200 && status <= 299
}

// onlyLoopback refuses connections to other machines. It is asked after names are resolved.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err == nil && net.ParseIP(host).IsLoopback() {
		return nil
	}
	return errNotLoopback
}

// hostName returns a host without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
