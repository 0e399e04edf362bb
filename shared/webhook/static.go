package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
)

// Static verifies the deliveries of static webhooks: v1 signatures.
type Static struct {
	secrets Source[Secrets]
	options Options
}

// NewStatic returns a verifier with the signing secrets of that source, all of which are valid at any time: during a
// rotation Google signs with the old and the new one.
func NewStatic(secrets Source[Secrets], options *Options) *Static {
	return &Static{secrets: secrets, options: options.orDefault()}
}

// Verify returns the delivery that headers and raw body are, or why it is refused: ErrMissingHeader, ErrMalformedHeader,
// ErrStaleTimestamp, ErrBadSignature or ErrDynamicURLRequired in a [*Refusal]; or ErrKeysUnavailable.
func (v *Static) Verify(ctx context.Context, header http.Header, body []byte) (*Delivery, error) {
	headers, err := readHeaders(header)
	if err != nil {
		return nil, err
	}
	if !has(headers.signature, SchemeV1) && (has(headers.signature, SchemeV1a) || isToken(headers.signature)) {
		return nil, refuse(ErrDynamicURLRequired,
			"This is a delivery of a dynamic webhook: send it to the dynamic URL of its tenant.")
	}
	if err := checkFresh(headers.seconds, v.options.Now(), v.options.Tolerance); err != nil {
		return nil, err
	}
	return verifyWith(ctx, v.secrets, func(secrets *Secrets) (*Delivery, error) {
		if !secrets.signed(&headers, body) {
			return nil, refuseUnknownKey(ErrBadSignature, "No v1 signature matches an active signing secret.")
		}
		return &Delivery{headers: headers, scheme: SchemeV1, payload: body}, nil
	})
}

// signed tells whether one of the secrets made one of the signatures.
func (s *Secrets) signed(headers *headers, body []byte) bool {
	content := headers.signedContent(body)
	for _, secret := range *s {
		if secret.key == nil {
			continue
		}
		mac := hmac.New(sha256.New, secret.key())
		mac.Write(content)
		// Comparing the encoded text accepts one spelling of the signature only: standard alphabet, padded, whole.
		want := base64.StdEncoding.AppendEncode(nil, mac.Sum(nil))
		for signature := range signatures(headers.signature, SchemeV1) {
			if subtle.ConstantTimeCompare(want, []byte(signature)) == 1 {
				return true
			}
		}
	}
	return false
}
