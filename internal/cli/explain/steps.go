package explain

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// An explanation is a report that is being written.
type explanation struct {
	capture Capture
	keys    Keys
	options Options
	report  *Report
}

// A verifier is one of package webhook's, with the keys and the clock of this package.
type verifier func(ctx context.Context, header http.Header, body []byte) (webhook.Delivery, error)

// explain follows the receiver's steps, and stops where no more is known.
func (e *explanation) explain(ctx context.Context) {
	dynamic, ok := e.endpoint()
	if !ok {
		return
	}
	if int64(len(e.capture.Body)) > e.options.MaxBody {
		e.step("size", Failed, "%d bytes, more than the receiver's %d", len(e.capture.Body), e.options.MaxBody)
		return
	}
	// Verified as of its own time, an old delivery can be checked for everything except its age.
	seconds, _ := strconv.ParseInt(e.capture.Header.Get(webhook.HeaderTimestamp), 10, 64)
	at := time.Unix(seconds, 0)
	token := isToken(e.capture.Header.Get(webhook.HeaderSignature))
	if token && dynamic {
		at = e.options.At
	}
	verify := e.static(at, e.keys.Secrets, e.keys.SecretsErr)
	if dynamic {
		verify = e.dynamic(at, e.keys.KeySet, e.keys.KeySetErr)
	}
	delivery, err := verify(ctx, e.capture.Header, e.capture.Body)
	if !e.headers(err) {
		return
	}
	if token && dynamic {
		e.step("age", Skipped, "a token brings its own times; webhook-timestamp is not signed by it")
	} else {
		e.age(at)
	}
	if err != nil {
		e.refused(ctx, dynamic, at, err)
		return
	}
	e.step("signature", Passed, "%s", e.signer(ctx, dynamic, at))
	e.payload(delivery.Payload())
}

// endpoint looks at where the delivery was posted.
func (e *explanation) endpoint() (dynamic, ok bool) {
	rest, dynamic := strings.CutPrefix(e.capture.Path, tenant.PathPrefix)
	name, _, _ := strings.Cut(rest, "/")
	switch {
	case e.report.StatusCode == http.StatusNotFound && dynamic:
		e.step("endpoint", Failed, "no dynamic endpoint: the path is not /dynamic/{tenant}/{token}, or no dynamic key is configured")
	case e.report.StatusCode == http.StatusNotFound:
		e.step("endpoint", Failed, "deliveries go to / or to a tenant's dynamic URL, not to %s", e.capture.Path)
	case e.keys.TenantsErr != nil && dynamic:
		e.step("endpoint", Failed, "the dynamic keys cannot be read: %v", e.keys.TenantsErr)
	case e.report.Code == "unknown_token":
		e.step("endpoint", Failed, "the token in the URL was made for another tenant than %s, or with another key", name)
	case dynamic:
		e.step("endpoint", Passed, "the dynamic URL of tenant %s: v1a signatures, or a token", name)
		return true, true
	default:
		e.step("endpoint", Passed, "the static URL: v1 signatures")
		return false, true
	}
	return dynamic, false
}

func (e *explanation) headers(err error) bool {
	var refusal *webhook.Refusal
	if errors.As(err, &refusal) && (errors.Is(err, webhook.ErrMissingHeader) || errors.Is(err, webhook.ErrMalformedHeader)) {
		e.step("headers", Failed, "%s", refusal.Detail)
		return false
	}
	e.step("headers", Passed, "webhook-id %s, %s", e.capture.Header.Get(webhook.HeaderID),
		describeSignatures(e.capture.Header.Get(webhook.HeaderSignature)))
	return true
}

// describeSignatures counts the signatures of each version.
func describeSignatures(header string) string {
	if isToken(header) {
		return "a token"
	}
	var order []string
	counts := map[string]int{}
	for entry := range strings.FieldsSeq(header) {
		version, _, _ := strings.Cut(entry, ",")
		if counts[version]++; counts[version] == 1 {
			order = append(order, version)
		}
	}
	for i, version := range order {
		order[i] = fmt.Sprintf("%d × %.16s", counts[version], version)
	}
	return "signatures: " + strings.Join(order, ", ")
}

