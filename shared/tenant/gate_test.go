package tenant_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// source returns keys and, when it is asked for newer ones, those in newer, if any.
type source struct {
	keys, newer *tenant.Keys
	err         error
	refreshes   int
}

func (s *source) Get(context.Context) (*tenant.Keys, error) { return s.keys, s.err }

func (s *source) Refresh(_ context.Context, stale *tenant.Keys) *tenant.Keys {
	s.refreshes++
	if stale != s.keys {
		panic("the stale keys are not those of Get")
	}
	if s.newer != nil {
		return s.newer
	}
	return stale
}

// A token is admitted if the keys made it, or newer ones that it looks for before it refuses.
func TestGate(t *testing.T) {
	t.Parallel()
	old, other := keysOf(t, byLetter.Replace("$A")), keysOf(t, byLetter.Replace("$B acme:$C beta:"))
	away := errors.New("away")
	token := func(letter, name string) string { return key(t, byLetter.Replace("$"+letter)).Token(name) }
	for name, test := range map[string]struct {
		source      source
		tenant      string
		token       string
		want        error
		wantRefresh int
	}{
		"known":                       {source{keys: old}, "acme", token("A", "acme"), nil, 0},
		"unknown":                     {source{keys: old}, "acme", token("B", "acme"), tenant.ErrUnknownToken, 1},
		"another tenant's":            {source{keys: old}, "acme", token("A", "beta"), tenant.ErrUnknownToken, 1},
		"known to newer keys":         {source{keys: old, newer: other}, "acme", token("C", "acme"), nil, 1},
		"unknown to newer keys":       {source{keys: old, newer: other}, "acme", token("B", "acme"), tenant.ErrUnknownToken, 1},
		"closed":                      {source{keys: other}, "beta", token("B", "beta"), tenant.ErrUnknownToken, 1},
		"closed, open to newer keys":  {source{keys: other, newer: old}, "beta", token("A", "beta"), nil, 1},
		"known, and closed by newer":  {source{keys: old, newer: other}, "beta", token("A", "beta"), nil, 0},
		"without keys":                {source{err: away}, "acme", token("A", "acme"), webhook.ErrKeysUnavailable, 0},
		"without keys, and the cause": {source{err: away}, "acme", "", away, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tenant.NewGate(&test.source).Admit(t.Context(), test.tenant, test.token)
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if test.source.refreshes != test.wantRefresh {
				t.Errorf("%d looks for newer keys, want %d", test.source.refreshes, test.wantRefresh)
			}
		})
	}
}

// Own returns a tenant's own keys in their order, or for "" the common ones.
func TestOwn(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, byLetter.Replace("$A acme:$B $C acme:$A beta:"))
	for name, test := range map[string]struct {
		letters string
		has     bool
	}{"": {"AC", true}, "acme": {"BA", true}, "beta": {"", true}, "other": {"", false}} {
		t.Run(name, func(t *testing.T) {
			own, has := keys.Own(name)
			letters := ""
			for _, key := range own {
				letters += key.Reveal()[len(tenant.KeyPrefix):][:1]
			}
			if letters != test.letters || has != test.has {
				t.Errorf("keys %q, %t; want %q, %t", letters, has, test.letters, test.has)
			}
		})
	}
	if own, has := (tenant.Keys{}).Own(""); len(own) > 0 || has {
		t.Error("no keys have common ones")
	}
}
