package deliveries_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// A list is fetched in pages, each within the time of one call, and results of collect are not in
// it.
func TestListByPages(t *testing.T) {
	t.Parallel()
	testkit.FirestoreHost(t)
	client, err := firestore.NewClient(t.Context(), fmt.Sprintf("pages-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	store := firestoreledger.New(client, "deliveries")
	const n = 210
	base := time.Unix(1769083200, 0)
	key := func(i int) ledger.Key {
		if i%3 == 0 {
			return ledger.Key(fmt.Sprintf("result!%03d", i))
		}
		return ledger.StaticKey(fmt.Sprintf("msg_%03d", i))
	}
	for i := range n {
		// Every two have the same time.
		document := &ledger.Document{State: ledger.Published, Type: "batch.failed", ReceivedAt: base.Add(time.Duration(i/2) * time.Second)}
		switch i {
		case 1:
			document.State = ledger.Released
		case 2:
			document.Type = "video.generated"
		case 4:
			document.Tenant = "acme"
		}
		if _, err := store.Create(t.Context(), key(i), document); err != nil {
			t.Fatal(err)
		}
	}
	reader := deliveries.NewReader(client, "deliveries")
	var pages []context.Context
	reader.Call = func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		pages = append(pages, ctx)
		return ctx, cancel
	}
	acme, static := "acme", ""
	for name, test := range map[string]struct {
		filter      deliveries.Filter
		want, pages int
	}{
		"all":                  {deliveries.Filter{}, 140, 3},
		"results":              {deliveries.Filter{Results: true}, 70, 3},
		"of a state":           {deliveries.Filter{State: ledger.Released}, 1, 1},
		"of a type":            {deliveries.Filter{Type: "video.generated"}, 1, 1},
		"of a tenant":          {deliveries.Filter{Tenant: &acme}, 1, 1},
		"of static webhooks":   {deliveries.Filter{Tenant: &static}, 139, 3},
		"of all at once":       {deliveries.Filter{State: ledger.Released, Type: "batch.failed", Tenant: &static, Since: base}, 1, 1},
		"the newest":           {deliveries.Filter{Limit: 1}, 1, 1},
		"the newest result":    {deliveries.Filter{Limit: 1, Results: true}, 1, 2},
		"until the oldest":     {deliveries.Filter{Until: base}, 0, 1},
		"until just after it":  {deliveries.Filter{Until: base.Add(1)}, 1, 1},
		"since the newest":     {deliveries.Filter{Since: base.Add(104 * time.Second)}, 2, 1},
		"since just after it":  {deliveries.Filter{Since: base.Add(104*time.Second + 1)}, 0, 1},
		"more than there are":  {deliveries.Filter{Limit: 1000}, 140, 3},
		"as many as there are": {deliveries.Filter{Limit: 140}, 140, 3},
	} {
		t.Run(name, func(t *testing.T) {
			pages = nil
			var last *deliveries.Delivery
			seen := map[ledger.Key]bool{}
			for delivery, err := range reader.List(t.Context(), test.filter) {
				if err != nil {
					t.Fatal(err)
				}
				if last != nil && delivery.ReceivedAt.After(last.ReceivedAt) {
					t.Errorf("%s comes after %s", delivery.Key, last.Key)
				}
				last = delivery
				seen[delivery.Key] = true
			}
			if len(seen) != test.want || len(pages) != test.pages {
				t.Errorf("%d deliveries in %d pages, want %d in %d", len(seen), len(pages), test.want, test.pages)
			}
			for _, page := range pages {
				if page.Err() == nil {
					t.Error("a page's time goes on after it")
				}
			}
		})
	}
}
