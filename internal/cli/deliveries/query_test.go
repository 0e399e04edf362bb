package deliveries

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/gemhook/gemhook/shared/collector"
	"github.com/gemhook/gemhook/shared/ledger"
)

// The emulator answers any query; Firestore only those that Terraform makes an index for.
func TestQueriesNeedNoOtherIndexThanTerraformMakes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../terraform/modules/backend/ledger.tf")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`listed_by = \[(.*)\]`).FindSubmatch(text)
	if list == nil {
		t.Fatal("ledger.tf has no listed_by")
	}
	var indexed []string
	for _, name := range regexp.MustCompile(`"(\w+)"`).FindAllSubmatch(list[1], -1) {
		indexed = append(indexed, string(name[1]))
	}
	client, err := firestore.NewClient(t.Context(), "p", option.WithEndpoint("127.0.0.1:1"), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	tenant := "acme"
	now := time.Unix(1769083200, 0)
	for _, filter := range []Filter{
		{}, {State: ledger.Published}, {Type: "a"}, {Tenant: &tenant}, {Since: now, Until: now},
		{State: ledger.Published, Type: "a", Tenant: &tenant, Since: now, Until: now},
	} {
		t.Run(fmt.Sprintf("%+v", filter), func(t *testing.T) {
			serialized, err := NewReader(client, "deliveries").query(filter).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			var request firestorepb.RunQueryRequest
			if err := proto.Unmarshal(serialized, &request); err != nil {
				t.Fatal(err)
			}
			query := request.GetStructuredQuery()
			order := query.GetOrderBy()
			if len(order) != 1 || order[0].GetField().GetFieldPath() != "received_at" || order[0].GetDirection() != firestorepb.StructuredQuery_DESCENDING {
				t.Errorf("%+v is ordered by %v", filter, order)
			}
			for _, one := range filtersOf(query.GetWhere()) {
				field := one.GetField().GetFieldPath()
				equal := one.GetOp() == firestorepb.StructuredQuery_FieldFilter_EQUAL
				if equal && !slices.Contains(indexed, field) || !equal && field != "received_at" {
					t.Errorf("%+v filters by %s %s, for which there is no index", filter, field, one.GetOp())
				}
			}
			for _, selected := range query.GetSelect().GetFields() {
				if path := selected.GetFieldPath(); path == "payload" || path == "attributes" {
					t.Errorf("a list fetches the %s", path)
				}
			}
		})
	}
}

// The queries of NextTenant are those of the index by tenant and received_at, and of that by type
// beside it.
func TestQueriesOfTenantsNeedNoOtherIndex(t *testing.T) {
	t.Parallel()
	client, err := firestore.NewClient(t.Context(), "p", option.WithEndpoint("127.0.0.1:1"), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	reader := NewReader(client, "deliveries")
	since := time.Unix(1769083200, 0)
	for name, test := range map[string]struct {
		query          firestore.Query
		filters, order string
	}{
		"next":    {reader.tenantsAfter("acme"), "[tenant GREATER_THAN]", "[tenant ASCENDING received_at DESCENDING]"},
		"count":   {reader.received("acme", since), "[tenant EQUAL received_at GREATER_THAN_OR_EQUAL]", "[received_at DESCENDING]"},
		"results": {reader.received("acme", since).Where("type", "in", resultTypes), "[tenant EQUAL received_at GREATER_THAN_OR_EQUAL type IN]", "[received_at DESCENDING]"},
	} {
		t.Run(name, func(t *testing.T) {
			serialized, err := test.query.Serialize()
			if err != nil {
				t.Fatal(err)
			}
			var request firestorepb.RunQueryRequest
			if err := proto.Unmarshal(serialized, &request); err != nil {
				t.Fatal(err)
			}
			var filters, order []string
			for _, one := range filtersOf(request.GetStructuredQuery().GetWhere()) {
				filters = append(filters, one.GetField().GetFieldPath()+" "+one.GetOp().String())
			}
			for _, one := range request.GetStructuredQuery().GetOrderBy() {
				order = append(order, one.GetField().GetFieldPath()+" "+one.GetDirection().String())
			}
			if fmt.Sprint(filters) != test.filters || fmt.Sprint(order) != test.order {
				t.Errorf("filters %v and order %v, want %s and %s", filters, order, test.filters, test.order)
			}
		})
	}
	if want := []string{collector.TypeCollected, collector.TypeUnavailable}; !slices.Equal(resultTypes, want) {
		t.Errorf("result messages are of the types %v, want %v", resultTypes, want)
	}
}

func filtersOf(where *firestorepb.StructuredQuery_Filter) (filters []*firestorepb.StructuredQuery_FieldFilter) {
	if one := where.GetFieldFilter(); one != nil {
		return []*firestorepb.StructuredQuery_FieldFilter{one}
	}
	for _, part := range where.GetCompositeFilter().GetFilters() {
		filters = append(filters, filtersOf(part)...)
	}
	return filters
}

// An id alone is a static delivery's, one with a tenant is dynamic, and a whole key is kept.
func TestKeyOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ id, tenant, want string }{
		{"msg_1", "", "static!msg_1"},
		{"msg_1", "acme", "dynamic!acme!msg_1"},
		{"a/b", "", "static!a%2Fb"},
		{"static!msg_1", "acme", "static!msg_1"},
		{"jwt!acme!00ff", "", "jwt!acme!00ff"},
		{"dynamic!acme!msg_1", "", "dynamic!acme!msg_1"},
		{"result!00ff", "acme", "result!00ff"},
	} {
		t.Run(test.want, func(t *testing.T) {
			if got := KeyOf(test.id, test.tenant); string(got) != test.want {
				t.Errorf("KeyOf(%q, %q) = %q, want %q", test.id, test.tenant, got, test.want)
			}
		})
	}
}
