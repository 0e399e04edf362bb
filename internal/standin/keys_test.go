package standin_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
)

type object = map[string]any

func decodeObject(t testing.TB, text string) object {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// publicKeys reads a key set as a receiver would, by kid.
func publicKeys(t testing.TB, jwks []byte) map[string]crypto.PublicKey {
	t.Helper()
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(jwks, &set); err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.PublicKey{}
	for _, key := range set.Keys {
		number := func(member string) []byte {
			b, err := base64.RawURLEncoding.DecodeString(key[member])
			if err != nil || len(b) == 0 {
				t.Fatalf("member %s of %s is missing or malformed: %v", member, key["kid"], err)
			}
			return b
		}
		switch key["kty"] {
		case "OKP":
			keys[key["kid"]] = ed25519.PublicKey(number("x"))
		case "RSA":
			keys[key["kid"]] = &rsa.PublicKey{
				N: new(big.Int).SetBytes(number("n")),
				E: int(new(big.Int).SetBytes(number("e")).Int64()),
			}
		default:
			t.Errorf("unexpected kty %q", key["kty"])
		}
	}
	return keys
}

// The key set is that of the public vectors.
func TestJWKS(t *testing.T) {
	var got struct{ Keys []map[string]string }
	if err := json.Unmarshal(vectorKeys(t).JWKS(), &got); err != nil {
		t.Fatal(err)
	}
	// The top-level "jwks" of the public vectors.
	okp := func(kid, x string) map[string]string {
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": x}
	}
	rsaKey := func(kid, n string) map[string]string {
		return map[string]string{"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "e": "AQAB", "n": n}
	}
	want := []map[string]string{
		okp("gwh-ed25519-2026-01-a", "tNyNBatu6T8MJeQDpXd-_Kbt3jHkV6b3HnZhc_KEutQ"),
		rsaKey("6f1d0c2b9a7e4f55", "4JSwzpfKzQB3"),
		okp("gwh-ed25519-2026-01-b", "kPQEyRnVoYSt50npZ6D7XpaGfHF_qgEh-P9Mi2opzHk"),
		rsaKey("b3a98e10c4d74a2f", "4BnHsiI5e2VV"),
		okp("gwh-ed25519-2025-12-c", "Hmd6sZ5ax5O_FFqknpwIeu9n5_vowM38vloZ7DPFBLU"),
	}
	for _, key := range got.Keys {
		if n := key["n"]; n != "" {
			if len(n) != 342 { // 2048 bits
				t.Errorf("n of %s has %d digits", key["kid"], len(n))
			}
			key["n"] = n[:12]
		}
	}
	wantEqual(t, "keys", got.Keys, want)
	if got := string((&standin.Keys{}).JWKS()); got != `{"keys":[]}` {
		t.Errorf("key set of no keys = %s", got)
	}
}

// New keys have five different ids, and need enough randomness.
func TestNewKeys(t *testing.T) {
	keys := newKeys(t)
	ids := publicKeys(t, keys.JWKS())
	if len(ids) != 5 {
		t.Errorf("%d different key ids, want 5", len(ids))
	}
	for id := range ids {
		if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(id) {
			t.Errorf("key id %q", id)
		}
	}
	for _, n := range []int{0, 31, 32 + 31} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if _, err := standin.NewKeys(io.LimitReader(zeros{}, int64(n))); err == nil {
				t.Errorf("keys from %d bytes of randomness", n)
			}
		})
	}
}

// zeros is a source of randomness that returns only zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A signing secret is the base64 of 32 random bytes.
func TestNewSecretUsesItsRandomness(t *testing.T) {
	secret, err := standin.NewSecret(bytes.NewReader(bytes.Repeat([]byte{0xff}, 32)))
	if want := "whsec_" + strings.Repeat("/", 42) + "8="; err != nil || secret != want {
		t.Errorf("secret of 32 bytes 0xff is wrong, error %v", err)
	}
}

// A webhook-id is msg_ and a random UUID.
func TestNewID(t *testing.T) {
	id, err := standin.NewID(zeros{})
	if want := "msg_00000000-0000-4000-8000-000000000000"; err != nil || id != want {
		t.Errorf("NewID = %q, %v, want %q", id, err, want)
	}
	if _, err := standin.NewID(strings.NewReader("short")); err == nil {
		t.Error("an id from 5 bytes of randomness")
	}
}

// Keys that are malformed are refused, and the error shows nothing of them.
func TestParseKeysErrors(t *testing.T) {
	const private = "EWU8nMkNd8lbSP7KLe8E-qhg4vklaQ5Ea0yPpNVrrMk" // from testdata
	okp := func(x, d string) string {
		return `{"ed25519":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"` + x + `","d":"` + d + `"}]}`
	}
	tests := map[string]string{
		"not JSON":       private,
		"secret":         `{"secrets":["` + private + `"]}`,
		"short":          okp("AAAA", "AAAA"),
		"padded":         okp("AAAA", private+"="),
		"other public":   okp("kPQEyRnVoYSt50npZ6D7XpaGfHF_qgEh-P9Mi2opzHk", private),
		"no private":     okp("tNyNBatu6T8MJeQDpXd-_Kbt3jHkV6b3HnZhc_KEutQ", ""),
		"public RSA":     `{"rsa":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}]}`,
		"RSA nonsense":   `{"rsa":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB","d":"AQAB","p":"AQAB","q":"AQAB"}]}`,
		"RSA for an OKP": `{"ed25519":[{"kty":"RSA","kid":"k","d":"` + private + `"}]}`,
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := standin.ParseKeys([]byte(data))
			if err == nil {
				t.Fatal("parsed, want an error")
			}
			if strings.Contains(err.Error(), private[:8]) {
				t.Error("the error holds key material")
			}
		})
	}
	keys, err := standin.ParseKeys([]byte(`{}`))
	if err != nil || len(keys.Secrets)+len(keys.Ed25519)+len(keys.RSA) != 0 {
		t.Errorf("ParseKeys of an empty object = %v, want no keys", err)
	}
}
