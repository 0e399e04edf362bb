package webhook_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

const (
	notCompact = "The token is not a compact RS256 JSON Web Token."
	notRS256   = "The token's algorithm is not RS256."
	unknownKid = "The token's key id is not in Google's key set."
	noMatch    = "The token's signature does not match."
)

// goodClaims are the claims of a token that is good at now.
const goodClaims = `{"iss":"https://generativelanguage.googleapis.com","aud":"` + audience + `",` +
	`"iat":1769083200,"exp":1769083500,"type":"batch.succeeded","data":{"id":"batch_1"}}`

// signer makes the signature of a token from its first two parts.
type signer func(t *testing.T, signed string) []byte

func rs256(key *rsa.PrivateKey) signer {
	return func(t *testing.T, signed string) []byte {
		digest := sha256.Sum256([]byte(signed))
		return must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]))(t)
	}
}

func rs512(t *testing.T, signed string) []byte {
	digest := sha512.Sum512([]byte(signed))
	return must(rsa.SignPKCS1v15(nil, googleRSA(), crypto.SHA512, digest[:]))(t)
}

func ps256(t *testing.T, signed string) []byte {
	digest := sha256.Sum256([]byte(signed))
	return must(rsa.SignPSS(rand.Reader, googleRSA(), crypto.SHA256, digest[:], nil))(t)
}

