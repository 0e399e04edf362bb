package ledger_test

import (
	"testing"

	"github.com/gemhook/gemhook/internal/ledgertest"
	"github.com/gemhook/gemhook/shared/ledger"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(*testing.T) ledger.Store { return ledger.NewMemory() })
	ledgertest.RunLister(t, func(*testing.T) ledgertest.ListingStore { return ledger.NewMemory() })
}
