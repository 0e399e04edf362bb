package tenant_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/tenant"
)

// Tokens made with OpenSSL:
//
//	printf gemhook/dynamic/v1:acme | openssl dgst -sha256 -hmac correct-horse-battery_staple -binary | basenc --base64url
const (
	keyText   = "correct-horse-battery_staple"
	acmeToken = "XV3BaxwsnP-ool4eWOX2fe9IZRMkk2F36AwEgpktMo0"
	aToken    = "qgu7-wqhp6tbsAcQ-q1MmItcV_cBKF-dPih7eZ5deUw"
	acme2     = "gjnSmeSbs0TMIndybVY6Aunhz0zXFqEXbv9rxMa4XBE"

	otherKeyText   = "another-key"
	otherAcmeToken = "SkgN20A_vAm_UO6sZSrcc-I5qZPndTUDfz-ozc76Vtg"
)

func TestTokenIsWhatOpenSSLMakes(t *testing.T) {
	t.Parallel()
	keys := tenant.ParseKeys(keyText + " " + otherKeyText)
	for _, test := range []struct {
		key         tenant.Key
		name, token string
	}{
		{keys[0], "acme", acmeToken},
		{keys[0], "a", aToken},
		{keys[0], "acme-2", acme2},
		{keys[1], "acme", otherAcmeToken},
	} {
		if test.key.Token(test.name) != test.token {
			t.Errorf("another token for %s", test.name)
		}
		if test.key.Path(test.name) != "/dynamic/"+test.name+"/"+test.token {
			t.Errorf("another path for %s", test.name)
		}
		if !keys.Check(test.name, test.token) {
			t.Errorf("the token of %s is refused", test.name)
		}
	}
}

func TestCheckRefusesEveryOtherToken(t *testing.T) {
	t.Parallel()
	keys := tenant.ParseKeys(keyText)
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
		"with spare bits set":    {"acme", acmeToken[:len(acmeToken)-1] + "1"}, // 0 and 1 decode to the same byte here
		"the key itself":         {"acme", keyText},
	} {
		if keys.Check(test.tenant, test.token) {
			t.Errorf("token %s is accepted", name)
		}
	}
}

func TestAnyKeyIsEnough(t *testing.T) {
	t.Parallel()
	both := tenant.ParseKeys(" " + otherKeyText + "\r\n\t" + keyText + "\n")
	if len(both) != 2 || !both.Check("acme", acmeToken) || !both.Check("acme", otherAcmeToken) {
		t.Errorf("%d keys, and a token of theirs is refused", len(both))
	}
	for _, none := range []tenant.Keys{nil, {}, tenant.ParseKeys(""), tenant.ParseKeys(" \n\t")} {
		if len(none) != 0 || none.Check("acme", acmeToken) || none.Check("acme", "") || none.Check("", "") {
			t.Errorf("%d keys accept a token, want none", len(none))
		}
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

func TestKeysHideThemselves(t *testing.T) {
	t.Parallel()
	keys := tenant.ParseKeys("hunter2hunter2 hunter2hunter2")
	key := keys[0]
	for name, value := range map[string]any{
		"a key":     key,
		"a pointer": &key,
		"keys":      keys,
		"a field":   struct{ Key tenant.Key }{key},
	} {
		var logged bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%c", "%U"} {
			fmt.Fprintf(&logged, verb, value)
		}
		slog.New(slog.NewTextHandler(&logged, nil)).Info("key", "value", value)
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("key", "value", value)
		for _, form := range []string{"hunter2", "68756e746572", "68 75 6e"} {
			if strings.Contains(strings.ToLower(logged.String()), form) {
				t.Errorf("%s shows itself", name)
			}
		}
	}
	if got := fmt.Sprint(key); got != "[dynamic key]" || key.String() != got || key.LogValue().String() != got {
		t.Errorf("a key shows itself as %q", got)
	}
}
