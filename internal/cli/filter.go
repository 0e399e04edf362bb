package cli

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// filterFlags say which deliveries are wanted.
type filterFlags struct {
	state, eventType, tenant, since, until string
	static                                 bool
}

func (f *filterFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.eventType, "type", "", "of this type, such as batch.succeeded")
	flags.StringVar(&f.tenant, "tenant", "", "of this tenant")
	flags.BoolVar(&f.static, "static", false, "of static webhooks")
	flags.StringVar(&f.state, "state", "", "claimed, published, dead_lettered or released")
	flags.StringVar(&f.since, "since", "", "received then or later: a time, or how long ago, such as 90m")
	flags.StringVar(&f.until, "until", "", "received before: a time, or how long ago")
	complete(command, "type", standin.EventTypes()...)
	complete(command, "state", states...)
}

var states = []string{string(ledger.Claimed), string(ledger.Published), string(ledger.DeadLettered), string(ledger.Released)}

func (f *filterFlags) empty() bool { return *f == filterFlags{} }

// filter checks the flags.
func (f *filterFlags) filter(s *session, limit int) (filter deliveries.Filter, err error) {
	if f.state != "" && !slices.Contains(states, f.state) {
		return filter, usage("--state is claimed, published, dead_lettered or released")
	}
	if f.static && f.tenant != "" {
		return filter, usage("--static and --tenant exclude each other")
	}
	if limit < 0 {
		return filter, usage("--limit is a number from 0")
	}
	filter = deliveries.Filter{State: ledger.State(f.state), Type: f.eventType, Limit: limit}
	if f.static || f.tenant != "" {
		filter.Tenant = &f.tenant
	}
	since, sinceErr := s.moment("since", f.since)
	until, untilErr := s.moment("until", f.until)
	filter.Since, filter.Until = since, until
	return filter, errors.Join(sinceErr, untilErr)
}
