// Package push does what a Pub/Sub push subscription does, for tests and development: it signs OIDC
// tokens like Google's, and posts messages to an endpoint in the wrapped format.
//
// The Pub/Sub emulator has push subscriptions too, but sends no token with them.
package push

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

// GoogleIssuer is the issuer of Google's OIDC tokens.
const GoogleIssuer = "https://accounts.google.com"

// An Issuer signs tokens in Google's place, and is the http.Handler that serves its certificates.
// It is safe for concurrent use.
type Issuer struct {
	private jwk.Key
	certs   []byte
}

// NewIssuer returns an issuer with a key of its own, which has the given id.
func NewIssuer(keyID string) (*Issuer, error) {
	generated, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	private, err := jwk.FromRaw(generated)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	for name, value := range map[string]any{jwk.KeyIDKey: keyID, jwk.AlgorithmKey: jwa.RS256, jwk.KeyUsageKey: jwk.ForSignature} {
		if err := private.Set(name, value); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
	}
	public, err := private.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	certs, err := json.Marshal(map[string]any{"keys": []jwk.Key{public}})
	if err != nil {
		return nil, fmt.Errorf("encode certificates: %w", err)
	}
	return &Issuer{private: private, certs: certs}, nil
}

// ServeHTTP answers every request with the certificates.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, _ = w.Write(i.certs)
}

// Token returns a token that is good for an hour from now, as Google gives Pub/Sub for a push.
func (i *Issuer) Token(audience, account string, now time.Time) (string, error) {
	return i.Sign(map[string]any{
		"iss": GoogleIssuer, "aud": audience, "email": account, "email_verified": true, "sub": "1",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
}

// Sign returns a token with any claims.
func (i *Issuer) Sign(claims map[string]any) (string, error) {
	token := jwt.New()
	for name, value := range claims {
		if err := token.Set(name, value); err != nil {
			return "", fmt.Errorf("sign token: claim %q: %w", name, err)
		}
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.RS256, i.private))
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return string(signed), nil
}
