package webhook_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

const (
	noV1a     = "No v1a signature matches a key of Google's key set."
	notSigned = "The dynamic URL takes v1a signatures and RS256 tokens, and there is none."
)

func TestDynamicDeliveryIsWhatWasSigned(t *testing.T) {
	t.Parallel()
	d := signV1a(t, unsigned(), google())
	delivery := wantAccepted(t, dynamic(t), d)
	if delivery.ID() != "msg_1" || delivery.Timestamp() != "1769083200" || delivery.Signature() != signature(d) ||
		delivery.Scheme() != webhook.SchemeV1a {
		t.Errorf("delivery %q at %q of scheme %q", delivery.ID(), delivery.Timestamp(), delivery.Scheme())
	}
	if &delivery.Payload()[0] != &d.Body[0] || len(delivery.Payload()) != len(d.Body) {
		t.Error("the payload is not the body as sent")
	}
}

func TestDynamicTriesEachKey(t *testing.T) {
	t.Parallel()
	for i := range google().Ed25519 {
		d, err := google().SignV1a(unsigned(), i)
		if err != nil {
			t.Fatal(err)
		}
		wantAccepted(t, dynamic(t), d)
	}
}

func TestDynamicSignatures(t *testing.T) {
	t.Parallel()
	signatureIs := func(replace func(signature string) string) func(*standin.Delivery) {
		return func(d *standin.Delivery) { d.Header.Set("webhook-signature", replace(signature(*d))) }
	}
	before := func(text string) func(*standin.Delivery) {
		return signatureIs(func(signature string) string { return text + signature })
	}
	tests := []struct {
		name   string
		change func(*standin.Delivery)
		detail string // of ErrBadSignature; empty: accepted
	}{
		{"as sent", func(*standin.Delivery) {}, ""},
		{"after others", before(otherV1a + " "), ""},
		{"before others", signatureIs(func(s string) string { return s + " " + otherV1a }), ""},
		{"as the 16th", before(strings.Repeat(otherV1a+" ", 15)), ""},
		{"as the 17th", before(strings.Repeat(otherV1a+" ", 16)), noV1a},
		{"as the 17th, after malformed ones", before(strings.Repeat("v1a,AAAA ", 16)), noV1a},
		{"after 100 of unknown versions", before(strings.Repeat("v2,a ", 100)), ""},
		{"after 100 of v1", before(strings.Repeat(otherV1+" ", 100)), ""},
		{"after junk", before(", ,, v1a v1a, v1a,==== a.b.c "), ""},
		{"after one of no base64", before("v1a," + strings.Repeat("!", 88) + " "), ""},
		{"label in upper case", signatureIs(strings.ToUpper), notSigned},
		{"label v1", signatureIs(func(s string) string { return strings.Replace(s, "v1a", "v1", 1) }), notSigned},
		{"label v1ab", signatureIs(func(s string) string { return strings.Replace(s, "v1a", "v1ab", 1) }), notSigned},
		{"without a label", signatureIs(func(s string) string { return strings.TrimPrefix(s, "v1a,") }), notSigned},
		{"v1 only", signatureIs(func(string) string { return otherV1 }), notSigned},
		{"token of two parts", signatureIs(func(string) string { return "eyJhbGciOiJSUzI1NiJ9.e30" }), notSigned},
		{"token of four parts", signatureIs(func(string) string { return someToken + ".AAAA" }), notSigned},
		{"token with a space", signatureIs(func(string) string { return someToken[:5] + " " + someToken[5:] }), notSigned},
		{"token among others", signatureIs(func(string) string { return someToken + " v2,abc" }), notSigned},
		{"empty", signatureIs(func(string) string { return "v1a," }), noV1a},
		{"label without a signature", signatureIs(func(string) string { return "v1a" }), noV1a},
		{"of another key", signatureIs(func(string) string { return signature(signV1a(t, unsigned(), attacker())) }), noV1a},
		{"without padding", signatureIs(func(s string) string { return strings.TrimRight(s, "=") }), noV1a},
		{"in base64url", signatureIs(inBase64URL), noV1a},
		{"with newlines for padding", signatureIs(func(s string) string { return strings.TrimRight(s, "=") + "\n\n" }), noV1a},
		{"with a newline after it", signatureIs(func(s string) string { return s + "\n" }), noV1a},
		{"with spare bits set", signatureIs(func(s string) string { return s[:len(s)-3] + next(s[len(s)-3]) + "==" }), noV1a},
		{"one byte short", signatureIs(func(s string) string { return resized(t, s, -1) }), noV1a},
		{"one byte long", signatureIs(func(s string) string { return resized(t, s, +1) }), noV1a},
		{"body longer", func(d *standin.Delivery) { d.Body = append(d.Body, '\n') }, noV1a},
		{"other id", func(d *standin.Delivery) { d.Header.Set("webhook-id", "msg_2") }, noV1a},
		{"other timestamp", func(d *standin.Delivery) { d.Header.Set("webhook-timestamp", "1769083201") }, noV1a},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := signV1a(t, unsigned(), google())
			test.change(&d)
			if test.detail == "" {
				wantAccepted(t, dynamic(t), d)
				return
			}
			wantRefused(t, dynamic(t), d, webhook.ErrBadSignature, test.detail)
		})
	}
}

func inBase64URL(signature string) string {
	return strings.NewReplacer("+", "-", "/", "_").Replace(signature)
}

// next is the character of the next value: the last one of a 64-byte signature has four bits that
// decode to nothing.
func next(character byte) string { return string(rune(character + 1)) }

// resized is a v1a signature of more or fewer bytes.
func resized(t *testing.T, signature string, by int) string {
	t.Helper()
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1a,"))
	if err != nil {
		t.Fatal(err)
	}
	return "v1a," + base64.StdEncoding.EncodeToString(append(decoded, 0)[:len(decoded)+by])
}

func TestDynamicWithoutTheSignersKeyRefuses(t *testing.T) {
	t.Parallel()
	set := keySetOf(t, google())
	set.Ed25519 = nil
	verifier := webhook.NewDynamic(webhook.Fixed(set), options)
	wantRefused(t, verifier, signV1a(t, unsigned(), google()), webhook.ErrBadSignature, noV1a)
	set.Ed25519 = keySetOf(t, google()).Ed25519[1:] // all but the one that signed
	wantRefused(t, webhook.NewDynamic(webhook.Fixed(set), options), signV1a(t, unsigned(), google()), webhook.ErrBadSignature, noV1a)
}

// A key of a wrong length, which package ed25519 panics for, is passed over.
func TestDynamicKeyOfAnotherLength(t *testing.T) {
	t.Parallel()
	set := keySetOf(t, google())
	set.Ed25519 = append([]ed25519.PublicKey{{}, make([]byte, ed25519.PublicKeySize+1)}, set.Ed25519...)
	wantAccepted(t, webhook.NewDynamic(webhook.Fixed(set), options), signV1a(t, unsigned(), google()))
}
