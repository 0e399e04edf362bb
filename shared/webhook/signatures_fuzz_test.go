package webhook_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

// lists are signature lists in which <0> and <1> stand for signatures with keys in use, <2> for one
// with a key that is not, <x> for one of another body, <s> for <0> with a bit set that decodes to
// nothing. LABEL is the version.
var lists = []string{
	"LABEL,<0>", "LABEL,<1>", "LABEL,<2>", "LABEL,<x>", "LABEL,<s>", "LABEL,<0> LABEL,<2>", "LABEL,<2> LABEL,<1>", "", " ", ",", "LABEL", "LABEL,",
	"v1,<0> v1a,<0>", "v2,<0>", "V1,<0> V1A,<0>", "LABEL,,<0>", "LABEL,<0>,<0>", "LABEL,<0>\n", "LABEL, <0>", "LABEL ,<0>", "a.b.c", "<0>.<0>.<0>",
	strings.Repeat("LABEL, ", 15) + "LABEL,<0>", strings.Repeat("LABEL ", 16) + "LABEL,<0>", strings.Repeat("v3, ", 1000) + "LABEL,<0>",
	strings.Repeat("LABEL,<2> ", 100) + "LABEL,<1>",
}

func addLists(f *testing.F, label webhook.Scheme) {
	for _, list := range lists {
		f.Add(strings.ReplaceAll(list, "LABEL", string(label)), []byte("{}"))
	}
}

// filled puts signatures in the place of their names.
func filled(list string, sign func(key int, body []byte) string, body []byte) string {
	first := sign(0, body)
	return strings.NewReplacer(
		"<0>", first, "<1>", sign(1, body), "<2>", sign(2, body), "<x>", sign(0, append([]byte{'x'}, body...)), "<s>", respelt(first),
	).Replace(list)
}

// respelt is another text that decodes to the same, for who does not look at every bit: the last
// character before the padding has two or four that count for nothing, which are zero.
func respelt(signature string) string {
	unpadded := strings.TrimRight(signature, "=")
	last := len(unpadded) - 1
	return unpadded[:last] + next(unpadded[last]) + signature[len(unpadded):]
}

// FuzzSignatureListV1 gives the static verifier, which has the first two of three secrets, any
// list.
func FuzzSignatureListV1(f *testing.F) {
	addLists(f, webhook.SchemeV1)
	f.Fuzz(func(t *testing.T, list string, body []byte) {
		list = filled(list, macOf, body)
		active := func(signature string) bool { return signature == macOf(0, body) || signature == macOf(1, body) }
		o := outcomeOf(t, secretsOf(t, 2), byStatic(now), withSignature(t, list).Header, body)
		if err := checkList(list, webhook.SchemeV1, active, o); err != nil {
			t.Errorf("%v\n%s", err, shown(list))
		}
	})
}

// FuzzSignatureListV1a gives the dynamic verifier, which has the first two of three keys, any list.
func FuzzSignatureListV1a(f *testing.F) {
	addLists(f, webhook.SchemeV1a)
	keys := keySetOf(f, google())
	sign := func(key int, body []byte) string {
		signed := append([]byte("msg_1.1769083200."), body...)
		return base64.StdEncoding.EncodeToString(ed25519.Sign(google().Ed25519[key].Private, signed))
	}
	published := keys.Ed25519[:2]
	f.Fuzz(func(t *testing.T, list string, body []byte) {
		list = filled(list, sign, body)
		active := func(signature string) bool {
			decoded, err := base64.StdEncoding.Strict().DecodeString(signature)
			signed := append([]byte("msg_1.1769083200."), body...)
			return err == nil && !strings.ContainsAny(signature, "\r\n") &&
				(ed25519.Verify(published[0], signed, decoded) || ed25519.Verify(published[1], signed, decoded))
		}
		set := webhook.KeySet{Ed25519: published, RSA: keys.RSA}
		o := outcomeOf(t, set, byDynamic, withSignature(t, list).Header, body)
		if err := checkList(list, webhook.SchemeV1a, active, o); err != nil {
			t.Errorf("%v\n%s", err, shown(list))
		}
	})
}

