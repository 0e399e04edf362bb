package cli

import (
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// filterFlags say which deliveries are wanted.
type filterFlags struct {
	state, eventType, tenant, since, until string
	static, results                        bool
}

func (f *filterFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.eventType, "type", "", "of this type, such as batch.succeeded")
	flags.StringVar(&f.tenant, "tenant", "", "of this tenant")
	flags.BoolVar(&f.static, "static", false, "of static webhooks")
	flags.BoolVar(&f.results, "results", false, "results that were collected, in place of deliveries")
	flags.StringVar(&f.state, "state", "", "claimed, published, dead_lettered or released")
	flags.StringVar(&f.since, "since", "", "received then or later: a time, or how long ago, such as 90m or 1d")
	flags.StringVar(&f.until, "until", "", "received before: a time, or how long ago")
	complete(command, "type", standin.EventTypes()...)
	complete(command, "state", states...)
}

var states = []string{string(ledger.Claimed), string(ledger.Published), string(ledger.DeadLettered), string(ledger.Released)}

func (f *filterFlags) empty() bool { return *f == filterFlags{} }

// filter checks the flags.
func (f *filterFlags) filter(now time.Time) (filter deliveries.Filter, err error) {
	if f.state != "" && !slices.Contains(states, f.state) {
		return filter, failure.Usagef("--state is claimed, published, dead_lettered or released")
	}
	if f.static && f.tenant != "" {
		return filter, failure.Usagef("--static and --tenant cannot both be given")
	}
	if f.tenant != "" {
		if err := checkTenant(f.tenant); err != nil {
			return filter, err
		}
	}
	filter = deliveries.Filter{State: ledger.State(f.state), Type: f.eventType, Results: f.results}
	if f.static || f.tenant != "" {
		filter.Tenant = &f.tenant
	}
	since, sinceErr := moment("since", f.since, now)
	until, untilErr := moment("until", f.until, now)
	filter.Since, filter.Until = since, until
	if !until.IsZero() && since.After(until) {
		return filter, failure.Usagef("--since is later than --until: nothing is received between the two")
	}
	return filter, errors.Join(sinceErr, untilErr)
}
