// Package tenants changes the text of the dynamic keys ([tenant.ParseKeys]) for one tenant, or for
// the common key of all tenants that have none of their own. It leaves the entries of all others as
// they are, malformed ones too.
//
// Each change is a function of what is stored, for [secretstore.Store.Change]: where somebody else
// stores another text at the same moment, it is made to that one. What is stored is the only state,
// and each change is a single write, so an interrupted command has done all or nothing, and the
// next one sees which:
//
//	acme:NEW acme:OLD   a rotation is under way: the first key makes the URL, both are valid
//	acme:NEW            it is finished
//	acme:               the tenant is closed
package tenants

import (
	"errors"

	"github.com/gemhook/gemhook/shared/tenant"
)

// Common stands for a tenant's name where the keys of all tenants without entries of their own are
// meant.
const Common = ""

// A State says how a tenant stands.
type State string

// The states. The receiver treats Malformed like Closed.
const (
	Open      State = "open"
	Rotating  State = "rotating"  // open, with an old key behind the first
	Closed    State = "closed"    // by an entry that says so
	Malformed State = "malformed" // it has entries, of which none can be used
	None      State = "no key"    // it has no entries, and there is no common key
)

// A Status is how a tenant, or the common key, stands.
type Status struct {
	Tenant string `json:"tenant"` // empty: the common key
	State  State  `json:"state"`
	Keys   int    `json:"keys"` // of its own
}

// Statuses returns how the common key and each tenant with entries of its own stand, the common key
// first, and then by name. The error names entries that are not in use, by their place, as
// [tenant.ParseKeys] does.
func Statuses(text string) ([]Status, error) {
	_, err := tenant.ParseKeys(text)
	r := parse(text)
	all := []Status{r.status(Common)}
	for _, name := range r.names() {
		all = append(all, r.status(name))
	}
	return all, err
}

func (r ring) status(name string) Status {
	own := len(r.keys(name))
	s := Status{Tenant: name, State: Open, Keys: own}
	_, err := r.inUse.Path(name)
	switch {
	case errors.Is(err, tenant.ErrNoKey):
		s.State = None
	case errors.Is(err, tenant.ErrClosed) && r.onlyClosed(name):
		s.State = Closed
	case errors.Is(err, tenant.ErrClosed):
		s.State = Malformed
	case own > 1:
		s.State = Rotating
	}
	return s
}

// onlyClosed reports whether all that is said of a tenant is that it is closed.
func (r ring) onlyClosed(name string) bool {
	for _, w := range r.words {
		if w.of(name) && (w.malformed || w.Key != (tenant.Key{})) {
			return false
		}
	}
	return true
}
