// Package pushauth checks the OIDC token with which Google calls a function: Pub/Sub with a push,
// Cloud Scheduler with a scheduled request.
//
// The token is a JSON Web Token in the Authorization header, signed with RS256 by one of Google's
// certificates. It names an audience and a service account, and a request is good only if both are
// those of the function's configuration:
//
//	verifier := pushauth.New(pushauth.Options{Audience: audience, Account: account})
//	err := verifier.Verify(ctx, request.Header)
//
// The function checks the token itself because the service is open to the network on both
// platforms. Parsing and verifying are done by jwx, which takes the clock and the key set from its
// caller; Google's own idtoken package has neither, and keeps its certificates in a global cache.
package pushauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/gemhook/gemhook/shared/fresh"
)

// DefaultCertsURL is where Google publishes the certificates of its OIDC tokens.
const DefaultCertsURL = "https://www.googleapis.com/oauth2/v3/certs"

// Why a request is refused, for errors.Is. No error holds the token or a part of it.
var (
	// ErrNoToken means that there is no bearer token.
	ErrNoToken = errors.New("no bearer token")

	// ErrBadToken means that the token is malformed, expired, for another audience, or not signed
	// by Google.
	ErrBadToken = errors.New("bad token")

	// ErrForbidden means that the token is good, but another account's.
	ErrForbidden = errors.New("another account's token")

	// ErrKeysUnavailable means that the certificates cannot be fetched, and have not been for a day,
	// so that nothing is known about the token.
	ErrKeysUnavailable = errors.New("certificates unavailable")
)

const (
	maxToken = 16 << 10 // bytes; Google's are about 1 KiB
	maxCerts = 1 << 20  // bytes; Google's are about 2 KiB

	// skew is how far Google's clock may lie from this machine's.
	skew = 30 * time.Second

	// minRSABits is what RS256 asks for (RFC 7518, section 3.3); maxRSABits bounds the time of a
	// verification.
	minRSABits, maxRSABits = 2048, 8192
)

// Options are the settings of a verifier.
type Options struct {
	Audience string // of the token, as configured with the sender
	Account  string // email address of the sender's service account

	CertsURL   string           // empty means DefaultCertsURL
	HTTPClient *http.Client     // fetches the certificates; nil means http.DefaultClient
	Now        func() time.Time // nil means time.Now
	OnError    func(error)      // called with each failure to fetch the certificates; may be nil
}

// A Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	options Options
	certs   *fresh.Value[jwk.Set]
}

// New returns a verifier. It fetches the certificates when the first token comes.
func New(options Options) *Verifier {
	if options.CertsURL == "" {
		options.CertsURL = DefaultCertsURL
	}
	if options.HTTPClient == nil {
		options.HTTPClient = http.DefaultClient
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	v := &Verifier{options: options}
	v.certs = fresh.New(v.fetch, fresh.Options{
		MaxAge: time.Hour, MaxStale: 24 * time.Hour, RefreshInterval: time.Minute, RetryInterval: time.Second, Timeout: 5 * time.Second,
		OnError: options.OnError, Now: options.Now,
	})
	return v
}

// Verify returns nil if the request with this header was sent by the configured account to the
// configured audience. Its error is one of the package's.
func (v *Verifier) Verify(ctx context.Context, header http.Header) error {
	token, err := bearer(header)
	if err != nil {
		return err
	}
	key, err := v.keyOf(ctx, token)
	if err != nil {
		return err
	}
	claims, err := jwt.ParseString(token,
		jwt.WithKey(jwa.RS256, key),
		jwt.WithAudience(v.options.Audience),
		jwt.WithRequiredClaim(jwt.ExpirationKey),
		jwt.WithRequiredClaim(jwt.AudienceKey),
		jwt.WithClock(jwt.ClockFunc(v.options.Now)),
		jwt.WithAcceptableSkew(skew),
	)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrBadToken, reason(err))
	}
	return v.checkSender(claims)
}

