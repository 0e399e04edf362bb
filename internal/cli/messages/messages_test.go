package messages

import (
	"fmt"
	"testing"
)

// A filter's text for Pub/Sub and its own Match say the same, whatever is quoted.
func TestFilter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		filter     Filter
		text       string
		attributes map[string]string
		match      bool
	}{
		{Filter{}, "", nil, true},
		{Filter{Type: "a.b"}, `attributes."ce-type" = "a.b"`, map[string]string{"ce-type": "a.b"}, true},
		{Filter{Type: "a.b", Tenant: "acme"}, `attributes."ce-type" = "a.b" AND attributes."ce-tenant" = "acme"`, map[string]string{"ce-type": "a.b"}, false},
		{Filter{Type: "a.b", Results: true}, `attributes."ce-eventtype" = "a.b"`, map[string]string{"ce-type": "c", "ce-eventtype": "a.b"}, true},
		{Filter{Type: `a"\`}, `attributes."ce-type" = "a\"\\"`, map[string]string{"ce-type": "a"}, false},
	} {
		t.Run(fmt.Sprintf("%+v", test.filter), func(t *testing.T) {
			if got := test.filter.text(); got != test.text {
				t.Errorf("%+v is %s, want %s", test.filter, got, test.text)
			}
			if got := test.filter.Match(test.attributes); got != test.match {
				t.Errorf("%+v matches %v: %t", test.filter, test.attributes, got)
			}
		})
	}
}
