package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

const (
	noV1        = "No v1 signature matches an active signing secret."
	toDynamic   = "This is a delivery of a dynamic webhook: send it to the dynamic URL of its tenant."
	otherV1     = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	otherV1a    = "v1a,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
	someToken   = "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"
	maxV1Looked = 16
)

func TestStaticDeliveryIsWhatWasSigned(t *testing.T) {
	t.Parallel()
	d := signV1(t, unsigned())
	delivery := wantAccepted(t, static(t), d)
	if delivery.ID() != "msg_1" || delivery.Timestamp() != "1769083200" || delivery.Signature() != signature(d) ||
		delivery.Scheme() != webhook.SchemeV1 {
		t.Errorf("delivery %q at %q of scheme %q", delivery.ID(), delivery.Timestamp(), delivery.Scheme())
	}
	if !delivery.Time().Equal(now) || delivery.Time().Location() != time.UTC {
		t.Errorf("Time = %s", delivery.Time())
	}
	if &delivery.Payload()[0] != &d.Body[0] || len(delivery.Payload()) != len(d.Body) {
		t.Error("the payload is not the very body")
	}
}

func TestStaticSignatures(t *testing.T) {
	t.Parallel()
	change := func(replace func(signature string) string) func(*standin.Delivery) {
		return func(d *standin.Delivery) { d.Header.Set("webhook-signature", replace(signature(*d))) }
	}
	before := func(text string) func(*standin.Delivery) {
		return change(func(signature string) string { return text + signature })
	}
	tests := []struct {
		name   string
		change func(*standin.Delivery)
		detail string // of ErrBadSignature; empty: accepted
	}{
		{"as sent", func(*standin.Delivery) {}, ""},
		{"after others", before(otherV1 + " "), ""},
		{"before others", change(func(s string) string { return s + " " + otherV1 }), ""},
		{"between spaces", change(func(s string) string { return "  " + s + "  " }), ""},
		{"as the 16th", before(strings.Repeat(otherV1+" ", maxV1Looked-1)), ""},
		{"as the 17th", before(strings.Repeat(otherV1+" ", maxV1Looked)), noV1},
		{"after 100 of unknown versions", before(strings.Repeat("v2,a ", 100)), ""},
		{"after 60 of v1a", before(strings.Repeat(otherV1a+" ", 60)), ""},
		{"after junk", before(", ,, v1 v1, v1,, =.= "), ""},
		{"joined with a comma", change(func(s string) string { return otherV1 + "," + s }), noV1},
		{"joined with a tab", before(otherV1 + "\t"), noV1},
		{"label in upper case", change(strings.ToUpper), noV1},
		{"label with a space", change(func(s string) string { return strings.Replace(s, ",", " ,", 1) }), noV1},
		{"without a label", change(func(s string) string { return strings.TrimPrefix(s, "v1,") }), noV1},
		{"of another version", change(func(s string) string { return strings.Replace(s, "v1", "v2", 1) }), noV1},
		{"label without a signature", change(func(string) string { return "v1" }), noV1},
		{"empty", change(func(string) string { return "v1," }), noV1},
		{"spaces only", change(func(string) string { return "   " }), noV1},
		{"with a newline in it", change(func(s string) string { return s[:20] + "\n" + s[20:] }), noV1},
		{"with a newline after it", change(func(s string) string { return s + "\n" }), noV1},
		{"without padding", change(func(s string) string { return strings.TrimRight(s, "=") }), noV1},
		{"with another last byte", change(func(s string) string { return s[:len(s)-2] + "A=" }), noV1},
		{"body longer", func(d *standin.Delivery) { d.Body = append(d.Body, '\n') }, noV1},
		{"body empty", func(d *standin.Delivery) { d.Body = nil }, noV1},
		{"other id", func(d *standin.Delivery) { d.Header.Set("webhook-id", "msg_2") }, noV1},
		{"id in upper case", func(d *standin.Delivery) { d.Header.Set("webhook-id", "MSG_1") }, noV1},
		{"other timestamp", func(d *standin.Delivery) { d.Header.Set("webhook-timestamp", "1769083201") }, noV1},
		{"same timestamp spelt otherwise", func(d *standin.Delivery) { d.Header.Set("webhook-timestamp", "01769083200") }, noV1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := signV1(t, unsigned())
			test.change(&d)
			if test.detail == "" {
				wantAccepted(t, static(t), d)
				return
			}
			wantRefused(t, static(t), d, webhook.ErrBadSignature, test.detail)
		})
	}
}

