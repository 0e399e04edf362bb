package tenant_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/tenant"
)

// byLetter replaces $A, $B and $C by keys.
var byLetter = strings.NewReplacer(
	"$A", "dynkey_"+strings.Repeat("A", 43),
	"$B", "dynkey_"+strings.Repeat("B", 43),
	"$C", "dynkey_"+strings.Repeat("C", 43),
)

// wantAccepted wants tokens of a tenant to be accepted that were made with the keys of these
// letters, and no others.
func wantAccepted(t *testing.T, keys *tenant.Keys, name, letters string) {
	t.Helper()
	for _, letter := range []string{"A", "B", "C"} {
		token := key(t, byLetter.Replace("$"+letter)).Token(name)
		if got, want := keys.Check(name, token), strings.Contains(letters, letter); got != want {
			t.Errorf("a token of %s made with key %s is accepted: %t, want %t", name, letter, got, want)
		}
	}
}

// Each entry counts for the tenants that it is for, whatever else is malformed.
func TestParseKeys(t *testing.T) {
	t.Parallel()
	const (
		prefix  = "a dynamic key begins with dynkey_"
		form    = "a dynamic key has at least 32 characters of base64 or base64url after dynkey_"
		quotes  = "a dynamic key is written without quotes"
		badName = "before the colon is the name of a tenant: up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen"
	)
	// acme, beta and other are the letters whose keys' tokens count for these tenants.
	for _, test := range []struct {
		name, text        string
		acme, beta, other string
		want              []string // the error's lines
	}{
		{"nothing", "", "", "", "", nil},
		{"white space", " \r\n\t", "", "", "", nil},
		{"one common key", "$A", "A", "A", "A", nil},
		{"common keys", " $B\r\n\t$A\n", "AB", "AB", "AB", nil},
		{"a key of its own", "$A acme:$B", "B", "A", "A", nil},
		{"several of its own", "acme:$C $A acme:$B", "BC", "A", "A", nil},
		{"a closed tenant", "$A acme:", "", "A", "A", nil},
		{"a closed tenant twice", "acme: $A acme:", "", "A", "A", nil},
		{"no common key", "acme:$B beta:", "B", "", "", nil},
		{"all forms", "$A acme:$B beta: $C", "B", "", "AC", nil},

		{"the common key behind its own", "$A acme:$B acme:$A", "AB", "A", "A", nil},
		{"a former common key behind two tenants' own", "$C acme:$B acme:$A beta:$A1 beta:$A", "AB", "A", "C", nil},
		{"a key of another behind its own", "$C acme:$A beta:$B beta:$A", "A", "AB", "C", nil},

		{"no key", "hunter2 $A", "A", "A", "A", []string{"entry 1: " + prefix}},
		{"key too short", "$A dynkey_hunter2", "A", "A", "A", []string{"entry 2: " + form}},
		{"a wrapped key", "$A\nhunt", "A", "A", "A", []string{"entry 2: " + prefix}},
		{"a key in quotes", `$A "$B"`, "A", "A", "A", []string{"entry 2: " + quotes}},
		{"a key of its own without prefix", "$A acme:hunter2", "", "A", "A", []string{"entry 2: " + prefix}},
		{"a key of its own too short", "$A acme:dynkey_hunter2", "", "A", "A", []string{"entry 2: " + form}},
		{"one of its own keys malformed", "$A acme:hunter2 acme:$B", "B", "A", "A", []string{"entry 2: " + prefix}},
		{"a name that is none", "Acme:$B $A", "A", "A", "A", []string{"entry 1: " + badName}},
		{"no name", ":$B $A", "A", "A", "A", []string{"entry 1: " + badName}},
		{"name and key the wrong way round", "$B:acme $A", "A", "A", "A", []string{"entry 1: " + badName}},
		{"two colons", "$A acme:beta:$B", "", "A", "A", []string{"entry 2: " + prefix}},
		{"a name that is none, closed", "hunter_2: $A", "A", "A", "A", []string{"entry 1: " + badName}},
		{"closed and then open", "$A acme: acme:$B", "", "A", "A", []string{"entry 3 gives a key to the tenant that entry 2 closes"}},
		{"an entry behind a closed one's", "acme: acme:$B beta:$C $A", "", "C", "A", []string{"entry 2 gives a key to the tenant that entry 1 closes"}},
		{"open and then closed", "acme:$B $A acme:", "", "A", "A", []string{"entry 1 gives a key to the tenant that entry 3 closes"}},
		{"a common key twice", "$A $A", "A", "A", "A", []string{"entry 2 has the key of entry 1"}},
		{"its own key twice", "acme:$A acme:$A $B", "A", "B", "B", []string{"entry 2 has the key of entry 1"}},
		{"its own key twice behind another", "acme:$A acme:$B acme:$B $C", "AB", "C", "C", []string{"entry 3 has the key of entry 2"}},
		{"one key for two tenants", "acme:$A beta:$A $B", "A", "", "B", []string{"entry 2 has the key of entry 1"}},
		{"a common key for a tenant", "$A acme:$A", "", "A", "A", []string{"entry 2 has the key of entry 1"}},
		{"a common key for a tenant before", "acme:$A $A", "", "A", "A", []string{"entry 1 has the key of entry 2"}},
		{"several faults", "hunter2 $A acme:hunter2 $A", "", "A", "A", []string{
			"entry 1: " + prefix, "entry 3: " + prefix, "entry 4 has the key of entry 2",
		}},
		{"nothing but faults", "hunter2 Acme:", "", "", "", []string{"entry 1: " + prefix, "entry 2: " + badName}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			keys, err := tenant.ParseKeys(byLetter.Replace(test.text))
			if want := strings.Join(test.want, "\n"); (err != nil || want != "") && fmt.Sprint(err) != want {
				t.Errorf("error:\n%v\nwant:\n%s", err, want)
			}
			for name, letters := range map[string]string{"acme": test.acme, "beta": test.beta, "other": test.other} {
				wantAccepted(t, &keys, name, letters)
			}
			if want := test.acme+test.beta+test.other == "" && !strings.Contains(test.text, "acme:"); keys.IsZero() != want {
				t.Errorf("the keys are none: %t, want %t", !want, want)
			}
		})
	}
}

