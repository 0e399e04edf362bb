package memoryledger_test

import (
	"testing"

	"github.com/gemhook/gemhook/internal/ledgertest"
	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/shared/ledger"
)

func TestStore(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(*testing.T) ledger.Store { return memoryledger.New() })
	ledgertest.RunLister(t, func(*testing.T) ledgertest.ListingStore { return memoryledger.New() })
}