// hs256 signs with the text of the public key, which everybody has.
func hs256(t *testing.T, signed string) []byte {
	der := must(x509.MarshalPKIXPublicKey(googleRSA().Public()))(t)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

func unsignedToken(*testing.T, string) []byte { return nil }

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func googleRSA() *rsa.PrivateKey   { return google().RSA[0].Private }
func attackerRSA() *rsa.PrivateKey { return attacker().RSA[0].Private }

// tokenHeader is the header of a token by Google's first key, with more members.
func tokenHeader(more string) string {
	return `{"alg":"RS256","kid":"` + google().RSA[0].ID + `","typ":"JWT"` + more + `}`
}

// withToken returns the fixture's delivery with a token of that header and those claims.
func withToken(t *testing.T, header, claims string, sign signer) standin.Delivery {
	t.Helper()
	signed := encoded(header) + "." + encoded(claims)
	return withSignature(t, signed+"."+encoded(string(sign(t, signed))))
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestTokenDeliveryIsItsClaims(t *testing.T) {
	t.Parallel()
	d := withToken(t, tokenHeader(""), goodClaims, rs256(googleRSA()))
	d.Body = []byte(`{"type":"batch.failed"}`)
	delivery := wantAccepted(t, dynamic(t), d)
	if string(delivery.Payload()) != goodClaims {
		t.Error("the payload is not the claims as signed")
	}
	if delivery.Scheme() != webhook.SchemeJWT || delivery.ID() != "msg_1" || delivery.Signature() != signature(d) {
		t.Errorf("delivery %q of scheme %q", delivery.ID(), delivery.Scheme())
	}
}

// Only what the token signs counts: the other headers and the body are anybody's.
func TestTokenIsIndependentOfTheRequest(t *testing.T) {
	t.Parallel()
	d := signJWT(t, unsigned(), google())
	d.Body = nil
	d.Header.Set("webhook-id", "msg_2")
	d.Header.Set("webhook-timestamp", "0")
	delivery := wantAccepted(t, dynamic(t), d)
	if !strings.Contains(string(delivery.Payload()), `"type":"batch.succeeded"`) || !delivery.Time().Equal(time.Unix(0, 0)) {
		t.Error("the payload is not the claims, or Time not the header's")
	}
}

func TestTokenHeader(t *testing.T) {
	t.Parallel()
	id := google().RSA[0].ID
	attackersJWK := must(json.Marshal(struct {
		Type string `json:"kty"`
		N    []byte `json:"n"`
		E    string `json:"e"`
	}{"RSA", attackerRSA().N.Bytes(), "AQAB"}))(t)
	good, byAttacker := rs256(googleRSA()), rs256(attackerRSA())
	tests := []struct {
		name   string
		header string
		sign   signer
		detail string // of ErrBadToken; empty: accepted
	}{
		{"as Google's", tokenHeader(""), good, ""},
		{"without typ", `{"alg":"RS256","kid":"` + id + `"}`, good, ""},
		{"by the second key", `{"alg":"RS256","kid":"` + google().RSA[1].ID + `"}`, rs256(google().RSA[1].Private), ""},
		{"naming the second key, by the first", `{"alg":"RS256","kid":"` + google().RSA[1].ID + `"}`, good, noMatch},
		{"alg none, unsigned", `{"alg":"none","kid":"` + id + `"}`, unsignedToken, notRS256},
		{"alg none, signed", `{"alg":"none","kid":"` + id + `"}`, good, notRS256},
		{"alg None", `{"alg":"None","kid":"` + id + `"}`, unsignedToken, notRS256},
		{"alg missing", `{"kid":"` + id + `"}`, good, notRS256},
		{"alg null", `{"alg":null,"kid":"` + id + `"}`, good, notRS256},
		{"alg list", `{"alg":["RS256"],"kid":"` + id + `"}`, good, notRS256},
		{"alg in lower case", `{"alg":"rs256","kid":"` + id + `"}`, good, notRS256},
		{"alg with a space", `{"alg":"RS256 ","kid":"` + id + `"}`, good, notRS256},
		{"alg under another name", `{"ALG":"RS256","kid":"` + id + `"}`, good, notRS256},
		{"last alg is another", `{"alg":"RS256","alg":"none","kid":"` + id + `"}`, good, notRS256},
		{"HS256 with the public key", `{"alg":"HS256","kid":"` + id + `"}`, hs256, notRS256},
		{"PS256", `{"alg":"PS256","kid":"` + id + `"}`, ps256, notRS256},
		{"RS512", `{"alg":"RS512","kid":"` + id + `"}`, rs512, notRS256},
		{"HS256 that says RS256", tokenHeader(""), hs256, noMatch},
		{"PS256 that says RS256", tokenHeader(""), ps256, noMatch},
		{"RS512 that says RS256", tokenHeader(""), rs512, noMatch},
		{"unsigned that says RS256", tokenHeader(""), unsignedToken, noMatch},
		{"by an attacker", tokenHeader(""), byAttacker, noMatch},
		{"crit", tokenHeader(`,"crit":["exp"]`), good, "The token has a crit header."},
		{"crit empty", tokenHeader(`,"crit":[]`), good, "The token has a crit header."},
		{"crit null", tokenHeader(`,"crit":null`), good, "The token has a crit header."},
		{"jwk ignored", tokenHeader(`,"jwk":` + string(attackersJWK)), good, ""},
		{"jwk of an attacker", tokenHeader(`,"jwk":` + string(attackersJWK)), byAttacker, noMatch},
		{"jwk of an attacker, no kid", `{"alg":"RS256","jwk":` + string(attackersJWK) + `}`, byAttacker, unknownKid},
		{"jku and x5u ignored", tokenHeader(`,"jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"`), good, ""},
		{"jku of an attacker", tokenHeader(`,"jku":"http://127.0.0.1:1/"`), byAttacker, noMatch},
		{"kid missing", `{"alg":"RS256"}`, good, unknownKid},
		{"kid empty", `{"alg":"RS256","kid":""}`, good, unknownKid},
		{"kid number", `{"alg":"RS256","kid":1}`, good, unknownKid},
		{"kid unknown", `{"alg":"RS256","kid":"6f1d0c2b9a7e4f56"}`, good, unknownKid},
		{"kid in upper case", `{"alg":"RS256","kid":"` + strings.ToUpper(id) + `"}`, good, unknownKid},
		{"kid of an Ed25519 key", `{"alg":"RS256","kid":"` + google().Ed25519[0].ID + `"}`, good, unknownKid},
		{"not JSON", `{"alg":"RS256"`, good, notCompact},
		{"not an object", `["RS256"]`, good, notCompact},
		{"more than an object", tokenHeader("") + "{}", good, notCompact},
		{"null", `null`, good, notRS256},
		{"empty", ``, good, notCompact},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := withToken(t, test.header, goodClaims, test.sign)
			if test.detail == "" {
				wantAccepted(t, dynamic(t), d)
				return
			}
			wantRefused(t, dynamic(t), d, webhook.ErrBadToken, test.detail)
		})
	}
}