func TestStaticRefusesALastCharacterWithSpareBits(t *testing.T) {
	t.Parallel()
	d := signV1(t, unsigned())
	// The last character before the padding carries two bits that decode to nothing: three more
	// texts for the same bytes.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	sent := signature(d)
	last := strings.IndexByte(alphabet, sent[len(sent)-2])
	for spare := 1; spare < 4; spare++ {
		d.Header.Set("webhook-signature", sent[:len(sent)-2]+alphabet[last|spare:][:1]+"=")
		wantRefused(t, static(t), d, webhook.ErrBadSignature, noV1)
	}
}

func TestAnyActiveSecretIsEnough(t *testing.T) {
	t.Parallel()
	three := google().Secrets
	tests := []struct {
		name   string
		signed []string // with these secrets
		active []string
		detail string
	}{
		{"only one", three[:1], three[:1], ""},
		{"the last of three", three[2:], three, ""},
		{"sender has rotated, receiver not yet", three[:2], three[:1], ""},
		{"receiver has rotated, sender not yet", three[:1], three[:2], ""},
		{"two of either, one in common", three[:2], three[1:], ""},
		{"none in common", three[:1], three[1:], noV1},
		{"none active", three, nil, noV1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			secrets, err := webhook.ParseSecrets(strings.Join(test.active, " "))
			if err != nil {
				t.Fatal(err)
			}
			verifier := webhook.NewStatic(webhook.Fixed(secrets), options)
			d := signV1(t, unsigned(), test.signed...)
			if test.detail == "" {
				wantAccepted(t, verifier, d)
				return
			}
			wantRefused(t, verifier, d, webhook.ErrBadSignature, test.detail)
		})
	}
}

func TestStaticSendsDynamicDeliveriesToTheirURL(t *testing.T) {
	t.Parallel()
	stale := unsigned()
	stale.Time = now.Add(-time.Hour)
	for name, d := range map[string]standin.Delivery{
		"v1a":           signV1a(t, unsigned(), google()),
		"stale v1a":     signV1a(t, stale, google()),
		"token":         signJWT(t, unsigned(), google()),
		"stale token":   signJWT(t, stale, google()),
		"foreign v1a":   signV1a(t, unsigned(), attacker()),
		"malformed v1a": withSignature(t, "v1a,"),
		"v1a, then v2":  withSignature(t, otherV1a+" v2,abc"),
		"any two dots":  withSignature(t, ".."),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, static(t), d, webhook.ErrDynamicURLRequired, toDynamic)
		})
	}
}

// A delivery that also has a v1 signature is judged by that.
func TestStaticGoesByV1WhereThereIsOne(t *testing.T) {
	t.Parallel()
	v1 := signature(signV1(t, unsigned()))
	wantAccepted(t, static(t), withSignature(t, otherV1a+" "+v1))
	wantAccepted(t, static(t), withSignature(t, v1+" "+otherV1a))
	wantAccepted(t, static(t), withSignature(t, someToken+" "+v1))
	wantRefused(t, static(t), withSignature(t, otherV1a+" "+otherV1), webhook.ErrBadSignature, noV1)
	wantRefused(t, static(t), withSignature(t, signature(signV1a(t, unsigned(), google()))+" v1"), webhook.ErrBadSignature, noV1)
	// Neither of these is a dynamic delivery.
	wantRefused(t, static(t), withSignature(t, "v2,a.b.c"), webhook.ErrBadSignature, noV1)
	wantRefused(t, static(t), withSignature(t, "a.b"), webhook.ErrBadSignature, noV1)
	wantRefused(t, static(t), withSignature(t, "a.b.c.d"), webhook.ErrBadSignature, noV1)
}

// withSignature is the fixture's delivery with that webhook-signature.
func withSignature(t *testing.T, signature string) standin.Delivery {
	t.Helper()
	d := signV1(t, unsigned())
	d.Header.Set("webhook-signature", signature)
	return d
}

func TestNilOptionsAreTheRealClockAndTheDefaultTolerance(t *testing.T) {
	t.Parallel()
	verifier := webhook.NewStatic(webhook.Fixed(secretsOf(t, 1)), nil)
	d := unsigned()
	d.Time = time.Now()
	wantAccepted(t, verifier, signV1(t, d))
	wantRefused(t, verifier, signV1(t, unsigned()), webhook.ErrStaleTimestamp, "The webhook-timestamp header is more than 5m0s old.")
}
