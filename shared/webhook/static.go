package webhook

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"net/http"
)

// Static verifies the deliveries of static webhooks: v1 signatures.
type Static struct {
	secrets Source[Secrets]
	options Options
}

// NewStatic returns a verifier with the signing secrets of that source, all of which are valid at
// any time: during a rotation Google signs with the old and the new one.
func NewStatic(secrets Source[Secrets], options *Options) *Static {
	return &Static{secrets: secrets, options: options.orDefault()}
}

// Verify returns the delivery that headers and raw body are, or why it is refused:
// ErrMissingHeader, ErrMalformedHeader, ErrStaleTimestamp, ErrBadSignature or ErrDynamicURLRequired
// in a [*Refusal]; or ErrKeysUnavailable.
func (v *Static) Verify(ctx context.Context, header http.Header, body []byte) (Delivery, error) {
	headers, err := v.read(header)
	if err != nil {
		return Delivery{}, err
	}
	err = verifyWith(ctx, v.secrets, func(secrets *Secrets) error {
		if !secrets.signed(&headers, body) {
			return refuseUnknownKey(ErrBadSignature, "No v1 signature matches an active signing secret.")
		}
		return nil
	})
	if err != nil {
		return Delivery{}, err
	}
	return Delivery{headers: headers, scheme: SchemeV1, payload: body}, nil
}

// CheckHeaders returns why Verify would refuse a delivery with these headers whatever its body and
// whatever the signing secrets, or nil.
func (v *Static) CheckHeaders(header http.Header) error {
	_, err := v.read(header)
	return err
}

func (v *Static) read(header http.Header) (headers headers, err error) {
	if err := headers.read(header); err != nil {
		return headers, err
	}
	if !has(headers.signature, SchemeV1) && (has(headers.signature, SchemeV1a) || isToken(headers.signature)) {
		return headers, refuse(ErrDynamicURLRequired,
			"This is a delivery of a dynamic webhook: send it to the dynamic URL of its tenant.")
	}
	return headers, checkFresh(headers.seconds, v.options.Now(), v.options.Tolerance)
}

// signed reports whether one of the secrets made one of the signatures.
func (s *Secrets) signed(headers *headers, body []byte) bool {
	for _, secret := range *s {
		if secret.signed(headers, body) {
			return true
		}
	}
	return false
}

func (s Secret) signed(headers *headers, body []byte) bool {
	if s.macs == nil {
		return false
	}
	m := s.macs.Get().(*mac)
	defer s.macs.Put(m)
	want := m.sign(headers, body)
	for signature := range signatures(headers.signature, SchemeV1) {
		if subtle.ConstantTimeCompare(want, []byte(signature)) == 1 {
			return true
		}
	}
	return false
}

// mac computes v1 signatures with one secret. It keeps the hash and the buffers, so that verifying
// allocates none.
type mac struct {
	hash                 hash.Hash
	prefix, digest, want []byte
}

// sign returns the signature as the header would have it, valid until the next call. Comparing that
// text accepts one spelling of a signature only: standard alphabet, padded, whole.
func (m *mac) sign(headers *headers, body []byte) []byte {
	m.prefix = headers.appendSignedPrefix(m.prefix[:0])
	m.hash.Reset()
	m.hash.Write(m.prefix)
	m.hash.Write(body)
	m.digest = m.hash.Sum(m.digest[:0])
	m.want = base64.StdEncoding.AppendEncode(m.want[:0], m.digest)
	return m.want
}
