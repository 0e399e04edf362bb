package handler

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/gemhook/gemhook/internal/inspect"
)

var (
	errTimeout     = errors.New("no answer in time")
	errNotLoopback = errors.New("a certificate is left unchecked only on this machine, and that is another")
)

// A brokenAnswer is the error of an answer that was not read to its end.
type brokenAnswer struct{ error }

func (b *brokenAnswer) Unwrap() error { return b.error }

// Outcome says on one line what came of an attempt. It can hold text from outside.
func Outcome(attempt *inspect.Attempt) string {
	answer := &attempt.Answer
	if answer.Err != "" {
		return answer.Err
	}
	outcome := strings.TrimSpace(fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode)))
	if location := answer.Header.Get("Location"); answer.StatusCode/100 == 3 && location != "" {
		outcome += ", to " + location + ": name that URL, redirects are not followed"
	}
	return outcome
}

// describe says what an error of an attempt means to whoever writes the handler.
func (h *Handler) describe(ctx context.Context, err error) string {
	place := h.url.Host
	switch broken := (*brokenAnswer)(nil); {
	case ctx.Err() != nil:
		return "interrupted"
	case errors.As(err, &broken) && errors.Is(err, errTimeout):
		return fmt.Sprintf("its answer did not end within %v", h.options.Timeout)
	case errors.As(err, &broken):
		return "its answer broke off"
	case errors.Is(err, errTimeout):
		return fmt.Sprintf("no answer within %v", h.options.Timeout)
	case errors.Is(err, errNotLoopback):
		return errNotLoopback.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at " + place
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it closed the connection without an answer"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak HTTPS: write http://"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "what it answers is not HTTP; if it speaks HTTPS, write https://"
	}
	if words := h.describeTLS(err); words != "" {
		return words
	}
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		return "there is no host " + h.url.Hostname()
	}
	if withURL := (*url.Error)(nil); errors.As(err, &withURL) {
		err = withURL.Err
	}
	return err.Error()
}

// describeTLS is describe for errors of certificates; empty for others.
func (h *Handler) describeTLS(err error) string {
	var (
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		noRecord tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "its certificate is of no known authority; one of its own making is taken with --insecure"
	case errors.As(err, &name):
		return "its certificate is for another host: " + name.Error()
	case errors.As(err, &invalid):
		return "its certificate is not valid: " + invalid.Error()
	case errors.As(err, &noRecord):
		return "it does not speak HTTPS: write http://"
	}
	return ""
}
