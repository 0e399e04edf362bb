package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/tenants"
)

func tenantsCommand(s *session) *cobra.Command {
	return group("tenants", "Give each tenant a URL, replace it, or close a tenant",
		tenantsListCommand(s), urlCommand(s), tenantsRotateCommand(s), tenantsRevokeCommand(s), tenantsRestoreCommand(s))
}

// A standing is a tenant as "tenants list" shows it.
type standing struct {
	tenants.Status
	Deliveries *int64     `json:"deliveries"` // null: not known
	Latest     *time.Time `json:"latest"`
}

// A tenantListing is one run of "tenants list".
type tenantListing struct {
	session *session
	since   time.Time
	ago     string
	reader  *deliveries.Reader // nil: the ledger is not known

	all []*standing
}

func tenantsListCommand(s *session) *cobra.Command {
	var since string
	list := &cobra.Command{
		Use:   "list",
		Short: "List tenants: the state of each, and what came in for it",
		Long: `Lists every tenant that has entries of its own in the dynamic keys or deliveries in the ledger:

  open       its URL is made with its own key or, with none, the common key
  rotating   open, and an old key is still valid (gemhook tenants rotate TENANT --finish)
  closed     its URL is refused (gemhook tenants restore TENANT)
  malformed  its URL is refused, for none of its entries can be used

A tenant without either has a URL as well, if there is a common key.`,
		Example: "  gemhook tenants list --since 7d",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			at, err := moment("since", since, s.Now())
			if err != nil {
				return err
			}
			l := &tenantListing{session: s, since: at, ago: since}
			if l.reader, err = s.clients.Deliveries(command.Context()); err != nil {
				if missing := (*deployment.MissingError)(nil); !errors.As(err, &missing) {
					return err
				}
				s.console.Note("gemhook: what came in is not known: %v; %s", err, failure.Advice(err))
			}
			return l.run(command.Context())
		},
	}
	list.Flags().StringVar(&since, "since", "24h", "count deliveries received then or later: a time, or how long ago, such as 90m or 7d")
	return list
}

func (l *tenantListing) run(ctx context.Context) error {
	c := l.session.console
	done := c.Working("reading the dynamic keys")
	defer func() { done() }()
	text, err := l.session.clients.SecretText(ctx, deployment.DynamicKeys)
	if err != nil {
		return err
	}
	statuses, faults := tenants.Statuses(text)
	for _, status := range statuses {
		l.all = append(l.all, &standing{Status: status})
	}
	done()
	if faults != nil {
		c.Note("gemhook: entries that are not in use: %s", strings.ReplaceAll(faults.Error(), "\n", "; "))
	}
	done = c.Working("reading the ledger")
	listed, err := l.count(ctx)
	if errors.Is(err, deliveries.ErrNotListed) {
		c.Note("gemhook: what came in is not known: %v", deliveries.ErrNotListed)
		err = nil
	}
	if err != nil {
		return err
	}
	done()
	slices.SortStableFunc(l.all, func(a, b *standing) int { return strings.Compare(a.Tenant, b.Tenant) })
	return c.Print(l.all, func() string { return l.text(listed) })
}

// count asks the ledger for the deliveries of each tenant, whether the keys have it or not.
func (l *tenantListing) count(ctx context.Context) (listed bool, err error) {
	if l.reader == nil {
		return false, nil
	}
	byName := map[string]*standing{}
	for _, known := range l.all {
		byName[known.Tenant] = known
		if known.Tenant != tenants.Common {
			known.Deliveries = new(int64)
		}
	}
	for last := ""; ; {
		next, err := l.reader.NextTenant(ctx, last, l.since)
		if next == nil || err != nil {
			return err == nil, err
		}
		last = next.Tenant
		known := byName[next.Tenant]
		if known == nil {
			known = &standing{Status: tenants.Status{Tenant: next.Tenant, State: byName[tenants.Common].State}}
			if known.State == tenants.Rotating {
				known.State = tenants.Open
			}
			l.all = append(l.all, known)
		}
		known.Deliveries = &next.Count
		if !next.Latest.IsZero() {
			known.Latest = &next.Latest
		}
	}
}

func (l *tenantListing) text(listed bool) string {
	header := []string{"TENANT", "STATE", "KEYS"}
	if listed {
		header = append(header, "SINCE "+strings.ToUpper(l.ago), "LATEST")
	}
	var rows [][]console.Cell
	for _, t := range l.all {
		name, keys := t.Tenant, "common"
		colour := map[tenants.State]console.Colour{
			tenants.Open: console.Green, tenants.Rotating: console.Yellow, tenants.Closed: console.Red, tenants.Malformed: console.Red,
		}[t.State]
		switch {
		case name == tenants.Common:
			name, keys = "(all others)", fmt.Sprintf("%d common", t.Keys)
		case t.Keys > 0:
			keys = fmt.Sprintf("%d own", t.Keys)
		case t.State != tenants.Open:
			keys = "none"
		}
		row := []console.Cell{{Text: name}, {Text: string(t.State), Colour: colour}, {Text: keys}}
		if listed {
			count, latest := "", ""
			if t.Deliveries != nil {
				count = fmt.Sprint(*t.Deliveries)
			}
			if t.Latest != nil {
				latest = stamp(*t.Latest)
			}
			row = append(row, console.Cell{Text: count}, console.Cell{Text: latest, Colour: console.Dim})
		}
		rows = append(rows, row)
	}
	return l.session.console.Table(header, rows)
}
