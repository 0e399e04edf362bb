package tenant_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/tenant"
)

// wantOwnTokensAlone makes a token for each of these tenants with each key in a text. It wants the
// keys of the text to accept those that an entry is for, each in the URL of its own tenant only,
// and no others. It finds the entries in the text itself, word by word.
func wantOwnTokensAlone(t *testing.T, text string, names []string) {
	t.Helper()
	keys, err := tenant.ParseKeys(text)
	words := strings.Fields(text)
	if len(text) > tenant.MaxText {
		if err == nil || !keys.IsZero() {
			t.Error("a text that is too long is taken")
		}
		return
	}
	pool := []tenant.Key{{}}
	for _, word := range words {
		_, after, _ := strings.Cut(word, ":")
		for _, part := range []string{word, after} {
			if key, err := tenant.ParseKey(part); err == nil && !slices.Contains(pool, key) {
				pool = append(pool, key)
			}
		}
	}
	for _, of := range names {
		own := slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, of+":") })
		for _, key := range pool {
			token := key.Token(of)
			for _, at := range names {
				if at != of && keys.Check(at, token) {
					t.Fatalf("a token of %s opens the URL of %s", of, at)
				}
			}
			entry := key.Reveal()
			if own {
				entry = of + ":" + entry
			}
			if keys.Check(of, token) && (key == tenant.Key{} || !slices.Contains(words, entry) || slices.Contains(words, of+":")) {
				t.Fatalf("a token of %s is accepted, and no entry says so", of)
			}
			if err == nil && slices.Contains(words, entry) && !slices.Contains(words, of+":") && !keys.Check(of, token) {
				t.Fatalf("no entry is malformed, and a token of %s is refused", of)
			}
		}
		path, err := keys.Path(of)
		if token := path[strings.LastIndexByte(path, '/')+1:]; (err == nil) != keys.Check(of, token) {
			t.Fatalf("the token in the URL of %s is accepted: %t; %v", of, err != nil, err)
		}
	}
}

var mixed = []string{"acme", "acme-2", "beta", "a", "other"}

// TestNoTokenOpensAnotherTenant tries random mixtures of all forms of entries, malformed ones too.
// The keys are few, so that entries often have the same.
func TestNoTokenOpensAnotherTenant(t *testing.T) {
	t.Parallel()
	const seed = 17
	random := rand.New(rand.NewPCG(seed, seed))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for range 2000 {
		var words []string
		for range random.IntN(7) {
			key := byLetter.Replace(pick("$A", "$B", "$C", "$A1", "hunter2", "dynkey_hunter2", `"$A"`, ""))
			words = append(words, pick("", pick(mixed...)+":", pick(mixed...)+":", "Acme:", ":", "acme:beta:")+key)
		}
		text := strings.Join(words, pick(" ", "\n", "\r\n\t"))
		wantOwnTokensAlone(t, text, mixed)
		if t.Failed() {
			t.Fatalf("with %q", text)
		}
	}
}

func FuzzKeys(f *testing.F) {
	for _, text := range []string{
		"", "$A", "$A acme:$B", "acme:$B acme:$A $A beta:", "acme: acme:$A", "$A $A", "Acme:$A :$B", "acme:beta:$A", "$A:acme", "\ufeff$A '$B'", "acme:\x00 $A",
	} {
		f.Add(byLetter.Replace(text), "acme")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		names := mixed
		if tenant.Valid(name) && !slices.Contains(mixed, name) {
			names = append([]string{name}, mixed...)
		}
		wantOwnTokensAlone(t, text, names)
		if _, err := tenant.ParseKeys(text); err != nil {
			for _, word := range strings.Fields(text) {
				if len(word) > 12 && strings.Contains(err.Error(), word) {
					t.Errorf("the error quotes an entry: %v", err)
				}
			}
		}
	})
}
