package apikey_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/apikey"
)

func TestKeys(t *testing.T) {
	for name, test := range map[string]struct {
		text, tenant, want string
		malformed          bool
	}{
		"common":                 {"AIza-1", "", "AIza-1", false},
		"common, for a tenant":   {"AIza-1", "acme", "AIza-1", false},
		"a tenant's own":         {"AIza-1\nacme:AIza-2\n", "acme", "AIza-2", false},
		"the other tenant's":     {"acme:AIza-2", "other", "", false},
		"nothing":                {" ", "", "", false},
		"no key":                 {"acme: AIza-1", "acme", "AIza-1", true},
		"no tenant's name":       {"ACME:AIza-2", "ACME", "", true},
		"one malformed, one not": {"a:b:c AIza-1", "", "AIza-1", true},
		"the later of two":       {"AIza-1 AIza-2", "", "AIza-2", false},
		"with dots and lines":    {"AQ.AIza_1-x", "", "AQ.AIza_1-x", false},
		"in quotes":              {`"AIza-1"`, "", "", true},
		"a path":                 {"/run/AIza", "", "", true},
		"with a byte of control": {"AIza-1\x00", "", "", true},
		"after a second mark":    {"\ufeffAIza-1", "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := apikey.Parse(test.text)
			if (err != nil) != test.malformed || err != nil && strings.Contains(err.Error(), "AIza") {
				t.Errorf("error %v", err)
			}
			if got, found := keys.For(test.tenant); got != test.want || found != (test.want != "") {
				t.Errorf("key %q, found %t, want %q", got, found, test.want)
			}
			if shown := fmt.Sprintf("%v %+v %#v %d", keys, keys, keys, keys); strings.Contains(shown, "AIza") {
				t.Error("the keys show themselves")
			}
		})
	}
	if _, found := (apikey.Keys{}).For(""); found {
		t.Error("the zero Keys have a key")
	}
}

func TestTenants(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "[]",
		"AIza-1":                          `[""]`,
		"beta:AIza-3 AIza-1 acme:AIza-2 ": `["" "acme" "beta"]`,
	} {
		keys, err := apikey.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%q", keys.Tenants()); got != want {
			t.Errorf("tenants %s, want %s", got, want)
		}
	}
	if tenants := (apikey.Keys{}).Tenants(); len(tenants) != 0 {
		t.Errorf("the zero Keys have tenants %q", tenants)
	}
}
