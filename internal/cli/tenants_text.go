package cli

import (
	"errors"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/tenants"
	"github.com/gemhook/gemhook/shared/tenant"
)

// tenantChanged is what the commands that change a tenant print.
type tenantChanged struct {
	Step    string `json:"step"`    // rotate, replace, finish, revoke or restore
	Changed bool   `json:"changed"` // this run has made the change
	tenants.Status
	StoredIn string `json:"stored_in"`
}

// text says what has come of a change, and what is next.
func (r *tenantChanged) text() string {
	if r.Tenant == tenants.Common {
		return r.commonText()
	}
	const effect = "within five minutes no instance accepts "
	url := "its URL: gemhook tenants url " + r.Tenant + "\n"
	finish := "when nothing is delivered to the old URL any more: gemhook tenants rotate " + r.Tenant + " --finish\n"
	switch {
	case r.Step == "rotate" && !r.Changed:
		return "a rotation of " + r.Tenant + " is under way: its new key and the old one are valid\n" + url + finish
	case r.Step == "rotate" && r.State == tenants.Rotating:
		return r.Tenant + " has a new key and the old one in " + r.StoredIn + "; both are valid\n" + url + finish
	case r.Step == "rotate":
		return r.Tenant + " has its first key in " + r.StoredIn + "\n" + url
	case r.Step == "replace":
		return r.Tenant + " has a new key alone in " + r.StoredIn + "; " + effect + "the old URL\n" + url
	case r.Step == "finish" && !r.Changed:
		return "there is nothing to finish: " + r.Tenant + " has one key\n"
	case r.Step == "finish":
		return "the new key alone of " + r.Tenant + " is in " + r.StoredIn + "; " + effect + "the old URL\n"
	case r.Step == "revoke" && !r.Changed:
		return r.Tenant + " is closed already\n"
	case r.Step == "revoke":
		return r.Tenant + " is closed; " + effect + "its URL\n"
	case !r.Changed:
		return r.Tenant + " is open already\n" + url
	case r.Keys == 0:
		return r.Tenant + " is open, with the common key\n" + url
	}
	return r.Tenant + " is open, with a new key of its own\n" + url
}

// commonText is text where the keys are the common ones.
func (r *tenantChanged) commonText() string {
	const (
		finish = "when nothing is delivered to the old URLs any more: gemhook tenants rotate --common --finish\n"
		urls   = "a tenant's URL: gemhook tenants url TENANT\n"
		effect = "within five minutes no instance accepts the URLs made with the old one\n"
	)
	switch {
	case r.Step == "rotate" && !r.Changed:
		return "a rotation of the common key is under way: the new key and the old one are valid\n" + urls + finish
	case r.Step == "rotate" && r.State == tenants.Rotating:
		return "a new common key and the old one are in " + r.StoredIn + "; both are valid\n" + urls + finish
	case r.Step == "rotate":
		return "the first common key is in " + r.StoredIn + "\n" + urls
	case r.Step == "finish" && !r.Changed:
		return "there is nothing to finish: there is one common key\n"
	case r.Step == "finish":
		return "the new common key alone is in " + r.StoredIn + "; " + effect
	}
	return "a new common key alone is in " + r.StoredIn + "; " + effect + urls
}

// adviseOnTenant says what to do about a change that was refused.
func adviseOnTenant(err error, name string) error {
	for _, known := range []struct {
		is     error
		advice string
	}{
		{tenant.ErrClosed, "open it first: gemhook tenants restore " + name},
		{tenants.ErrNoCommonKey, "open it with a key of its own: gemhook tenants restore " + name},
		{tenants.ErrNothingToFinish, "see how it stands: gemhook tenants list"},
		{tenants.ErrChangedMeanwhile, "nothing has been changed here. See how it stands now: gemhook tenants list"},
		{tenants.ErrTooLong, "nothing has been changed. A tenant that differs in nothing needs no entry, and a rotation that is under way\n" +
			"takes two: gemhook tenants list"},
	} {
		if errors.Is(err, known.is) {
			return failure.Advise(err, known.advice)
		}
	}
	return err
}
