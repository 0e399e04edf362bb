package webhook_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/webhook"
)

// FuzzTokenMutation puts any text in the place of any part of a good token.
func FuzzTokenMutation(f *testing.F) {
	token := signature(signJWT(f, unsigned(), google()))
	claims := strings.Split(token, ".")[1]
	signed, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), uint16(0), "")
	f.Add(uint16(0), uint16(0), "\n")
	f.Add(uint16(10), uint16(1), "A")
	f.Add(uint16(len(token)), uint16(0), "==")
	f.Add(uint16(len(token)-1), uint16(1), next(token[len(token)-1])) // decodes to the same
	f.Add(uint16(len(token)-9), uint16(0), "\r\n")
	f.Add(uint16(len(token)-1), uint16(1), "")
	f.Add(uint16(strings.Index(token, ".")), uint16(1), "..")
	f.Add(uint16(0), uint16(strings.Index(token, ".")), encoded(`{"alg":"none"}`))
	f.Add(uint16(0), uint16(strings.Index(token, ".")), encoded(`{"alg":"HS256","kid":"`+google().RSA[0].ID+`"}`))
	f.Add(uint16(0), uint16(strings.Index(token, ".")), encoded(tokenHeader(` `)))
	f.Add(uint16(strings.Index(token, claims)), uint16(len(claims)), encoded(goodClaims))
	f.Add(uint16(0), uint16(0), "v1a,AAAA ")
	set, secrets := keySetOf(f, google()), secretsOf(f, 1)
	f.Fuzz(func(t *testing.T, at, cut uint16, put string) {
		from := min(int(at), len(token))
		to := min(from+int(cut), len(token))
		mutated := token[:from] + put + token[to:]
		header := http.Header{
			"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"1769083200"}, "Webhook-Signature": {mutated},
		}
		if err := checkMutation(token, mutated, string(signed), outcomeOf(t, set, byDynamic, header, nil)); err != nil {
			t.Errorf("dynamic: %v", err)
		}
		if o := outcomeOf(t, secrets, byStatic(now), header, nil); o.err == nil {
			t.Error("the static verifier has accepted a token")
		}
	})
}

// checkMutation wants the very text that was signed to be accepted, and no other: not even another
// spelling of it.
func checkMutation(token, mutated, claims string, o outcome) error {
	if err := checkOutcome(o, webhook.ErrMissingHeader, webhook.ErrMalformedHeader, webhook.ErrBadSignature, webhook.ErrBadToken); err != nil {
		return err
	}
	switch {
	case o.err == nil && mutated != token:
		return errors.New("another token is accepted")
	case o.err == nil && o.signed != claims:
		return errors.New("accepted as other claims than were signed")
	case o.err != nil && mutated == token:
		return fmt.Errorf("the token as it was signed: %w", o.err)
	}
	return nil
}

func TestMutationCheckCanFail(t *testing.T) {
	t.Parallel()
	token := func(claims string) string { return encoded("{}") + "." + encoded(claims) + "." + encoded("s") }
	bad := &webhook.Refusal{Reason: webhook.ErrBadToken, Detail: "No."}
	for name, test := range map[string]struct {
		mutated string
		outcome outcome
		wrong   bool
	}{
		"unchanged":                          {token("a"), outcome{signed: "a"}, false},
		"changed":                            {token("b"), outcome{err: bad}, false},
		"spelt otherwise":                    {token("a") + "=\n", outcome{err: bad}, false},
		"spelt otherwise, and accepted":      {token("a") + "=\n", outcome{signed: "a"}, true},
		"changed, and accepted":              {token("b"), outcome{signed: "a"}, true},
		"accepted as what it was changed to": {token("b"), outcome{signed: "b"}, true},
		"cut, and accepted":                  {encoded("{}") + "." + encoded("a"), outcome{signed: "a"}, true},
		"no token, and accepted":             {"v1a,AAAA", outcome{signed: "a"}, true},
		"unchanged, and refused":             {token("a"), outcome{err: bad}, true},
		"unchanged, and the body taken":      {token("a"), outcome{signed: "body"}, true},
		"refreshed twice":                    {token("b"), outcome{err: bad, refreshes: 2}, true},
	} {
		wantComplaint(t, name, checkMutation(token("a"), test.mutated, "a", test.outcome), test.wrong)
	}
}

