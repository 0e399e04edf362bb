// Package ledgertest has the tests that every [ledger.Store] must pass: of the rules that the
// interface states, and of the protocol of package ledger on top of the store. So a store for tests
// behaves as the store in use does.
//
//	func TestStore(t *testing.T) {
//		ledgertest.Run(t, func(t *testing.T) ledger.Store { return newStore(t) })
//	}
//
// The store is written to and read through its interface only, and its clock does not matter: where
// time counts it is the ledger's, which stands still until a test moves it.
package ledgertest

import (
	"testing"

	"github.com/gemhook/gemhook/shared/ledger"
)

// Run tests a store, each rule in its own subtest. open returns an empty store for one subtest;
// what it has to close, it closes in a cleanup.
func Run(t *testing.T, open func(t *testing.T) ledger.Store) {
	for _, part := range []struct {
		name  string
		rules []rule
	}{
		{"Store", storeRules},
		{"Document", documentRules},
		{"Claim", claimRules},
		{"Finish", finishRules},
		{"Race", raceRules},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, rule := range part.rules {
				t.Run(rule.name, func(t *testing.T) { rule.test(t, open(t)) })
			}
		})
	}
}

// A rule is one thing that must hold of every store.
type rule struct {
	name string
	test func(*testing.T, ledger.Store)
}
