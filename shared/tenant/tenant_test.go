package tenant_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gemhook/gemhook/shared/tenant"
)

// Tokens made with OpenSSL:
//
//	printf gemhook/dynamic/v1:acme | openssl dgst -sha256 -hmac "$key" -binary | basenc --base64url
const (
	keyText   = "dynkey_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG-_"
	acmeToken = "lvrAa-fGPRqCq-AshfxdRC1oYS2j01kPG8IKVN31DDA"
	aToken    = "vfOSbk3UlfbOo0rMg6fW8SEH6pI3ugYkXxnoGP2rwzw"
	acme2     = "d0IwbDq1-4WwQ7mCRGD3vCfn69zEQm_xMyzI4DMxS8A"

	otherText      = "dynkey_ZYXWVUTSRQPONMLKJIHGFEDCBA+/9876543210"
	otherAcmeToken = "do1atIbA0sEu3tJSO6oRITHEpi4YEqouQ1qlnC5YDho"
)

func key(t *testing.T, text string) tenant.Key {
	t.Helper()
	key, err := tenant.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keysOf(t *testing.T, text string) *tenant.Keys {
	t.Helper()
	keys, err := tenant.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return &keys
}

func TestTokenIsWhatOpenSSLMakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ key, name, token string }{
		{keyText, "acme", acmeToken},
		{keyText, "a", aToken},
		{keyText, "acme-2", acme2},
		{otherText, "acme", otherAcmeToken},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if key(t, test.key).Token(test.name) != test.token {
				t.Error("another token")
			}
			if key(t, test.key).Path(test.name) != "/dynamic/"+test.name+"/"+test.token {
				t.Error("another path")
			}
			if !keysOf(t, test.key).Check(test.name, test.token) {
				t.Error("the token is refused")
			}
		})
	}
}

func TestCheckRefusesEveryOtherToken(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, keyText)
	for name, test := range map[string]struct{ tenant, token string }{
		"of another tenant":      {"acme", aToken},
		"for another tenant":     {"acme-2", acmeToken},
		"for the tenant's start": {"acm", acmeToken},
		"tenant in upper case":   {"ACME", acmeToken},
		"tenant with a slash":    {"acme/", acmeToken},
		"tenant empty":           {"", acmeToken},
		"of another key":         {"acme", otherAcmeToken},
		"empty":                  {"acme", ""},
		"one character less":     {"acme", acmeToken[:len(acmeToken)-1]},
		"one character more":     {"acme", acmeToken + "A"},
		"padded":                 {"acme", acmeToken + "="},
		"with a newline":         {"acme", acmeToken + "\n"},
		"with a slash":           {"acme", acmeToken + "/"},
		"in upper case":          {"acme", strings.ToUpper(acmeToken)},
		"in standard base64":     {"acme", strings.ReplaceAll(acmeToken, "-", "+")},
		"with spare bits set":    {"acme", acmeToken[:len(acmeToken)-1] + "B"}, // A and B decode to the same byte here
		"the key itself":         {"acme", keyText},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if keys.Check(test.tenant, test.token) {
				t.Error("the token is accepted")
			}
		})
	}
}

func TestValidNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for _, name := range []string{"a", "0", "acme", "acme-2", "2-acme", "a-", "a--b", "xn--bcher-kva", long} {
		if !tenant.Valid(name) {
			t.Errorf("%q is invalid, want valid", name)
		}
	}
	for _, name := range []string{
		"", "-", "-a", "A", "aCme", "acme_2", "acme.2", "acme/2", "acme 2", " acme", "acme ", "acme\n", "\nacme", "acme\x00",
		"acme%2f", "bücher", "ａcme", "..", ".", long + "a",
	} {
		if tenant.Valid(name) {
			t.Errorf("%q is valid, want invalid", name)
		}
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	const (
		prefix = "a dynamic key begins with dynkey_"
		form   = "a dynamic key has at least 32 characters of base64 or base64url after dynkey_"
		quotes = "a dynamic key is written without quotes"
	)
	const hunter2 = "hunter2hunter2hunter2hunter2hunt" // 32 characters
	for name, test := range map[string]struct{ text, want string }{
		"of 32 characters":     {"dynkey_" + hunter2, ""},
		"of base64":            {"dynkey_" + hunter2 + "+/+/", ""},
		"of base64url":         {"dynkey_" + hunter2 + "-_-_", ""},
		"padded":               {"dynkey_" + hunter2 + "hunt==", ""},
		"of 31 characters":     {"dynkey_" + hunter2[1:], form},
		"31 and padding":       {"dynkey_" + hunter2[1:] + "=", form},
		"of both alphabets":    {"dynkey_" + hunter2 + "+_", form},
		"padding inside":       {"dynkey_" + hunter2 + "=hunter2", form},
		"much padding":         {"dynkey_" + hunter2 + "===", form},
		"a space inside":       {"dynkey_" + hunter2 + " hunter2", form},
		"a newline after":      {"dynkey_" + hunter2 + "\n", form},
		"a passphrase":         {"dynkey_correct-horse-battery-staple!", form},
		"nothing after prefix": {"dynkey_", form},
		"no prefix":            {hunter2, prefix},
		"nothing":              {"", prefix},
		"another prefix":       {"whsec_" + hunter2, prefix},
		"prefix in upper case": {"DYNKEY_" + hunter2, prefix},
		"a space before":       {" dynkey_" + hunter2, prefix},
		"a byte order mark":    {"\ufeffdynkey_" + hunter2, prefix},
		"in quotes":            {`"dynkey_` + hunter2 + `"`, quotes},
		"a quote after":        {"dynkey_" + hunter2 + "'", quotes},
		"in single quotes":     {"'dynkey_" + hunter2 + "'", quotes},
		"in back quotes":       {"`dynkey_" + hunter2 + "`", quotes},
		"a path":               {"/run/secrets/hunter2", prefix},
		"a reference":          {"projects/p/secrets/hunter2", prefix},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parsed, err := tenant.ParseKey(test.text)
			if test.want == "" {
				if err != nil || parsed.Reveal() != test.text {
					t.Errorf("another key, or %v", err)
				}
				return
			}
			if err == nil || err.Error() != test.want || parsed != (tenant.Key{}) {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func TestGenerateKey(t *testing.T) {
	t.Parallel()
	made, err := tenant.GenerateKey(strings.NewReader(strings.Repeat("\xff", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if want := "dynkey_" + strings.Repeat("_", 42) + "8"; made.Reveal() != want {
		t.Error("not the 32 bytes in base64url")
	}
	if key(t, made.Reveal()) != made {
		t.Error("the key is read as another")
	}
	away := errors.New("no randomness")
	for _, random := range []*strings.Reader{strings.NewReader(strings.Repeat("x", 31)), strings.NewReader("")} {
		if made, err := tenant.GenerateKey(random); err == nil || made != (tenant.Key{}) {
			t.Error("a key of too few bytes")
		}
	}
	if _, err := tenant.GenerateKey(iotest.ErrReader(away)); !errors.Is(err, away) {
		t.Errorf("error %v, want %v", err, away)
	}
}

func TestKeysHideThemselves(t *testing.T) {
	t.Parallel()
	const hunter2 = "dynkey_hunter2hunter2hunter2hunter2hunter2"
	keys, one := keysOf(t, hunter2+" acme:"+hunter2+"_ beta: gamma:"), key(t, hunter2)
	for name, value := range map[string]any{
		"a key":            one,
		"a pointer to key": &one,
		"a list of keys":   []tenant.Key{one},
		"a field":          struct{ Key tenant.Key }{one},
		"an entry":         tenant.Entry{Tenant: "acme", Key: one},
		"keys":             *keys,
		"a pointer":        keys,
		"a field of keys":  struct{ Keys tenant.Keys }{*keys},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%c", "%U"} {
				fmt.Fprintf(&logged, verb, value)
			}
			slog.New(slog.NewTextHandler(&logged, nil)).Info("key", "value", value)
			slog.New(slog.NewJSONHandler(&logged, nil)).Info("key", "value", value)
			for _, form := range []string{"hunter2", "68756e746572", "68 75 6e"} {
				if strings.Contains(strings.ToLower(logged.String()), form) {
					t.Error("it shows itself")
				}
			}
		})
	}
	if got := fmt.Sprint(one); got != "[dynamic key]" || one.LogValue().String() != got {
		t.Errorf("a key shows itself as %q", got)
	}
	const want = "common keys: 1, tenants with keys of their own: 1, closed tenants: 2"
	if got := fmt.Sprint(keys); got != want || keys.LogValue().String() != want {
		t.Errorf("keys show themselves as %q", got)
	}
}