func TestNoKeysAcceptNothing(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]*tenant.Keys{"zero": {}, "of no entry": keysOf(t, "")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAccepted(t, keys, "acme", "")
			for _, token := range []string{"", tenant.Key{}.Token("acme"), tenant.Key{}.Token("")} {
				if keys.Check("acme", token) || keys.Check("", token) {
					t.Error("a token is accepted")
				}
			}
		})
	}
}

func TestPathIsMadeWithTheFirstKeyThatCounts(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, byLetter.Replace("$A acme:$B $C acme:$A1 beta:"))
	for name, letter := range map[string]string{"acme": "B", "other": "A"} {
		t.Run(name, func(t *testing.T) {
			want := key(t, byLetter.Replace("$"+letter)).Path(name)
			if got, err := keys.Path(name); err != nil || got != want {
				t.Errorf("another path than that of key %s, or %v", letter, err)
			}
		})
	}
	if path, err := keys.Path("beta"); path != "" || !errors.Is(err, tenant.ErrClosed) {
		t.Errorf("error %v for a closed tenant, want %v", err, tenant.ErrClosed)
	}
	if path, err := keysOf(t, byLetter.Replace("acme:$A")).Path("other"); path != "" || !errors.Is(err, tenant.ErrNoKey) {
		t.Errorf("error %v for a tenant without a key, want %v", err, tenant.ErrNoKey)
	}
}

// A text as long as Secret Manager holds is read, and one byte more is refused.
func TestLongestText(t *testing.T) {
	t.Parallel()
	const tenants = 1024
	var text strings.Builder
	for i := range tenants {
		fmt.Fprintf(&text, "tenant-%05d:dynkey_%043d\n", i, i)
	}
	keys, err := tenant.ParseKeys(text.String())
	if err != nil || text.Len() != tenant.MaxText {
		t.Fatalf("%d entries of %d bytes: %v", tenants, text.Len(), err)
	}
	for i := range tenants {
		name, own := fmt.Sprintf("tenant-%05d", i), key(t, fmt.Sprintf("dynkey_%043d", i))
		if !keys.Check(name, own.Token(name)) || keys.Check(name, key(t, keyText).Token(name)) {
			t.Fatalf("%s is not checked with its own key alone", name)
		}
	}
	keys, err = tenant.ParseKeys(text.String() + "\n")
	const want = "the dynamic keys are 65537 bytes long, and Secret Manager holds 65536: " +
		"about 1,000 tenants with a key of their own (52 bytes and the name)"
	if err == nil || err.Error() != want || !keys.IsZero() {
		t.Errorf("error %v, want %s", err, want)
	}
}

// The time of a check depends on how many keys count for the tenant, not on how many entries there
// are.
func BenchmarkCheck(b *testing.B) {
	for _, entries := range []int{1, 1000} {
		b.Run(fmt.Sprintf("entries=%d", entries), func(b *testing.B) {
			var text strings.Builder
			for i := range entries {
				fmt.Fprintf(&text, "tenant-%d:dynkey_%043d\n", i, i)
			}
			keys, err := tenant.ParseKeys(text.String())
			if err != nil {
				b.Fatal(err)
			}
			path, err := keys.Path("tenant-0")
			if err != nil {
				b.Fatal(err)
			}
			token := path[strings.LastIndexByte(path, '/')+1:]
			for b.Loop() {
				if !keys.Check("tenant-0", token) {
					b.Fatal("the token is refused")
				}
			}
		})
	}
}

// A closed tenant is answered as an unknown token is, after the same work: each key that is tried
// allocates as much.
func TestClosedTakesTheSameWork(t *testing.T) {
	for name, text := range map[string]string{
		"one common key": "$A closed:", "common keys": "$A $B $C closed:", "no common key": "acme:$A closed:",
	} {
		t.Run(name, func(t *testing.T) {
			keys, token := keysOf(t, byLetter.Replace(text)), key(t, byLetter.Replace("$A")).Token("acme")
			work := func(name string) float64 { return testing.AllocsPerRun(10, func() { keys.Check(name, token) }) }
			if closed, unknown := work("closed"), work("other"); closed != unknown || closed == 0 {
				t.Errorf("%v allocations for a closed tenant, %v for an unknown token", closed, unknown)
			}
		})
	}
}