// checkSender checks who Google says has sent the request.
func (v *Verifier) checkSender(claims jwt.Token) error {
	if issuer := claims.Issuer(); issuer != "https://accounts.google.com" && issuer != "accounts.google.com" {
		return fmt.Errorf("%w: its issuer is not Google", ErrBadToken)
	}
	email, _ := claims.Get("email")
	verified, _ := claims.Get("email_verified")
	if email != v.options.Account {
		return ErrForbidden
	}
	if verified != true {
		return fmt.Errorf("%w: its email address is not verified", ErrForbidden)
	}
	return nil
}

// bearer returns the token of a request, which must have exactly one.
func bearer(header http.Header) (string, error) {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return "", ErrNoToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", ErrNoToken
	}
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return "", fmt.Errorf("%w: it is not a compact JSON Web Token", ErrBadToken)
	}
	return token, nil
}

// keyOf returns the certificate's key that a token names. Its key id and algorithm are all that is
// taken from the unverified token.
func (v *Verifier) keyOf(ctx context.Context, token string) (jwk.Key, error) {
	message, err := jws.ParseString(token)
	if err != nil || len(message.Signatures()) != 1 {
		return nil, fmt.Errorf("%w: it is not a JSON Web Token", ErrBadToken)
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if header.Algorithm() != jwa.RS256 || header.KeyID() == "" {
		return nil, fmt.Errorf("%w: it is not signed with RS256 by a key with an id", ErrBadToken)
	}
	certs, err := v.certs.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
	}
	if key, found := (*certs).LookupKeyID(header.KeyID()); found {
		return key, nil
	}
	// Google has begun to sign with a new key, or this is not Google's token.
	if key, found := (*v.certs.Refresh(ctx, certs)).LookupKeyID(header.KeyID()); found {
		return key, nil
	}
	return nil, fmt.Errorf("%w: its key is not one of Google's", ErrBadToken)
}

// fetch returns Google's present keys for RS256; others are left out.
func (v *Verifier) fetch(ctx context.Context) (*jwk.Set, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.options.CertsURL, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch certificates: %w", err)
	}
	response, err := v.options.HTTPClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch certificates: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch certificates: %s", response.Status)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxCerts))
	if err != nil {
		return nil, fmt.Errorf("fetch certificates: %w", err)
	}
	published, err := jwk.Parse(document, jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, fmt.Errorf("parse certificates: %w", err)
	}
	certs := jwk.NewSet()
	for i := range published.Len() {
		if key, _ := published.Key(i); usable(key) {
			if err := certs.AddKey(key); err != nil {
				return nil, fmt.Errorf("parse certificates: %w", err)
			}
		}
	}
	if certs.Len() == 0 {
		return nil, errors.New("parse certificates: there is no key for RS256")
	}
	return &certs, nil
}

func usable(key jwk.Key) bool {
	public, isRSA := key.(jwk.RSAPublicKey)
	if !isRSA || key.KeyID() == "" || key.KeyUsage() != "" && key.KeyUsage() != string(jwk.ForSignature) {
		return false
	}
	if algorithm := key.Algorithm().String(); algorithm != "" && algorithm != jwa.RS256.String() {
		return false
	}
	bits := 8 * len(public.N())
	return minRSABits <= bits && bits <= maxRSABits
}

// reason says why jwx refuses a token, without quoting it.
func reason(err error) string {
	for _, known := range []struct {
		is     error
		reason string
	}{
		{jwt.ErrTokenExpired(), "it has expired"},
		{jwt.ErrTokenNotYetValid(), "it is not valid yet"},
		{jwt.ErrInvalidIssuedAt(), "it was issued in the future"},
		{jwt.ErrInvalidAudience(), "it is for another audience"},
		{jwt.ErrMissingRequiredClaim(""), "it lacks a claim"},
	} {
		if errors.Is(err, known.is) {
			return known.reason
		}
	}
	return "its signature or a claim is invalid"
}
