package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/webhook"
)

const (
	otherAudience = "The token is for another audience."
	noExpiry      = "The token has no expiry time."
	expired       = "The token has expired."
	notYet        = "The token is not valid yet."
	iatNoTime     = "The token's iat claim is not a time."
	nbfNoTime     = "The token's nbf claim is not a time."
	noEvent       = "The token's claims are no event, and the body is not signed by it."
	noObject      = "The token's claims are not a JSON object."
)

func TestTokenClaims(t *testing.T) {
	t.Parallel()
	const (
		aud = `"aud":"` + audience + `"`
		iat = `"iat":1769083200`
		exp = `"exp":1769083500`
		typ = `"type":"batch.succeeded"`
	)
	claims := func(members ...string) string { return "{" + strings.Join(members, ",") + "}" }
	tests := []struct {
		name   string
		claims string
		detail string // of ErrBadToken; empty: accepted
	}{
		{"all", goodClaims, ""},
		{"the least", claims(aud, exp, typ), ""},
		{"unknown type", claims(aud, exp, `"type":"audio.transcribed"`), ""},

		{"aud missing", claims(exp, typ), otherAudience},
		{"aud other", claims(`"aud":"other"`, exp, typ), otherAudience},
		{"aud longer", claims(`"aud":"`+audience+`.example"`, exp, typ), otherAudience},
		{"aud shorter", claims(`"aud":"`+audience[:20]+`"`, exp, typ), otherAudience},
		{"aud in upper case", claims(`"aud":"`+strings.ToUpper(audience)+`"`, exp, typ), otherAudience},
		{"aud empty", claims(`"aud":""`, exp, typ), otherAudience},
		{"aud null", claims(`"aud":null`, exp, typ), otherAudience},
		{"aud number", claims(`"aud":481516234200`, exp, typ), otherAudience},
		{"aud object", claims(`"aud":{"`+audience+`":true}`, exp, typ), otherAudience},
		{"aud array with it", claims(`"aud":["other","`+audience+`"]`, exp, typ), ""},
		{"aud array of it", claims(`"aud":["`+audience+`"]`, exp, typ), ""},
		{"aud array of others", claims(`"aud":["other","another"]`, exp, typ), otherAudience},
		{"aud array empty", claims(`"aud":[]`, exp, typ), otherAudience},
		{"aud array mixed", claims(`"aud":[1,"`+audience+`"]`, exp, typ), otherAudience},
		{"aud array of arrays", claims(`"aud":[["`+audience+`"]]`, exp, typ), otherAudience},
		{"aud under another name", claims(`"Aud":"`+audience+`"`, exp, typ), otherAudience},
		{"aud twice, the last is other", claims(aud, `"aud":"other"`, exp, typ), otherAudience},

		{"exp missing", claims(aud, typ), noExpiry},
		{"exp null", claims(aud, `"exp":null`, typ), noExpiry},
		{"exp string", claims(aud, `"exp":"1769083500"`, typ), noExpiry},
		{"exp array", claims(aud, `"exp":[1769083500]`, typ), noExpiry},
		{"exp true", claims(aud, `"exp":true`, typ), noExpiry},
		{"exp too large for a float", claims(aud, `"exp":1e999`, typ), noExpiry},
		{"exp too large for a time", claims(aud, `"exp":1e300`, typ), noExpiry},
		{"exp too small for a time", claims(aud, `"exp":-1e300`, typ), noExpiry},
		{"exp under another name", claims(aud, `"Exp":1769083500`, typ), noExpiry},
		{"exp one second ahead", claims(aud, `"exp":1769083201`, typ), ""},
		{"exp in an instant", claims(aud, `"exp":1769083200.5`, typ), ""},
		{"exp as a power", claims(aud, `"exp":1.7690835e9`, typ), ""},
		{"exp in the year 9999", claims(aud, `"exp":253402300799`, typ), ""},
		{"exp now", claims(aud, `"exp":1769083200`, typ), expired},
		{"exp an instant ago", claims(aud, `"exp":1769083199.5`, typ), expired},
		{"exp within the tolerance", claims(aud, `"exp":1769083199`, typ), expired},
		{"exp zero", claims(aud, `"exp":0`, typ), expired},
		{"exp twice, the last is past", claims(aud, exp, `"exp":1769083199`, typ), expired},

		{"iat now", claims(aud, iat, exp, typ), ""},
		{"iat long ago", claims(aud, `"iat":0`, exp, typ), ""},
		{"iat at the tolerance", claims(aud, `"iat":1769083500`, `"exp":1769084500`, typ), ""},
		{"iat beyond the tolerance", claims(aud, `"iat":1769083501`, `"exp":1769084500`, typ), notYet},
		{"iat an instant beyond it", claims(aud, `"iat":1769083500.5`, `"exp":1769084500`, typ), notYet},
		{"iat null", claims(aud, `"iat":null`, exp, typ), iatNoTime},
		{"iat string", claims(aud, `"iat":"1769083200"`, exp, typ), iatNoTime},
		{"nbf now", claims(aud, `"nbf":1769083200`, exp, typ), ""},
		{"nbf at the tolerance", claims(aud, `"nbf":1769083500`, `"exp":1769084500`, typ), ""},
		{"nbf beyond the tolerance", claims(aud, iat, `"nbf":1769083501`, `"exp":1769084500`, typ), notYet},
		{"nbf string", claims(aud, `"nbf":"0"`, exp, typ), nbfNoTime},

		{"type missing", claims(aud, exp), noEvent},
		{"type empty", claims(aud, exp, `"type":""`), noEvent},
		{"type null", claims(aud, exp, `"type":null`), noEvent},
		{"type number", claims(aud, exp, `"type":1`), noEvent},
		{"type array", claims(aud, exp, `"type":["batch.succeeded"]`), noEvent},
		{"type in upper case", claims(aud, exp, `"TYPE":"batch.succeeded"`), noEvent},
		{"type twice, the last is none", claims(aud, exp, typ, `"type":1`), noEvent},
		{"type deeper", claims(aud, exp, `"data":{"type":"batch.succeeded"}`), noEvent},

		{"array", "[" + goodClaims + "]", noObject},
		{"string", `"claims"`, noObject},
		{"number", `1769083200`, noObject},
		{"empty", ``, noObject},
		{"cut off", goodClaims[:len(goodClaims)-1], noObject},
		{"more than an object", goodClaims + goodClaims, noObject},
		{"nothing but brackets", `{"a":` + strings.Repeat("[", 4096), noObject},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := withToken(t, tokenHeader(""), test.claims, rs256(googleRSA()))
			if test.detail == "" {
				if delivery := wantAccepted(t, dynamic(t), d); string(delivery.Payload()) != test.claims {
					t.Error("the payload is not the claims as signed")
				}
				return
			}
			wantRefused(t, dynamic(t), d, webhook.ErrBadToken, test.detail)
		})
	}
}

