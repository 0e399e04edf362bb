// Package preflight looks at a project before anything is made in it: at what its organization
// forbids, and at the permissions that the caller lacks. Each finding names the Terraform setting
// that avoids it.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/cloudresourcemanager/v1"
	"google.golang.org/api/googleapi"

	"github.com/gemhook/gemhook/internal/cli/doctor"
)

// A rule is a constraint of an organization's that stands in the way of an installation.
type rule struct {
	constraint string
	lambda     bool                                       // matters to Lambda; else, to Google Cloud or to both
	both       bool                                       // matters to both
	forbids    func(*cloudresourcemanager.OrgPolicy) bool // reports whether a policy stands in the way
	advice     string
}

var rules = []rule{
	{
		constraint: "iam.allowedPolicyMemberDomains", forbids: limits,
		advice: "set function = { public_access = false }, and open the service with the command in next_steps",
	},
	{
		constraint: "gcp.resourceLocations", both: true, forbids: limits,
		advice: `set storage = { secret_locations = ["REGION"] }, with a region that is allowed, and the same region for everything else`,
	},
	{
		constraint: "cloudfunctions.allowedIngressSettings", forbids: without("ALLOW_ALL"),
		advice: "set domain = { name = …, close_function_url = true }; or have the constraint lifted for this project",
	},
	{
		constraint: "run.allowedIngress", forbids: without("all"),
		advice: "set domain = { name = …, close_function_url = true }; or have the constraint lifted for this project",
	},
	{
		constraint: "gcp.restrictNonCmekServices", both: true, forbids: limits,
		advice: `set storage = { kms_key = "projects/…/cryptoKeys/…" }`,
	},
	{
		constraint: "iam.disableServiceAccountCreation", both: true,
		forbids: func(p *cloudresourcemanager.OrgPolicy) bool {
			return p.BooleanPolicy != nil && p.BooleanPolicy.Enforced
		},
		advice: "have the constraint lifted for this project: every function has an account of its own",
	},
	{
		constraint: "iam.workloadIdentityPoolProviders", lambda: true, forbids: without("https://sts.amazonaws.com"),
		advice: "have https://sts.amazonaws.com allowed for this project",
	},
	{
		constraint: "iam.workloadIdentityPoolAwsAccounts", lambda: true, forbids: limits,
		advice: "look whether your AWS account is among those that are allowed",
	},
}

// limits reports whether a policy allows some values only, or denies some.
func limits(policy *cloudresourcemanager.OrgPolicy) bool {
	list := policy.ListPolicy
	return list != nil && (list.AllValues == "DENY" || len(list.AllowedValues)+len(list.DeniedValues) > 0)
}

// without returns a function that reports whether a policy does not allow a value.
func without(value string) func(*cloudresourcemanager.OrgPolicy) bool {
	return func(policy *cloudresourcemanager.OrgPolicy) bool {
		return limits(policy) && !slices.ContainsFunc(policy.ListPolicy.AllowedValues, func(allowed string) bool {
			return strings.TrimPrefix(allowed, "is:") == value
		})
	}
}

// permissions are one for each kind of thing that is made.
var permissions = []string{
	"serviceusage.services.enable", "resourcemanager.projects.setIamPolicy", "iam.serviceAccounts.create", "pubsub.topics.create",
	"datastore.databases.create", "secretmanager.secrets.create", "logging.logMetrics.create", "monitoring.alertPolicies.create",
}

var (
	googlePermissions = []string{
		"cloudfunctions.functions.create", "run.services.setIamPolicy", "artifactregistry.repositories.create", "storage.buckets.create",
	}
	lambdaPermissions = []string{"iam.workloadIdentityPools.create"}
)

// Examine looks at a project, for the functions on Google Cloud or on Lambda. It changes nothing.
// found gets each finding as it is made. It reports whether nothing stands in the way, and fails
// only if ctx ends.
func Examine(ctx context.Context, service *cloudresourcemanager.Service, project string, lambda bool, found func(doctor.Check)) (bool, error) {
	clear := true
	report := func(check doctor.Check) {
		clear = clear && check.Outcome != doctor.Failed
		found(check)
	}
	if check := lookAt(ctx, service, project); check.Outcome == doctor.Failed {
		report(check)
		return false, ctx.Err()
	} else {
		report(check)
	}
	report(may(ctx, service, project, lambda))
	for _, r := range rules {
		if r.both || r.lambda == lambda {
			report(r.check(ctx, service, project))
		}
	}
	return clear, ctx.Err()
}

func lookAt(ctx context.Context, service *cloudresourcemanager.Service, project string) doctor.Check {
	check := doctor.Check{Name: "project", Outcome: doctor.Passed, Detail: project + " is active"}
	switch got, err := service.Projects.Get(project).Context(ctx).Do(); {
	case err != nil:
		check.Outcome, check.Detail = doctor.Failed, reason(err)
		check.Advice = "gcloud services enable cloudresourcemanager.googleapis.com --project=" + project + ", and see that gcloud auth application-default login was with an account of the project's"
	case got.LifecycleState != "ACTIVE":
		check.Outcome, check.Detail = doctor.Failed, project+" is "+got.LifecycleState
		check.Advice = "take another project, or have this one restored"
	}
	return check
}

func may(ctx context.Context, service *cloudresourcemanager.Service, project string, lambda bool) doctor.Check {
	wanted := append(slices.Clone(permissions), googlePermissions...)
	if lambda {
		wanted = append(slices.Clone(permissions), lambdaPermissions...)
	}
	check := doctor.Check{Name: "permissions", Outcome: doctor.Passed, Detail: fmt.Sprintf("all %d that were tried", len(wanted))}
	got, err := service.Projects.TestIamPermissions(project, &cloudresourcemanager.TestIamPermissionsRequest{Permissions: wanted}).Context(ctx).Do()
	if err != nil {
		check.Outcome, check.Detail = doctor.Skipped, reason(err)
		return check
	}
	missing := slices.DeleteFunc(wanted, func(p string) bool { return slices.Contains(got.Permissions, p) })
	if len(missing) > 0 {
		check.Outcome, check.Detail = doctor.Failed, "missing "+strings.Join(missing, ", ")
		check.Advice = `see "Who may apply" in terraform/README.md`
	}
	return check
}

func (r rule) check(ctx context.Context, service *cloudresourcemanager.Service, project string) doctor.Check {
	check := doctor.Check{Name: r.constraint, Outcome: doctor.Passed, Detail: "does not stand in the way"}
	policy, err := service.Projects.GetEffectiveOrgPolicy(project, &cloudresourcemanager.GetEffectiveOrgPolicyRequest{
		Constraint: "constraints/" + r.constraint,
	}).Context(ctx).Do()
	switch {
	case err != nil:
		check.Outcome, check.Detail = doctor.Skipped, reason(err)
		check.Advice = "ask for roles/orgpolicy.policyViewer, or ask your organization about it"
	case r.forbids(policy):
		check.Outcome, check.Detail, check.Advice = doctor.Failed, "is set", r.advice
		if list := policy.ListPolicy; list != nil && len(list.AllowedValues) > 0 {
			check.Detail = "allows only " + strings.Join(list.AllowedValues, ", ")
		} else if list != nil && len(list.DeniedValues) > 0 {
			check.Detail = "denies " + strings.Join(list.DeniedValues, ", ")
		}
	}
	return check
}

// reason returns what Google says.
func reason(err error) string {
	var answered *googleapi.Error
	if errors.As(err, &answered) {
		return fmt.Sprintf("%s: %s", http.StatusText(answered.Code), answered.Message)
	}
	return err.Error()
}