// signers are the ways in which FuzzToken signs; the first two are by keys that are published under
// these ids.
var signers = []string{"first", "second", "attacker", "hmac", "none"}

// FuzzToken signs any header and claims in any of several ways.
func FuzzToken(f *testing.F) {
	for signer := range signers {
		f.Add(`{"alg":"RS256","kid":"first"}`, goodClaims, byte(signer))
		f.Add(`{"alg":"HS256","kid":"first"}`, goodClaims, byte(signer))
		f.Add(`{"alg":"none","kid":"first"}`, goodClaims, byte(signer))
	}
	for _, header := range []string{
		`{"alg":"RS256","kid":"second"}`, `{"alg":"RS256","kid":"third"}`, `{"alg":"RS256"}`, `{"alg":"RS256","kid":"first","crit":[]}`,
		`{"alg":"none","alg":"RS256","kid":"second","kid":"first"}`, `{"ALG":"RS256","Kid":"first"}`, `null`, `[]`, ``, `{`, "\xff",
		strings.Repeat(`{"kid":`, 500), `{"alg":"RS256","kid":"first","jwk":{"kty":"RSA"},"jku":"http://127.0.0.1:1/"}`,
	} {
		f.Add(header, goodClaims, byte(0))
	}
	for _, claims := range []string{
		`{}`, `null`, `[]`, `1`, ``, `{"aud":["other","` + audience + `",null],"exp":1769083201,"type":"x"}`,
		`{"aud":"` + audience + `","exp":1769083200,"type":"x"}`, `{"aud":"` + audience + `","exp":1769083200.5,"type":"x"}`,
		`{"aud":"` + audience + `","exp":1e300,"type":"x"}`, `{"aud":"` + audience + `","exp":1769083201,"nbf":null,"type":"x"}`,
		`{"aud":"` + audience + `","exp":1769083201,"iat":1769083501,"type":"x"}`, `{"aud":"` + audience + `","exp":1769083201,"type":""}`,
		goodClaims + " ", goodClaims + "{}", `{"aud":{"a":"` + audience + `"},"exp":[1],"type":{}}`,
	} {
		f.Add(`{"alg":"RS256","kid":"first"}`, claims, byte(0))
	}
	// Half the usual size, for signing takes most of the time.
	first, second, attackers := rsaKey(f, 1024), rsaKey(f, 1024), rsaKey(f, 1024)
	set := webhook.KeySet{RSA: map[string][]*rsa.PublicKey{"first": {&first.PublicKey}, "second": {&second.PublicKey}}}
	sign := map[string]signer{
		"first": rs256(first), "second": rs256(second), "attacker": rs256(attackers), "hmac": hs256, "none": unsignedToken,
	}
	f.Fuzz(func(t *testing.T, header, claims string, by byte) {
		name := signers[int(by)%len(signers)]
		d := withToken(t, header, claims, sign[name])
		o := outcomeOf(t, set, byDynamic, d.Header, d.Body)
		if err := checkToken(header, claims, name, len(signature(d)), o); err != nil {
			t.Error(err)
		}
	})
}

func rsaKey(f *testing.F, bits int) *rsa.PrivateKey {
	f.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		f.Fatal(err)
	}
	return key
}

// checkToken wants a token to be accepted if, and only if, RFC 7515 and 7519 and the contract leave
// no doubt about it.
func checkToken(header, claims, signer string, length int, o outcome) error {
	if err := checkOutcome(o, webhook.ErrMalformedHeader, webhook.ErrBadToken); err != nil {
		return err
	}
	doubt := doubtAboutHeader(header, signer)
	if doubt == "" {
		doubt = doubtAboutClaims(claims)
	}
	if length > 8192 {
		doubt = "it is longer than a header may be"
	}
	switch {
	case o.err == nil && doubt != "":
		return fmt.Errorf("accepted, though %s", doubt)
	case o.err != nil && doubt == "":
		return fmt.Errorf("a good token: %w", o.err)
	case o.err == nil && o.signed != claims:
		return errors.New("accepted as other claims than were signed")
	case o.err == nil && o.refreshes > 0:
		return errors.New("the keys were refreshed for a token that they verify")
	}
	return nil
}

