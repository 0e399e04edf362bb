package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/tenant"
)

// Each check needs only checks that come before it, and has advice on errors that have none of
// their own.
func TestParts(t *testing.T) {
	t.Parallel()
	var before []string
	for _, part := range parts {
		for _, need := range part.needs {
			if !slices.Contains(before, need) {
				t.Errorf("%s needs %s, which does not come before it", part.name, need)
			}
		}
		if part.otherwise == "" {
			t.Errorf("%s has no advice on other errors", part.name)
		}
		before = append(before, part.name)
	}
}

// The URL that doctor tries is one that the receiver should accept.
func TestAnyPath(t *testing.T) {
	t.Parallel()
	a, b := "dynkey_"+strings.Repeat("A", 43), "dynkey_"+strings.Repeat("B", 43)
	for name, test := range map[string]struct{ text, tenant string }{
		"a common key":            {a, examined},
		"a common key and others": {"acme:" + b + " " + a, examined},
		"a tenant's own key":      {"acme:" + a, "acme"},
		"closed tenants as well":  {"closed: acme:" + a + " beta:" + b, "acme"},
		"a closed doctor":         {a + " " + examined + ": acme:" + b, "acme"},
		"none but closed tenants": {"closed:", ""},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := tenant.ParseKeys(test.text)
			if err != nil {
				t.Fatal(err)
			}
			path, err := anyPath(keys, test.text)
			if test.tenant == "" {
				if err == nil {
					t.Errorf("path %s", path)
				}
				return
			}
			if want, wantErr := keys.Path(test.tenant); err != nil || wantErr != nil || path != want {
				t.Errorf("path %s, %v; want %s's, %v", path, err, test.tenant, wantErr)
			}
		})
	}
}

// The advice on a refused publish depends on what is wrong with the topic.
func TestRefusedAdvice(t *testing.T) {
	t.Parallel()
	schema := &pubsubpb.Topic{SchemaSettings: &pubsubpb.SchemaSettings{Schema: "s"}}
	for name, test := range map[string]struct {
		topic *pubsubpb.Topic
		err   error
		want  string
	}{
		"gone":              {nil, status.Error(codes.NotFound, ""), "there is no topic events"},
		"with a schema":     {schema, nil, "--clear-schema-settings"},
		"with a key":        {&pubsubpb.Topic{KmsKeyName: "k"}, nil, "cryptoKeyEncrypterDecrypter on it: k"},
		"like any other":    {&pubsubpb.Topic{}, nil, "roles/pubsub.publisher on topic events"},
		"not to be seen":    {nil, status.Error(codes.PermissionDenied, ""), "roles/pubsub.publisher on topic events"},
		"not to be reached": {nil, errors.New("down"), "roles/pubsub.publisher on topic events"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refusedAdvice("events", test.topic, test.err); !strings.Contains(got, test.want) {
				t.Errorf("a topic %s: %q, want %q", name, got, test.want)
			}
		})
	}
}
