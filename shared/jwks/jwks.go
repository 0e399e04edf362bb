// Package jwks fetches Google's key set and finds the keys in it that verify deliveries.
//
// It fetches once per call; keeping the set at hand and up to date is the job of package fresh. The
// cache of the library that parses the set is not used because it refreshes from a timer, which
// stands still in a frozen function instance.
package jwks

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/gemhook/gemhook/shared/webhook"
)

// maxBytes bounds the answer; Google's is about 3 KiB.
const maxBytes = 1 << 20

// The sizes of RSA keys that are used. RS256 needs 2048 bits or more (RFC 7518, section 3.3). The
// upper bound, that of crypto/tls, is there because verifying with a huge key takes long.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// Fetch returns the key set at a URL. A set without a single key that can verify a delivery is an
// error.
func Fetch(ctx context.Context, client *http.Client, url string) (*webhook.KeySet, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch key set: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch key set: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch key set from %s: %s", url, response.Status)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxBytes))
	if err != nil {
		return nil, fmt.Errorf("fetch key set from %s: %w", url, err)
	}
	set, err := Parse(document)
	if err != nil {
		return nil, fmt.Errorf("key set from %s: %w", url, err)
	}
	return set, nil
}

// Parse sorts the keys of a JSON Web Key Set (RFC 7517): Ed25519 keys, and RSA keys that have an id
// and may verify RS256 signatures. Keys of other kinds, and keys that cannot be read, are skipped:
// the set may grow ahead of this code.
func Parse(document []byte) (*webhook.KeySet, error) {
	parsed, err := jwk.Parse(document, jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	set := &webhook.KeySet{RSA: map[string][]*rsa.PublicKey{}}
	for i := range parsed.Len() {
		key, _ := parsed.Key(i)
		if use := key.KeyUsage(); use != "" && use != string(jwk.ForSignature) {
			continue
		}
		add(set, key)
	}
	if len(set.Ed25519) == 0 && len(set.RSA) == 0 {
		return nil, errors.New("no Ed25519 or RSA key in it")
	}
	return set, nil
}

func add(set *webhook.KeySet, key jwk.Key) {
	switch key := key.(type) {
	case jwk.OKPPublicKey:
		var public ed25519.PublicKey
		// ed25519.Verify panics for a key of another length.
		if key.Crv() == jwa.Ed25519 && key.Raw(&public) == nil && len(public) == ed25519.PublicKeySize {
			set.Ed25519 = append(set.Ed25519, public)
		}
	case jwk.RSAPublicKey:
		var public rsa.PublicKey
		algorithm := key.Algorithm().String()
		if key.KeyID() != "" && (algorithm == "" || algorithm == jwa.RS256.String()) && key.Raw(&public) == nil &&
			minRSABits <= public.N.BitLen() && public.N.BitLen() <= maxRSABits {
			set.RSA[key.KeyID()] = append(set.RSA[key.KeyID()], &public)
		}
	}
}
