package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/webhook"
)

// hunter2 is a key that would be seen in any text.
const (
	hunter2       = "hunter2hunter2hunter2hunte"
	hunter2Secret = "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGU="
)

// wantHidden wants no text to hold the key, or the secret, in any form that fmt could give it.
func wantHidden(t *testing.T, what, text string) {
	t.Helper()
	for _, form := range []string{
		hunter2, strings.TrimPrefix(hunter2Secret, "whsec_"),
		hex.EncodeToString([]byte(hunter2)), strings.ToUpper(hex.EncodeToString([]byte(hunter2))),
		"104 117 110", "150 165 156", "68 75 6e", "0x68, 0x75", "0o150 0o165", "1101000 1110101", "h u n t", "U+0068",
	} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret", what)
		}
	}
}

func TestSecretsHideThemselves(t *testing.T) {
	t.Parallel()
	secrets, err := webhook.ParseSecrets(hunter2Secret + " " + hunter2Secret)
	if err != nil {
		t.Fatal(err)
	}
	secret := secrets[0]
	values := map[string]any{
		"a secret":    secret,
		"a pointer":   &secret,
		"secrets":     secrets,
		"a field":     struct{ Secret webhook.Secret }{secret},
		"a map":       map[string]webhook.Secret{"current": secret},
		"a source":    webhook.Fixed(secrets),
		"a verifier":  webhook.NewStatic(webhook.Fixed(secrets), nil),
		"its pointer": &secrets,
	}
	for name, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%O", "%b", "%c", "%U", "%t", "%T"} {
			wantHidden(t, name+" with "+verb, fmt.Sprintf(verb, value))
		}
		var text, json bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("secret", "value", value)
		slog.New(slog.NewJSONHandler(&json, nil)).Info("secret", "value", value)
		wantHidden(t, name+" in a text log", text.String())
		wantHidden(t, name+" in a JSON log", json.String())
	}
	const shown = "[signing secret]"
	for _, got := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%#v", secret), fmt.Sprintf("%d", secret), secret.String(), secret.LogValue().String(),
	} {
		if got != shown {
			t.Errorf("a secret shows itself as %q, want %q", got, shown)
		}
	}
}

func TestParseSecret(t *testing.T) {
	t.Parallel()
	const (
		prefix = "a signing secret begins with whsec_"
		base   = "what follows whsec_ in a signing secret is standard base64"
		length = "a signing secret has at least 24 bytes after whsec_"
		quotes = "a signing secret is written without quotes"
	)
	tests := []struct{ name, text, want string }{
		{"as Gemini shows it", hunter2Secret, ""},
		{"of 24 bytes", "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVu", ""},
		{"of 23 bytes", "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHU=", length},
		{"of one byte", "whsec_AA==", length},
		{"in quotes", `"` + hunter2Secret + `"`, quotes},
		{"a quote after", hunter2Secret + "'", quotes},
		{"empty", "", prefix},
		{"without prefix", hunter2Secret[6:], prefix},
		{"prefix in upper case", "WHSEC_" + hunter2Secret[6:], prefix},
		{"space before", " " + hunter2Secret, prefix},
		{"space after", hunter2Secret + " ", base},
		{"nothing after the prefix", "whsec_", length},
		{"not base64", "whsec_" + hunter2 + "!", base},
		{"without padding", strings.TrimRight(hunter2Secret, "="), base},
		{"base64url", "whsec_-_-_", base},
		{"spare bits", "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGV=", base},
		{"prefix twice", "whsec_" + hunter2Secret, base},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := webhook.ParseSecret(test.text)
			if got := fmt.Sprint(err); got != test.want && (test.want != "" || err != nil) {
				t.Errorf("error %q, want %q", got, test.want)
			}
			wantHidden(t, "the error", fmt.Sprint(err))
		})
	}
}

func TestParseSecretsKeepsTheGoodOnes(t *testing.T) {
	t.Parallel()
	good := google().Secrets
	tests := []struct {
		name, text string
		count      int
		want       string
	}{
		{"none", "", 0, ""},
		{"white space", " \t\r\n", 0, ""},
		{"one in a file", good[0] + "\n", 1, ""},
		{"several in lines", "\n" + good[0] + "\r\n\t" + good[1] + "  " + good[2], 3, ""},
		{"one malformed", good[0] + " " + hunter2 + " " + good[1], 2, "secret 2: a signing secret begins with whsec_"},
		{"all malformed", hunter2 + " whsec_ whsec_" + hunter2 + "!", 0, "secret 1: a signing secret begins with whsec_\n" +
			"secret 2: a signing secret has at least 24 bytes after whsec_\n" +
			"secret 3: what follows whsec_ in a signing secret is standard base64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			secrets, err := webhook.ParseSecrets(test.text)
			if len(secrets) != test.count {
				t.Errorf("%d secrets, want %d", len(secrets), test.count)
			}
			if got := fmt.Sprint(err); got != test.want && (test.want != "" || err != nil) {
				t.Errorf("error %q, want %q", got, test.want)
			}
			wantHidden(t, "the error", fmt.Sprint(err))
		})
	}
}

// Else whoever overlooks the error of ParseSecret would take deliveries that are signed with an
// empty key.
func TestTheZeroSecretVerifiesNothing(t *testing.T) {
	t.Parallel()
	d := unsigned()
	mac := hmac.New(sha256.New, nil)
	mac.Write([]byte("msg_1.1769083200." + string(d.Body)))
	forged := withSignature(t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	verifier := webhook.NewStatic(webhook.Fixed(webhook.Secrets{{}}), options)
	wantRefused(t, verifier, forged, webhook.ErrBadSignature, noV1)
}

func TestAMalformedSecretLeavesTheRestInUse(t *testing.T) {
	t.Parallel()
	secrets, err := webhook.ParseSecrets("whsec_malformed! " + google().Secrets[0])
	if err == nil {
		t.Fatal("no error")
	}
	wantAccepted(t, webhook.NewStatic(webhook.Fixed(secrets), options), signV1(t, unsigned()))
}

// What a refusal says goes to whoever sent the delivery.
func TestRefusalsShowNoSecretAndNoSignature(t *testing.T) {
	t.Parallel()
	secrets, err := webhook.ParseSecrets(hunter2Secret)
	if err != nil {
		t.Fatal(err)
	}
	good := signV1(t, unsigned(), hunter2Secret)
	wantAccepted(t, webhook.NewStatic(webhook.Fixed(secrets), options), good)
	expected := signature(good)
	good.Body = append(good.Body, '\n')
	_, err = webhook.NewStatic(webhook.Fixed(secrets), options).Verify(t.Context(), good.Header, good.Body)
	for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
		text := fmt.Sprintf(verb, err)
		wantHidden(t, "the refusal", text)
		mac, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(expected, "v1,"))
		if strings.Contains(text, expected[3:]) || strings.Contains(text, hex.EncodeToString(mac)) {
			t.Error("the refusal shows a signature")
		}
	}
}
