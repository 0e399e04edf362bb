package standin

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// SecretPrefix begins the text of every signing secret.
const SecretPrefix = "whsec_"

// Keys are what a sender signs with. The fields may be set directly; they must not be changed while
// another goroutine uses them. A rotation makes another Keys.
type Keys struct {
	Secrets []string // signing secrets: SecretPrefix and standard base64
	Ed25519 []Ed25519Key
	RSA     []RSAKey
}

// Ed25519Key is a key of the v1a scheme.
type Ed25519Key struct {
	ID      string // its "kid" in the key set; a v1a signature does not name it
	Private ed25519.PrivateKey
}

// RSAKey is a key of the JWT scheme.
type RSAKey struct {
	ID      string // its "kid" in the key set and in a token's header
	Private *rsa.PrivateKey
}

// NewKeys makes a signing secret of 32 bytes and, like Google's key set, three Ed25519 keys and two
// RSA keys of 2048 bits. The secret and the Ed25519 keys depend on rand alone; package crypto/rsa
// uses the system's randomness.
func NewKeys(rand io.Reader) (*Keys, error) {
	secret, err := NewSecret(rand)
	if err != nil {
		return nil, err
	}
	k := &Keys{Secrets: []string{secret}}
	for range 3 {
		seed := make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(rand, seed); err != nil {
			return nil, fmt.Errorf("read randomness for an Ed25519 key: %w", err)
		}
		private := ed25519.NewKeyFromSeed(seed)
		k.Ed25519 = append(k.Ed25519, Ed25519Key{ID: keyID(private[ed25519.SeedSize:]), Private: private})
	}
	for range 2 {
		private, err := rsa.GenerateKey(rand, 2048)
		if err != nil {
			return nil, fmt.Errorf("generate an RSA key: %w", err)
		}
		k.RSA = append(k.RSA, RSAKey{ID: keyID(private.N.Bytes()), Private: private})
	}
	return k, nil
}

// NewSecret makes a signing secret from 32 bytes of rand.
func NewSecret(rand io.Reader) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("read randomness for a signing secret: %w", err)
	}
	return SecretPrefix + base64.StdEncoding.EncodeToString(b[:]), nil
}

// keyID names a key after its public half, in 16 hexadecimal digits.
func keyID(public []byte) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// ParseKeys reads given keys from a JSON object with the members "secrets", an array of texts, and
// "ed25519" and "rsa", arrays of private keys as JWK (RFC 7517, 8037); every member may be missing
// and others are ignored. Its errors name the key by its place and hold none of it.
func ParseKeys(data []byte) (*Keys, error) {
	var doc struct {
		Secrets []string `json:"secrets"`
		Ed25519 []jwk    `json:"ed25519"`
		RSA     []jwk    `json:"rsa"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("parse keys: %w", err)
	}
	k := &Keys{Secrets: doc.Secrets}
	for i, secret := range doc.Secrets {
		if _, err := secretKey(secret); err != nil {
			return nil, fmt.Errorf("secrets[%d]: %w", i, err)
		}
	}
	for i, j := range doc.Ed25519 {
		private, err := j.ed25519()
		if err != nil {
			return nil, fmt.Errorf("ed25519[%d]: %w", i, err)
		}
		k.Ed25519 = append(k.Ed25519, Ed25519Key{ID: j.KeyID, Private: private})
	}
	for i, j := range doc.RSA {
		private, err := j.rsa()
		if err != nil {
			return nil, fmt.Errorf("rsa[%d]: %w", i, err)
		}
		k.RSA = append(k.RSA, RSAKey{ID: j.KeyID, Private: private})
	}
	return k, nil
}

// JWKS returns the public keys as a JSON Web Key Set that looks like Google's: Ed25519 and RSA keys
// in turn, without a mark of which is in use.
func (k *Keys) JWKS() []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for i := range max(len(k.Ed25519), len(k.RSA)) {
		if i < len(k.Ed25519) {
			key := k.Ed25519[i]
			public := key.Private.Public().(ed25519.PublicKey)
			set.Keys = append(set.Keys, jwk{Type: "OKP", Curve: "Ed25519", KeyID: key.ID, Use: "sig", Algorithm: "EdDSA", X: octets(public)})
		}
		if i < len(k.RSA) {
			key := k.RSA[i]
			public := key.Private.PublicKey
			set.Keys = append(set.Keys, jwk{Type: "RSA", KeyID: key.ID, Use: "sig", Algorithm: "RS256",
				N: octets(public.N.Bytes()), E: octets(big.NewInt(int64(public.E)).Bytes())})
		}
	}
	data, err := json.Marshal(set)
	if err != nil {
		panic(err) // texts always marshal
	}
	return data
}

// jwk is a JSON Web Key, public or private.
type jwk struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv,omitempty"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	X         octets `json:"x,omitempty"`
	N         octets `json:"n,omitempty"`
	E         octets `json:"e,omitempty"`
	D         octets `json:"d,omitempty"`
	P         octets `json:"p,omitempty"`
	Q         octets `json:"q,omitempty"`
}

func (j jwk) ed25519() (ed25519.PrivateKey, error) {
	if j.Type != "OKP" || j.Curve != "Ed25519" || len(j.D) != ed25519.SeedSize {
		return nil, errors.New("not a private Ed25519 key")
	}
	private := ed25519.NewKeyFromSeed(j.D)
	if !bytes.Equal(private[ed25519.SeedSize:], j.X) {
		return nil, errors.New("public and private half do not belong together")
	}
	return private, nil
}

func (j jwk) rsa() (*rsa.PrivateKey, error) {
	if j.Type != "RSA" || len(j.D) == 0 || len(j.E) > 4 {
		return nil, errors.New("not a private RSA key")
	}
	number := func(b octets) *big.Int { return new(big.Int).SetBytes(b) }
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: number(j.N), E: int(number(j.E).Int64())},
		D:         number(j.D),
		Primes:    []*big.Int{number(j.P), number(j.Q)},
	}
	if err := private.Validate(); err != nil {
		return nil, errors.New("its numbers do not belong together")
	}
	private.Precompute()
	return private, nil
}

// octets are bytes in the base64url without padding that JOSE uses.
type octets []byte

func (o octets) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, o), nil
}

func (o *octets) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.DecodeString(string(text))
	if err != nil {
		return errors.New("not base64url without padding")
	}
	*o = b
	return nil
}