// macOf is the base64 of the fixture's delivery with that body, by one of the three secrets.
func macOf(secret int, body []byte) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(google().Secrets[secret], standin.SecretPrefix))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("msg_1.1769083200."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// shown is a list that may be printed: its labels and lengths.
func shown(list string) string {
	var text strings.Builder
	for _, entry := range strings.Split(list, " ") {
		label, signature, _ := strings.Cut(entry, ",")
		fmt.Fprintf(&text, "%.20q and %d bytes; ", label, len(signature))
	}
	return text.String()
}

// checkList wants a list to be accepted if, and only if, one of its first 16 signatures of that
// version is an active one.
func checkList(list string, version webhook.Scheme, active func(signature string) bool, o outcome) error {
	if err := checkOutcome(o, webhook.ErrMissingHeader, webhook.ErrMalformedHeader, webhook.ErrBadSignature,
		webhook.ErrBadToken, webhook.ErrDynamicURLRequired); err != nil {
		return err
	}
	var entries []string
	for _, entry := range strings.Split(list, " ") {
		if label, signature, _ := strings.Cut(entry, ","); label == string(version) {
			entries = append(entries, signature)
		}
	}
	want := false
	for _, signature := range entries[:min(len(entries), 16)] {
		want = want || active(signature)
	}
	if len(list) > 8192 {
		want = false
	}
	if accepted := o.err == nil; accepted != want {
		return fmt.Errorf("accepted: %t, want %t", accepted, want)
	}
	if len(entries) > 0 && (errors.Is(o.err, webhook.ErrDynamicURLRequired) || errors.Is(o.err, webhook.ErrBadToken)) {
		return fmt.Errorf("refused with %q, though there is a signature of %s", o.err, version)
	}
	return nil
}

func TestListCheckCanFail(t *testing.T) {
	t.Parallel()
	refused := func(reason error) outcome { return outcome{err: &webhook.Refusal{Reason: reason, Detail: "No."}} }
	accepted, bad := outcome{}, refused(webhook.ErrBadSignature)
	for name, test := range map[string]struct {
		list    string
		outcome outcome
		wrong   bool
	}{
		"right":                             {"v1,right", accepted, false},
		"wrong":                             {"v1,wrong", bad, false},
		"second is right":                   {"v1,wrong v1,right", accepted, false},
		"of another version":                {"v1a,right", refused(webhook.ErrDynamicURLRequired), false},
		"wrong, and accepted":               {"v1,wrong", accepted, true},
		"right, and refused":                {"v1,right", bad, true},
		"only the first looked at":          {"v1,wrong v1,right", bad, true},
		"of another version, and accepted":  {"v1a,right", accepted, true},
		"without a label, and accepted":     {"right", accepted, true},
		"empty, and accepted":               {"v1,", accepted, true},
		"the 17th looked at":                {strings.Repeat("v1,wrong ", 16) + "v1,right", accepted, true},
		"the 16th not looked at":            {strings.Repeat("v1,wrong ", 15) + "v1,right", bad, true},
		"others counted":                    {strings.Repeat("v1a,wrong ", 16) + "v1,right", bad, true},
		"split at commas":                   {"v1,wrong,v1,right", accepted, true},
		"longer than 8 KiB, and accepted":   {"v1,right" + strings.Repeat(" ", 8192), accepted, true},
		"sent on though it has a v1":        {"v1,wrong v1a,b", refused(webhook.ErrDynamicURLRequired), true},
		"taken for a token":                 {"v1,a.b.c", refused(webhook.ErrBadToken), true},
		"refused, the keys refreshed twice": {"v1,wrong", outcome{err: bad.err, refreshes: 2}, true},
	} {
		right := func(signature string) bool { return signature == "right" }
		wantComplaint(t, name, checkList(test.list, webhook.SchemeV1, right, test.outcome), test.wrong)
	}
}