func TestTokenLifetimeIsByTheVerifiersClock(t *testing.T) {
	t.Parallel()
	at := func(instant time.Time, tolerance time.Duration) *webhook.Dynamic {
		return webhook.NewDynamic(webhook.Fixed(keySetOf(t, google())),
			&webhook.Options{Audience: audience, Tolerance: tolerance, Now: func() time.Time { return instant }})
	}
	d := withToken(t, tokenHeader(""), goodClaims, rs256(googleRSA())) // from now, for five minutes
	wantAccepted(t, at(now.Add(5*time.Minute-1), 0), d)
	wantRefused(t, at(now.Add(5*time.Minute), 0), d, webhook.ErrBadToken, expired)
	wantAccepted(t, at(now.Add(-5*time.Minute), 0), d)
	wantRefused(t, at(now.Add(-5*time.Minute-1), 0), d, webhook.ErrBadToken, notYet)
	wantAccepted(t, at(now.Add(-time.Second), time.Second), d)
	wantRefused(t, at(now.Add(-time.Second-1), time.Second), d, webhook.ErrBadToken, notYet)
	wantRefused(t, at(now.Add(6*time.Minute), time.Hour), d, webhook.ErrBadToken, expired)
}

// A forged token learns nothing of the claims that would pass.
func TestTokenSignatureIsJudgedBeforeItsClaims(t *testing.T) {
	t.Parallel()
	for _, claims := range []string{`{}`, `[]`, strings.Replace(goodClaims, audience, "other", 1)} {
		wantRefused(t, dynamic(t), withToken(t, tokenHeader(""), claims, rs256(attackerRSA())), webhook.ErrBadToken, noMatch)
	}
}
