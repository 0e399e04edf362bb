package standin_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// freshKeys are made once: RSA keys take a while.
var freshKeys = sync.OnceValues(func() (*standin.Keys, error) { return standin.NewKeys(rand.Reader) })

func newKeys(t testing.TB) *standin.Keys {
	t.Helper()
	keys, err := freshKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// delivery returns a delivery that is not signed yet.
func delivery() standin.Delivery {
	return standin.Delivery{ID: "msg_1", Time: time.Unix(1769083200, 0), Body: standin.Event("batch.failed")}
}

func signature(d standin.Delivery) string { return d.Header.Get("webhook-signature") }

const signedPrefix = "msg_1.1769083200."

// A v1 delivery has a valid HMAC by each secret.
func TestSignV1WithFreshKeys(t *testing.T) {
	keys := newKeys(t)
	if len(keys.Secrets) != 1 {
		t.Fatalf("%d secrets, want 1", len(keys.Secrets))
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(keys.Secrets[0], "whsec_"))
	if err != nil || len(key) != 32 || !strings.HasPrefix(keys.Secrets[0], "whsec_") {
		t.Fatalf("the secret is not whsec_ and 32 bytes in base64: %v", err)
	}
	d, err := keys.SignV1(delivery())
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signedPrefix + string(d.Body)))
	if signature(d) != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		t.Error("the signature is not the HMAC of id, timestamp and body")
	}
}

// A v1a delivery has a valid Ed25519 signature by a published key.
func TestSignV1aWithFreshKeys(t *testing.T) {
	keys := newKeys(t)
	if len(keys.Ed25519) != 3 {
		t.Fatalf("%d Ed25519 keys, want 3", len(keys.Ed25519))
	}
	published := publicKeys(t, keys.JWKS())
	for i, key := range keys.Ed25519 {
		d, err := keys.SignV1a(delivery(), i)
		if err != nil {
			t.Fatal(err)
		}
		text, ok := strings.CutPrefix(signature(d), "v1a,")
		sig, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil {
			t.Fatalf("key %d: the signature is not v1a, and base64: %v", i, err)
		}
		for id, public := range published {
			if public, ok := public.(ed25519.PublicKey); ok {
				if got := ed25519.Verify(public, []byte(signedPrefix+string(d.Body)), sig); got != (id == key.ID) {
					t.Errorf("signature of key %d verifies with published key %s: %v", i, id, got)
				}
			}
		}
	}
}

// A token is a valid RS256 JWT by a published key, with the event as claims.
func TestSignJWTWithFreshKeys(t *testing.T) {
	keys := newKeys(t)
	if len(keys.RSA) != 2 {
		t.Fatalf("%d RSA keys, want 2", len(keys.RSA))
	}
	published := publicKeys(t, keys.JWKS())
	for i, key := range keys.RSA {
		d, err := keys.SignJWT(delivery(), i, "me", time.Unix(100, 0), time.Unix(400, 0))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(signature(d), ".")
		if len(parts) != 3 {
			t.Fatalf("key %d: %d parts, want 3", i, len(parts))
		}
		header, claims := decodeObject(t, parts[0]), decodeObject(t, parts[1])
		wantEqual(t, "header", header, object{"alg": "RS256", "typ": "JWT", "kid": key.ID})
		var want object
		if err := json.Unmarshal(d.Body, &want); err != nil {
			t.Fatal(err)
		}
		want["iss"], want["aud"], want["iat"], want["exp"] = "https://generativelanguage.googleapis.com", "me", 100.0, 400.0
		wantEqual(t, "claims", claims, want)
		sig, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		public, ok := published[key.ID].(*rsa.PublicKey)
		if !ok || public.N.BitLen() != 2048 {
			t.Fatalf("key %d is not published as an RSA key of 2048 bits", i)
		}
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], sig); err != nil {
			t.Errorf("key %d: %v", i, err)
		}
	}
}

// A token has the event's values as they are written, except for the event's own iss, aud, iat and
// exp.
func TestSignJWTKeepsTheEventsBytes(t *testing.T) {
	d := delivery()
	d.Body = []byte(` {"type": "x", "iss":"attacker", "exp" : 9e99, "n":[1.0, 1e3,12345678901234567890],"é<\u0041":{"iss":1}}` + "\n")
	d, err := vectorKeys(t).SignJWT(d, 0, "me", time.Unix(100, 0), time.Unix(400, 0))
	if err != nil {
		t.Fatal(err)
	}
	got, err := base64.RawURLEncoding.DecodeString(strings.Split(signature(d), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"iss":"https://generativelanguage.googleapis.com","aud":"me","iat":100,"exp":400,` +
		`"type":"x","n":[1.0, 1e3,12345678901234567890],"é\u003cA":{"iss":1}}`
	if string(got) != want {
		t.Errorf("claims =\n%s, want\n%s", got, want)
	}
}

// What cannot be signed is an error that shows no secret.
func TestSignErrors(t *testing.T) {
	keys := vectorKeys(t)
	sign := map[string]func(d standin.Delivery) (standin.Delivery, error){
		"v1, no secret":        func(d standin.Delivery) (standin.Delivery, error) { return (&standin.Keys{}).SignV1(d) },
		"v1, no prefix":        func(d standin.Delivery) (standin.Delivery, error) { return keys.SignV1(d, "c2VjcmV0LXRleHQ=") },
		"v1, not base64":       func(d standin.Delivery) (standin.Delivery, error) { return keys.SignV1(d, "whsec_secret-text") },
		"v1, nothing":          func(d standin.Delivery) (standin.Delivery, error) { return keys.SignV1(d, "whsec_") },
		"v1a, no such key":     func(d standin.Delivery) (standin.Delivery, error) { return keys.SignV1a(d, 3) },
		"v1a, negative":        func(d standin.Delivery) (standin.Delivery, error) { return keys.SignV1a(d, -1) },
		"jwt, no such key":     signJWT(keys, 2, "{}"),
		"jwt, array":           signJWT(keys, 0, "[]"),
		"jwt, cut off":         signJWT(keys, 0, `{"type":"x"`),
		"jwt, more":            signJWT(keys, 0, `{} {}`),
		"jwt, empty":           signJWT(keys, 0, ""),
		"jwt, not JSON inside": signJWT(keys, 0, `{"type":x}`),
	}
	for name, sign := range sign {
		t.Run(name, func(t *testing.T) {
			d, err := sign(delivery())
			if err == nil || d.Header != nil {
				t.Errorf("signed, want an error")
			}
			if err != nil && (strings.Contains(err.Error(), "secret-text") || strings.Contains(err.Error(), "c2VjcmV0")) {
				t.Error("the error holds the secret")
			}
		})
	}
}

func signJWT(keys *standin.Keys, key int, body string) func(standin.Delivery) (standin.Delivery, error) {
	return func(d standin.Delivery) (standin.Delivery, error) {
		d.Body = []byte(body)
		return keys.SignJWT(d, key, "me", time.Unix(100, 0), time.Unix(400, 0))
	}
}

// Signing leaves the delivery that it is given as it is.
func TestSigningCopies(t *testing.T) {
	keys := vectorKeys(t)
	first, err := keys.SignV1(delivery())
	if err != nil {
		t.Fatal(err)
	}
	before := signature(first)
	second, err := keys.SignV1a(first, 0)
	if err != nil {
		t.Fatal(err)
	}
	if signature(first) != before || signature(second) == before {
		t.Error("signing a copy changed the first delivery's header")
	}
}