// doubtAboutHeader is what speaks against a token of that header, signed so; empty if nothing does.
func doubtAboutHeader(header, signer string) string {
	members := jsonObject(header)
	_, critical := members["crit"]
	switch kid := members["kid"]; {
	case members == nil:
		return "its header is no object"
	case members["alg"] != "RS256":
		return "its algorithm is another"
	case critical:
		return "it has a crit header"
	case kid != "first" && kid != "second":
		return "its key is not published"
	case kid != signer:
		return "another key signed it, or none"
	}
	return ""
}

// doubtAboutClaims is what speaks against a token of those claims; empty if nothing does.
func doubtAboutClaims(claims string) string {
	members := jsonObject(claims)
	if members == nil {
		return "its claims are no object"
	}
	if !isFor(members["aud"], audience) {
		return "it is for others"
	}
	if end, ok := jsonSeconds(members["exp"]); !ok || end <= float64(now.Unix()) {
		return "it has ended, or never does"
	}
	for _, name := range []string{"iat", "nbf"} {
		value, there := members[name]
		if begin, ok := jsonSeconds(value); there && (!ok || begin > float64(now.Add(5*time.Minute).Unix())) {
			return name + " is ahead, or no time"
		}
	}
	if eventType, ok := members["type"].(string); !ok || eventType == "" {
		return "it is no event"
	}
	return ""
}

func TestTokenCheckCanFail(t *testing.T) {
	t.Parallel()
	const header = `{"alg":"RS256","kid":"first"}`
	accepted := outcome{signed: goodClaims, gets: 1}
	bad := outcome{err: &webhook.Refusal{Reason: webhook.ErrBadToken, Detail: "No."}, gets: 1}
	without := func(member string) string { return strings.Replace(goodClaims, member, "", 1) }
	for name, test := range map[string]struct {
		header, claims, signer string
		outcome                outcome
		wrong                  bool
	}{
		"good":                       {header, goodClaims, "first", accepted, false},
		"forged":                     {header, goodClaims, "attacker", bad, false},
		"good, and refused":          {header, goodClaims, "first", bad, true},
		"forged, and accepted":       {header, goodClaims, "attacker", accepted, true},
		"by another published key":   {header, goodClaims, "second", accepted, true},
		"HMAC with the public key":   {`{"alg":"HS256","kid":"first"}`, goodClaims, "hmac", accepted, true},
		"alg none":                   {`{"alg":"none","kid":"first"}`, goodClaims, "none", accepted, true},
		"alg ignored":                {`{"alg":"PS256","kid":"first"}`, goodClaims, "first", accepted, true},
		"crit ignored":               {`{"alg":"RS256","kid":"first","crit":["b64"]}`, goodClaims, "first", accepted, true},
		"key id ignored":             {`{"alg":"RS256","kid":"third"}`, goodClaims, "first", accepted, true},
		"key id in any case":         {`{"alg":"RS256","KID":"first"}`, goodClaims, "first", accepted, true},
		"audience ignored":           {header, without(audience), "first", outcome{signed: without(audience)}, true},
		"end ignored":                {header, without(`"exp":1769083500,`), "first", outcome{signed: without(`"exp":1769083500,`)}, true},
		"type ignored":               {header, without(`batch.succeeded`), "first", outcome{signed: without(`batch.succeeded`)}, true},
		"too long":                   {header, goodClaims + strings.Repeat(" ", 9000), "first", outcome{signed: goodClaims + strings.Repeat(" ", 9000)}, true},
		"the body taken":             {header, goodClaims, "first", outcome{signed: `{"type":"x"}`}, true},
		"refreshed without need":     {header, goodClaims, "first", outcome{signed: goodClaims, refreshes: 1}, true},
		"refreshed twice":            {header, goodClaims, "attacker", outcome{err: bad.err, refreshes: 2}, true},
		"refused, key set away":      {header, goodClaims, "attacker", outcome{err: webhook.ErrKeysUnavailable}, true},
		"refused for its timestamp":  {header, goodClaims, "attacker", outcome{err: &webhook.Refusal{Reason: webhook.ErrStaleTimestamp, Detail: "No."}}, true},
		"refused without a sentence": {header, goodClaims, "attacker", outcome{err: &webhook.Refusal{Reason: webhook.ErrBadToken}}, true},
	} {
		length := base64.RawURLEncoding.EncodedLen(len(test.header) + len(test.claims))
		wantComplaint(t, name, checkToken(test.header, test.claims, test.signer, length, test.outcome), test.wrong)
	}
}