// isToken reports whether a signature header has the shape of a compact token.
func isToken(signature string) bool {
	return strings.Count(signature, ".") == 2 && !strings.ContainsAny(signature, ", ")
}

func (e *explanation) age(at time.Time) {
	age := time.Duration(e.options.At.Unix()-at.Unix()) * time.Second
	words := "old"
	if age < 0 {
		words = "ahead"
	}
	if age.Abs() <= e.options.Tolerance {
		e.step("age", Passed, "%s %s, within %s", span(age.Abs()), words, e.options.Tolerance)
		return
	}
	e.step("age", Failed, "%s %s, more than %s: a replay, or a clock that is wrong (judge an old capture with --at %s)",
		span(age.Abs()), words, e.options.Tolerance, at.UTC().Format(time.RFC3339))
}

// span shows a length of time, a long one in days only.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 2*day {
		return d.String()
	}
	return fmt.Sprintf("%d days", d/day)
}

// signer says which key made the signature.
func (e *explanation) signer(ctx context.Context, dynamic bool, at time.Time) string {
	if !dynamic {
		for i, secret := range e.keys.Secrets {
			if _, err := e.static(at, webhook.Secrets{secret}, nil)(ctx, e.capture.Header, e.capture.Body); err == nil {
				return fmt.Sprintf("made with signing secret %d of %d", i+1, len(e.keys.Secrets))
			}
		}
	}
	for i, key := range e.keys.KeySet.Ed25519 {
		one := &webhook.KeySet{Ed25519: []ed25519.PublicKey{key}}
		if _, err := e.dynamic(at, one, nil)(ctx, e.capture.Header, e.capture.Body); err == nil {
			return fmt.Sprintf("made with Ed25519 key %d of %d in the key set", i+1, len(e.keys.KeySet.Ed25519))
		}
	}
	for id, keys := range e.keys.KeySet.RSA {
		one := &webhook.KeySet{RSA: map[string][]*rsa.PublicKey{id: keys}}
		if _, err := e.dynamic(at, one, nil)(ctx, e.capture.Header, e.capture.Body); err == nil {
			return "a token made with RSA key " + id + " of the key set"
		}
	}
	return "made with one of the keys"
}

// refused reports why no key verifies the delivery.
func (e *explanation) refused(ctx context.Context, dynamic bool, at time.Time, err error) {
	var refusal *webhook.Refusal
	switch {
	case errors.Is(err, webhook.ErrKeysUnavailable):
		e.step("keys", Failed, "%v", err)
	case errors.Is(err, webhook.ErrBadSignature):
		detail := "no v1 signature was made with one of the " + strconv.Itoa(len(e.keys.Secrets)) + " signing secrets over this id, timestamp and body"
		if dynamic {
			detail = "no v1a signature was made with a key of the key set over this id, timestamp and body"
		}
		if cause := e.changedBody(ctx, dynamic, at); cause != "" {
			detail += "; " + cause
		}
		e.step("signature", Failed, "%s", detail)
	case errors.As(err, &refusal):
		e.step("signature", Failed, "%s", refusal.Detail)
	default:
		e.step("signature", Failed, "%v", err)
	}
}

func (e *explanation) static(at time.Time, secrets webhook.Secrets, err error) verifier {
	return webhook.NewStatic(source(&secrets, err), e.verifying(at)).Verify
}

func (e *explanation) dynamic(at time.Time, set *webhook.KeySet, err error) verifier {
	return webhook.NewDynamic(source(set, err), e.verifying(at)).Verify
}

func (e *explanation) verifying(at time.Time) *webhook.Options {
	return &webhook.Options{
		Tolerance: e.options.Tolerance, Audience: e.options.Audience, Now: func() time.Time { return at },
	}
}
