package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/option"
)

// An organization answers as the Resource Manager does. Policies are by constraint; what has none
// is allowed.
type organization struct {
	state    string // of the project; empty: there is none
	denied   []string
	policies map[string]string
	refuse   bool // to show policies
}

func (o organization) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Constraint  string
		Permissions []string
	}
	_ = json.NewDecoder(r.Body).Decode(&request) // a GET has no body
	w.Header().Set("Content-Type", "application/json")
	switch _, method, _ := strings.Cut(path.Base(r.URL.Path), ":"); {
	case o.state == "" || method == "getEffectiveOrgPolicy" && o.refuse:
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error":{"code":403,"message":"The caller does not have permission"}}`))
	case method == "":
		_, _ = w.Write([]byte(`{"projectId":"my-project","lifecycleState":"` + o.state + `"}`))
	case method == "testIamPermissions":
		allowed := slices.DeleteFunc(request.Permissions, func(p string) bool { return slices.Contains(o.denied, p) })
		_ = json.NewEncoder(w).Encode(map[string]any{"permissions": allowed})
	default:
		policy := o.policies[strings.TrimPrefix(request.Constraint, "constraints/")]
		_, _ = w.Write([]byte("{" + policy + "}"))
	}
}

// What an organization forbids is named with the setting that avoids it.
func TestPreflight(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization organization
		flags        []string
		code         int
		want         []string
	}{
		"nothing in the way": {
			organization: organization{state: "ACTIVE", policies: map[string]string{"gcp.resourceLocations": `"listPolicy":{"allValues":"ALLOW"}`}},
			want:         []string{"✓ project", "✓ gcp.resourceLocations", "nothing stands in the way"},
		},
		"only its own domains": {
			organization: organization{state: "ACTIVE", policies: map[string]string{"iam.allowedPolicyMemberDomains": `"listPolicy":{"allowedValues":["C03xgje4y"]}`}},
			code:         1,
			want:         []string{"✗ iam.allowedPolicyMemberDomains", "allows only C03xgje4y", "public_access = false"},
		},
		"only some regions": {
			organization: organization{state: "ACTIVE", policies: map[string]string{"gcp.resourceLocations": `"listPolicy":{"allowedValues":["in:eu-locations"]}`}},
			flags:        []string{"--lambda"},
			code:         1,
			want:         []string{"✗ gcp.resourceLocations", "secret_locations", "✓ iam.workloadIdentityPoolProviders"},
		},
		"no accounts, no open functions, no AWS": {
			organization: organization{state: "ACTIVE", policies: map[string]string{
				"iam.disableServiceAccountCreation":     `"booleanPolicy":{"enforced":true}`,
				"cloudfunctions.allowedIngressSettings": `"listPolicy":{"allowedValues":["is:ALLOW_ALL"]}`,
				"run.allowedIngress":                    `"listPolicy":{"allowedValues":["internal"]}`,
				"gcp.restrictNonCmekServices":           `"listPolicy":{"deniedValues":["pubsub.googleapis.com"]}`,
			}},
			code: 1,
			want: []string{"✗ iam.disableServiceAccountCreation", "✓ cloudfunctions.allowedIngressSettings", "✗ run.allowedIngress", "kms_key"},
		},
		"a permission is missing": {
			organization: organization{state: "ACTIVE", denied: []string{"pubsub.topics.create"}},
			code:         1,
			want:         []string{"✗ permissions", "missing pubsub.topics.create", "Who may apply"},
		},
		"policies are not shown": {
			organization: organization{state: "ACTIVE", refuse: true},
			want:         []string{"– gcp.resourceLocations", "The caller does not have permission", "roles/orgpolicy.policyViewer"},
		},
		"a project that is going": {
			organization: organization{state: "DELETE_REQUESTED"},
			code:         1,
			want:         []string{"✗ project", "DELETE_REQUESTED"},
		},
		"no project": {
			code: 1,
			want: []string{"✗ project", "gcloud services enable cloudresourcemanager.googleapis.com --project=my-project"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.organization)
			t.Cleanup(server.Close)
			var stdout, stderr bytes.Buffer
			code := Run(context.Background(), append([]string{"preflight", "--project", "my-project"}, test.flags...), Environment{
				Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" },
				ResourceManager: []option.ClientOption{option.WithEndpoint(server.URL), option.WithoutAuthentication()},
			})
			if code != test.code {
				t.Errorf("exit code %d, want %d: %s", code, test.code, &stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("the output lacks %q:\n%s", want, &stdout)
				}
			}
		})
	}
}
