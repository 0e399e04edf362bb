package webhook

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
)

// KeySet is Google's key set, sorted by what its keys verify.
type KeySet struct {
	Ed25519 []ed25519.PublicKey         // v1a; the signature names none of them, so each is tried
	RSA     map[string][]*rsa.PublicKey // tokens, by key id; each key of an id is tried
}

// Dynamic verifies the deliveries of dynamic webhooks: v1a signatures, and tokens where an audience
// is set.
type Dynamic struct {
	keys    Source[KeySet]
	options Options
}

// NewDynamic returns a verifier with the keys of that source.
func NewDynamic(keys Source[KeySet], options *Options) *Dynamic {
	return &Dynamic{keys: keys, options: options.orDefault()}
}

// Verify returns the delivery that headers and raw body are, or why it is refused:
// ErrMissingHeader, ErrMalformedHeader, ErrStaleTimestamp, ErrBadSignature or ErrBadToken in a
// [*Refusal]; or ErrKeysUnavailable. The payload of a token is its claims: the body is not looked
// at.
func (v *Dynamic) Verify(ctx context.Context, header http.Header, body []byte) (Delivery, error) {
	headers, err := v.read(header)
	if err != nil {
		return Delivery{}, err
	}
	if isToken(headers.signature) {
		return v.verifyToken(ctx, headers)
	}
	err = verifyWith(ctx, v.keys, func(keys *KeySet) error {
		if !keys.signed(&headers, body) {
			return refuseUnknownKey(ErrBadSignature, "No v1a signature matches a key of Google's key set.")
		}
		return nil
	})
	if err != nil {
		return Delivery{}, err
	}
	return Delivery{headers: headers, scheme: SchemeV1a, payload: body}, nil
}

// CheckHeaders returns why Verify would refuse a delivery with these headers whatever its body and
// whatever the key set, or nil.
func (v *Dynamic) CheckHeaders(header http.Header) error {
	_, err := v.read(header)
	return err
}

func (v *Dynamic) read(header http.Header) (headers headers, err error) {
	if err := headers.read(header); err != nil {
		return headers, err
	}
	if isToken(headers.signature) {
		if v.options.Audience == "" {
			return headers, refuse(ErrBadToken, "Tokens are not accepted here: no audience is configured.")
		}
		return headers, nil // a token has signed times of its own
	}
	if err := checkFresh(headers.seconds, v.options.Now(), v.options.Tolerance); err != nil {
		return headers, err
	}
	if !has(headers.signature, SchemeV1a) {
		return headers, refuse(ErrBadSignature, "The dynamic URL takes v1a signatures and RS256 tokens, and there is none.")
	}
	return headers, nil
}

// signed reports whether one of the keys made one of the signatures.
func (k *KeySet) signed(headers *headers, body []byte) bool {
	content := append(headers.appendSignedPrefix(nil), body...)
	for encoded := range signatures(headers.signature, SchemeV1a) {
		if len(encoded) != base64.StdEncoding.EncodedLen(ed25519.SignatureSize) {
			continue
		}
		signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil {
			continue
		}
		for _, key := range k.Ed25519 {
			// Verify panics for a key of another length.
			if len(key) == ed25519.PublicKeySize && ed25519.Verify(key, content, signature) {
				return true
			}
		}
	}
	return false
}

func (v *Dynamic) verifyToken(ctx context.Context, headers headers) (Delivery, error) {
	token, err := parseToken(headers.signature)
	if err != nil {
		return Delivery{}, err
	}
	err = verifyWith(ctx, v.keys, func(keys *KeySet) error {
		if err := token.checkSignature(keys); err != nil {
			return err
		}
		return checkClaims(token.claims, v.options)
	})
	if err != nil {
		return Delivery{}, err
	}
	return Delivery{headers: headers, scheme: SchemeJWT, payload: token.claims}, nil
}