func TestTokenForm(t *testing.T) {
	t.Parallel()
	parts := strings.Split(signature(withToken(t, tokenHeader(""), goodClaims, rs256(googleRSA()))), ".")
	for name, change := range map[string]struct {
		compact string
		detail  string
	}{
		"newline at the end":       {parts[0] + "." + parts[1] + "." + parts[2] + "\n", notCompact},
		"newline at the beginning": {"\n" + parts[0] + "." + parts[1] + "." + parts[2], notCompact},
		"newline inside":           {parts[0] + "." + parts[1][:8] + "\r\n" + parts[1][8:] + "." + parts[2], notCompact},
		"tab inside":               {parts[0] + "." + parts[1] + "\t." + parts[2], notCompact},
		"padding":                  {parts[0] + "." + parts[1] + "." + parts[2] + "==", notCompact},
		"standard base64":          {parts[0] + "." + parts[1] + "." + "+/" + parts[2][2:], notCompact},
		"spare bits":               {parts[0] + "." + parts[1] + "." + parts[2][:341] + next(parts[2][341]), notCompact},
		"no header":                {"." + parts[1] + "." + parts[2], notCompact},
		"no claims":                {parts[0] + ".." + parts[2], noMatch},
		"no signature":             {parts[0] + "." + parts[1] + ".", noMatch},
		"nothing":                  {"..", notCompact},
		"signature shorter":        {parts[0] + "." + parts[1] + "." + parts[2][:340], noMatch},
		"signature longer":         {parts[0] + "." + parts[1] + "." + encoded("\x00") + parts[2], noMatch},
		"claims of another token":  {parts[0] + "." + encoded(strings.Replace(goodClaims, "batch_1", "batch_2", 1)) + "." + parts[2], noMatch},
		"header of another token":  {encoded(tokenHeader(` `)) + "." + parts[1] + "." + parts[2], noMatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, dynamic(t), withSignature(t, change.compact), webhook.ErrBadToken, change.detail)
		})
	}
}

func TestTokensAreRefusedWithoutAnAudience(t *testing.T) {
	t.Parallel()
	verifier := webhook.NewDynamic(webhook.Fixed(keySetOf(t, google())), &webhook.Options{Now: options.Now})
	const detail = "Tokens are not accepted here: no audience is configured."
	wantRefused(t, verifier, signJWT(t, unsigned(), google()), webhook.ErrBadToken, detail)
	for _, aud := range []string{`""`, `[""]`, `[null]`, `null`} {
		claims := strings.Replace(goodClaims, `"`+audience+`"`, aud, 1)
		wantRefused(t, verifier, withToken(t, tokenHeader(""), claims, rs256(googleRSA())), webhook.ErrBadToken, detail)
	}
	wantAccepted(t, verifier, signV1a(t, unsigned(), google()))
}

// TestTwoKeysOfOneID has a key set in which a new key has the id of the old one: both verify.
func TestTwoKeysOfOneID(t *testing.T) {
	t.Parallel()
	id := google().RSA[0].ID
	set := webhook.KeySet{RSA: map[string][]*rsa.PublicKey{
		id: {&google().RSA[0].Private.PublicKey, &google().RSA[1].Private.PublicKey},
	}}
	verifier := webhook.NewDynamic(webhook.Fixed(set), &webhook.Options{Audience: audience, Now: options.Now})
	for i := range 2 {
		wantAccepted(t, verifier, withToken(t, tokenHeader(""), goodClaims, rs256(google().RSA[i].Private)))
	}
	wantRefused(t, verifier, withToken(t, tokenHeader(""), goodClaims, rs256(attackerRSA())), webhook.ErrBadToken, noMatch)
}

// A token that expires after its record is refused: it could be delivered, and published, again
// after the record is gone.
func TestTokenThatOutlivesItsRecord(t *testing.T) {
	t.Parallel()
	const life = 48 * time.Hour
	verifier := webhook.NewDynamic(webhook.Fixed(keySetOf(t, google())),
		&webhook.Options{Audience: audience, MaxTokenLife: life, Now: options.Now})
	claims := func(end time.Time) string {
		return fmt.Sprintf(`{"aud":%q,"exp":%d,"type":"batch.succeeded"}`, audience, end.Unix())
	}
	end := options.Now().Add(life)
	wantAccepted(t, verifier, withToken(t, tokenHeader(""), claims(end), rs256(googleRSA())))
	wantRefused(t, verifier, withToken(t, tokenHeader(""), claims(end.Add(time.Second)), rs256(googleRSA())),
		webhook.ErrBadToken, "The token expires after the record of its delivery would.")
}
