package jwks_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/jwks"
	"github.com/gemhook/gemhook/shared/webhook"
)

// vectorKeys returns the keys of the project's public vectors, and the published key set with their
// public halves.
func vectorKeys(t *testing.T) (*standin.Keys, json.RawMessage) {
	t.Helper()
	private, err := os.ReadFile("../webhook/testdata/signing-keys.json")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := standin.ParseKeys(private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile("../webhook/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ JWKS json.RawMessage }
	if err := json.Unmarshal(public, &vectors); err != nil {
		t.Fatal(err)
	}
	return keys, vectors.JWKS
}

// wantKeys wants the public halves of all keys, the Ed25519 ones in their order, and no others.
func wantKeys(t *testing.T, set *webhook.KeySet, keys *standin.Keys) {
	t.Helper()
	if len(set.Ed25519) != len(keys.Ed25519) || len(set.RSA) != len(keys.RSA) {
		t.Fatalf("%d Ed25519 and %d RSA keys, want %d and %d", len(set.Ed25519), len(set.RSA), len(keys.Ed25519), len(keys.RSA))
	}
	for i, key := range keys.Ed25519 {
		if !set.Ed25519[i].Equal(key.Private.Public()) {
			t.Errorf("Ed25519 key %d is another", i)
		}
	}
	for _, key := range keys.RSA {
		if got := set.RSA[key.ID]; len(got) != 1 || !got[0].Equal(key.Private.Public()) {
			t.Errorf("RSA key %s is missing or another", key.ID)
		}
	}
}

func TestParseSortsTheVectorsKeySet(t *testing.T) {
	t.Parallel()
	keys, document := vectorKeys(t)
	set, err := jwks.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	wantKeys(t, set, keys)
}

// jwk has the members of a key.
type jwk map[string]any

// with returns the JSON of the key with members changed; nil leaves one out.
func (k jwk) with(changes jwk) string {
	changed := maps.Clone(k)
	maps.Copy(changed, changes)
	maps.DeleteFunc(changed, func(_ string, value any) bool { return value == nil })
	document, err := json.Marshal(changed)
	if err != nil {
		panic(err) // a mistake of the test
	}
	return string(document)
}

func ed25519JWK(key ed25519.PublicKey) jwk {
	return jwk{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "alg": "EdDSA", "x": encode(key)}
}

func rsaJWK(key *rsa.PublicKey) jwk {
	return jwk{"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": encode(key.N.Bytes()), "e": "AQAB"}
}

func encode(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

func set(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

// Parse takes the keys that can verify a delivery, and skips every other.
func TestParseTakesWhatVerifiesDeliveries(t *testing.T) {
	t.Parallel()
	keys, _ := vectorKeys(t)
	ed, modulus := ed25519JWK(keys.Ed25519[0].Private.Public().(ed25519.PublicKey)), rsaJWK(&keys.RSA[0].Private.PublicKey)
	tests := []struct {
		name     string
		key      string
		ed25519s int
		rsas     int
	}{
		{"Ed25519", ed.with(nil), 1, 0},
		{"Ed25519 and nothing but the key", ed.with(jwk{"kid": nil, "use": nil, "alg": nil}), 1, 0},
		{"Ed25519 with members of the future", ed.with(jwk{"future": jwk{"a": 1}}), 1, 0},
		{"RSA", modulus.with(nil), 0, 1},
		{"RSA without use and alg", modulus.with(jwk{"use": nil, "alg": nil}), 0, 1},
		{"RSA of 8192 bits", modulus.with(jwk{"n": ones(8192)}), 0, 1},

		{"Ed25519 for encryption", ed.with(jwk{"use": "enc"}), 0, 0},
		{"Ed25519, use a number", ed.with(jwk{"use": 1}), 0, 0},
		{"Ed25519, x one byte short", ed.with(jwk{"x": encode(make([]byte, 31))}), 0, 0},
		{"Ed25519, x one byte long", ed.with(jwk{"x": encode(make([]byte, 33))}), 0, 0},
		{"Ed25519, x empty", ed.with(jwk{"x": ""}), 0, 0},
		{"Ed25519, x missing", ed.with(jwk{"x": nil}), 0, 0},
		{"Ed25519, x a number", ed.with(jwk{"x": 1}), 0, 0},
		{"Ed25519, x not base64", ed.with(jwk{"x": "!"}), 0, 0},
		{"Ed25519, private", ed.with(jwk{"d": encode(keys.Ed25519[0].Private.Seed())}), 0, 0},
		{"Ed25519, crv missing", ed.with(jwk{"crv": nil}), 0, 0},
		{"X25519", ed.with(jwk{"crv": "X25519"}), 0, 0},
		{"Ed448", ed.with(jwk{"crv": "Ed448", "x": encode(make([]byte, 57))}), 0, 0},

		{"RSA for encryption", modulus.with(jwk{"use": "enc"}), 0, 0},
		{"RSA for RS512", modulus.with(jwk{"alg": "RS512"}), 0, 0},
		{"RSA for PS256", modulus.with(jwk{"alg": "PS256"}), 0, 0},
		{"RSA, alg unknown", modulus.with(jwk{"alg": "RS257"}), 0, 0},
		{"RSA, alg a number", modulus.with(jwk{"alg": 256}), 0, 0},
		{"RSA, kid missing", modulus.with(jwk{"kid": nil}), 0, 0},
		{"RSA, kid empty", modulus.with(jwk{"kid": ""}), 0, 0},
		{"RSA, kid a number", modulus.with(jwk{"kid": 1}), 0, 0},
		{"RSA, n missing", modulus.with(jwk{"n": nil}), 0, 0},
		{"RSA, n empty", modulus.with(jwk{"n": ""}), 0, 0},
		{"RSA, n of 2047 bits", modulus.with(jwk{"n": ones(2047)}), 0, 0},
		{"RSA, n of 8193 bits", modulus.with(jwk{"n": ones(8193)}), 0, 0},
		{"RSA, n of 5 million bits", modulus.with(jwk{"n": ones(5_000_000)}), 0, 0},
		{"RSA, e missing", modulus.with(jwk{"e": nil}), 0, 0},
		{"RSA, private", modulus.with(jwk{"d": encode(keys.RSA[0].Private.D.Bytes()),
			"p": encode(keys.RSA[0].Private.Primes[0].Bytes()), "q": encode(keys.RSA[0].Private.Primes[1].Bytes())}), 0, 0},

		{"elliptic curve", `{"kty":"EC","crv":"P-256","kid":"ec","x":"EhnlpYZIbnQeDwWtbD8DObGJfNJ-4zNcqPbdKybNOxg",` +
			`"y":"v-0Ng-u2pb903zQuff7luWUeqUVrPSnzGGQ5j9HRjN0"}`, 0, 0},
		{"symmetric", `{"kty":"oct","kid":"oct","k":"c2VjcmV0"}`, 0, 0},
		{"kty missing", ed.with(jwk{"kty": nil}), 0, 0},
		{"kty a number", ed.with(jwk{"kty": 1}), 0, 0},
		{"kty null", `{"kty":null}`, 0, 0},
		{"kty of the future", ed.with(jwk{"kty": "AKP"}), 0, 0},
		{"null", `null`, 0, 0},
		{"a number", `5`, 0, 0},
		{"a string", `"key"`, 0, 0},
		{"an array", `[]`, 0, 0},
		{"an empty object", `{}`, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			alone, err := jwks.Parse(set(test.key))
			if test.ed25519s+test.rsas == 0 {
				if err == nil || alone != nil {
					t.Errorf("a set of this key alone: %d Ed25519 and %d RSA keys, want an error", len(alone.Ed25519), len(alone.RSA))
				}
			} else if err != nil || len(alone.Ed25519) != test.ed25519s || len(alone.RSA) != test.rsas {
				t.Errorf("a set of this key alone: %v", err)
			}

			// In no case does it put the others out of use.
			other := modulus.with(jwk{"kid": "other"})
			among, err := jwks.Parse(set(other, test.key, ed.with(nil)))
			if err != nil {
				t.Fatal(err)
			}
			if len(among.Ed25519) != 1+test.ed25519s || len(among.RSA) != 1+test.rsas {
				t.Errorf("among others: %d Ed25519 and %d RSA keys", len(among.Ed25519), len(among.RSA))
			}
			for _, key := range among.Ed25519 {
				ed25519.Verify(key, nil, make([]byte, ed25519.SignatureSize)) // panics for a key of the wrong length
			}
		})
	}
}

// ones returns a modulus of that many bits, all of them set.
func ones(bits int) string {
	modulus := bytes.Repeat([]byte{0xff}, (bits+7)/8)
	modulus[0] >>= (8 - bits%8) % 8
	return encode(modulus)
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"nothing":             "",
		"white space":         " \n",
		"HTML":                "<!doctype html><title>Error 404</title>",
		"cut off":             `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"tNyNBatu6T8MJeQDpXd-_Kbt3jHkV6b3HnZhc_KEutQ"}`,
		"null":                `null`,
		"a number":            `5`,
		"an array":            `[]`,
		"an empty object":     `{}`,
		"keys null":           `{"keys":null}`,
		"keys an object":      `{"keys":{}}`,
		"keys empty":          `{"keys":[]}`,
		"nested beyond reach": `{"keys":` + strings.Repeat("[", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if set, err := jwks.Parse([]byte(document)); err == nil || set != nil {
				t.Error("parsed, want an error")
			}
		})
	}
}

func TestParseKeepsEveryKeyOfAnID(t *testing.T) {
	t.Parallel()
	keys, _ := vectorKeys(t)
	parsed, err := jwks.Parse(set(rsaJWK(&keys.RSA[0].Private.PublicKey).with(nil), rsaJWK(&keys.RSA[1].Private.PublicKey).with(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(parsed.RSA["rsa"]); got != 2 {
		t.Errorf("%d keys of the id, want 2", got)
	}
}
