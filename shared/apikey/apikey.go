// Package apikey reads the Gemini API keys with which results are fetched: one for all, and one for
// each tenant whose jobs run in a project of its own.
package apikey

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/gemhook/gemhook/shared/tenant"
)

// Keys are the keys by tenant. They show themselves to no log and no format verb.
type Keys struct{ byTenant func() map[string]string } // a function: of anything else fmt could show what is inside

// Parse reads any number of keys separated by white space: KEY, for all that have no key of their
// own, and TENANT:KEY. Of two for the same tenant the later counts. Malformed entries are left out;
// the error names them by their place.
func Parse(text string) (Keys, error) {
	byTenant := map[string]string{}
	var errs []error
	for i, entry := range strings.Fields(text) {
		name, key, isTenants := strings.Cut(entry, ":")
		if !isTenants {
			name, key = "", entry
		}
		if isTenants && !tenant.Valid(name) || !Valid(key) {
			errs = append(errs, fmt.Errorf("entry %d is neither KEY nor TENANT:KEY, where a key has letters, digits, -, _ and . alone", i+1))
			continue
		}
		byTenant[name] = key
	}
	return Keys{func() map[string]string { return byTenant }}, errors.Join(errs...)
}

// Valid reports whether a text can be an API key: letters, digits, and "-", "_" and ".". It refuses
// quotes, paths, and what no header can hold.
func Valid(key string) bool {
	const others = "-_."
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return (r < '0' || '9' < r) && (r < 'A' || 'Z' < r) && (r < 'a' || 'z' < r) && !strings.ContainsRune(others, r)
	})
}

// For returns the key for the jobs of a tenant, which is empty for a static webhook. It reports
// false if there is none.
func (k Keys) For(tenantName string) (string, bool) {
	if k.byTenant == nil {
		return "", false
	}
	if key, own := k.byTenant()[tenantName]; own {
		return key, true
	}
	key, common := k.byTenant()[""]
	return key, common
}

// Tenants returns the tenants that have a key of their own, sorted; first "" if there is a key for
// all others.
func (k Keys) Tenants() []string {
	if k.byTenant == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(k.byTenant()))
}

// IsZero reports whether there is no key at all.
func (k Keys) IsZero() bool { return k.byTenant == nil || len(k.byTenant()) == 0 }

const hidden = "[API keys]"

// Format hides the keys from every verb.
func (Keys) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, hidden) }

// LogValue hides the keys.
func (Keys) LogValue() slog.Value { return slog.StringValue(hidden) }
