package cli

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/internal/cli/tenants"
	"github.com/gemhook/gemhook/shared/tenant"
)

func tenantsRotateCommand(s *session) *cobra.Command {
	var common, finish, now bool
	rotate := &cobra.Command{
		Use:   "rotate {TENANT | --common}",
		Short: "Give a tenant a new URL, or make the common key",
		Long: `Replaces a tenant's key, and with it the tenant's URL, in two steps:

  rotate TENANT            puts a new key before the old one. Both are valid, and the new one makes the URL
  rotate TENANT --finish   drops the old key, once nothing is delivered to the old URL any more: jobs
                           that named it are at their end, and Gemini's retries of 24 hours are over
  rotate TENANT --now      does both at once, as after a leak: what is on its way to the old URL is refused

No other tenant notices. A tenant that has had the common key has one of its own from then on.

--common does the same with the common key, which makes the URLs of all tenants that have no key of their own, and makes
the first one where there is none yet.

Each step is one write. If it is interrupted, run it again: it sees whether it was made.`,
		Example: "  gemhook tenants rotate --common         # the first key of all\n" +
			"  gemhook tenants rotate acme\n  gemhook tenants rotate acme --finish   # days later",
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if common == (len(args) == 1) {
				return failure.Usagef("name one tenant, or give --common for the key of all that have none of their own")
			}
			if finish && now {
				return failure.Usagef("--finish and --now cannot both be given")
			}
			name := tenants.Common
			if !common {
				name = args[0]
			}
			switch {
			case finish:
				return changeTenant(command.Context(), s, name, "finish", tenants.Finish(name))
			case now:
				return withNewKey(command.Context(), s, name, "replace", tenants.Replace)
			}
			return withNewKey(command.Context(), s, name, "rotate", tenants.Rotate)
		},
	}
	flags := rotate.Flags()
	flags.BoolVar(&common, "common", false, "the key of all tenants that have none of their own")
	flags.BoolVar(&finish, "finish", false, "drop the old key")
	flags.BoolVar(&now, "now", false, "a new key in place of the old one, at once")
	return rotate
}

func tenantsRevokeCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke TENANT",
		Short: "Shut a tenant out",
		Long: `Closes a tenant: its URL is answered as an unknown one is, within five minutes on every instance. Its keys are
forgotten. No other tenant notices.`,
		Example: "  gemhook tenants revoke acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return changeTenant(command.Context(), s, args[0], "revoke", tenants.Revoke(args[0]))
		},
	}
}

func tenantsRestoreCommand(s *session) *cobra.Command {
	var common bool
	restore := &cobra.Command{
		Use:   "restore TENANT",
		Short: "Open a tenant that was shut out",
		Long: `Opens a closed tenant with a key of its own: its URL is a new one, and what was known of the old one is of no use.

With --common it has the common key: the URL is the one that it had if it never had a key of its own.`,
		Example: "  gemhook tenants restore acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if common {
				return changeTenant(command.Context(), s, args[0], "restore", tenants.RestoreCommon(args[0]))
			}
			return withNewKey(command.Context(), s, args[0], "restore", tenants.Restore)
		},
	}
	restore.Flags().BoolVar(&common, "common", false, "with the common key: the URL that it had before it had a key of its own")
	return restore
}

func withNewKey(ctx context.Context, s *session, name, step string, make func(string, tenant.Key) *tenants.Change) error {
	made, err := tenant.GenerateKey(s.Rand)
	if err != nil {
		return err
	}
	return changeTenant(ctx, s, name, step, make(name, made))
}

// changeTenant makes a change where the receiver reads its keys, and waits until that accepts the
// URL that there is now.
func changeTenant(ctx context.Context, s *session, name, step string, change *tenants.Change) error {
	if err := checkTenant(name); name != tenants.Common && err != nil {
		return err
	}
	store, err := s.clients.DynamicKeys()
	if err != nil {
		return err
	}
	receiver, urlErr := s.settings.Receiver()
	if missing := (*deployment.MissingError)(nil); urlErr != nil && !errors.As(urlErr, &missing) {
		return urlErr
	}
	k := &keyChange{session: s, store: store, name: name}
	if err := k.make(ctx, change); err != nil {
		return adviseOnTenant(err, name)
	}
	result := &tenantChanged{Step: step, Changed: change.Outcome.Changed, Status: change.Outcome.Status, StoredIn: store.String()}
	switch {
	case change.Outcome.State == tenants.Closed: // there is no URL to ask for
	case urlErr != nil:
		s.console.Note("gemhook: %v, so nobody has asked the receiver whether it accepts the key", urlErr)
	default:
		if err := k.await(ctx, receiver); ctx.Err() != nil {
			return failure.Advise(err, "the key is stored, and within five minutes the receiver accepts it. See how it stands: gemhook tenants list")
		} else if err != nil {
			return err
		}
	}
	return s.console.Print(result, result.text)
}

// A keyChange is one change of the dynamic keys.
type keyChange struct {
	session *session
	store   *secretstore.Store
	name    string
}

// make makes the change. Once it is begun nothing interrupts it but the end of the process:
// somebody else's change that it has covered is joined with it.
func (k *keyChange) make(ctx context.Context, change *tenants.Change) error {
	defer k.session.console.Working("changing the dynamic keys")()
	checking, cancel := k.session.clients.Call(ctx)
	defer cancel()
	if err := k.store.CheckWritable(checking); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	writing, cancel := k.session.clients.Call(context.WithoutCancel(ctx))
	defer cancel()
	return k.store.Change(writing, change.Apply)
}

// untouched is a tenant without entries of its own, by which the common key is tried.
const untouched = "gemhook-probe-of-the-common-key"

const (
	// takingEffect is how long a receiver may take to accept a key: it reads within five minutes
	// what is stored.
	takingEffect = 6 * time.Minute
	askEvery     = time.Second
	timesAsked   = 3 // in a row, as there may be several instances
)

// await waits until the receiver accepts the token in the URL that the tenant has now.
func (k *keyChange) await(ctx context.Context, receiver string) error {
	s := k.session
	defer s.console.Working("waiting for the receiver to accept the URL")()
	reading, cancel := s.clients.Call(ctx)
	defer cancel()
	stored, err := k.store.Read(reading)
	if err != nil {
		return err
	}
	name := k.name
	if name == tenants.Common {
		name = untouched
	}
	keys, _ := tenant.ParseKeys(stored.Reveal())
	path, err := keys.Path(name)
	if err != nil {
		return err // somebody else has closed it meanwhile
	}
	deadline := s.Now().Add(takingEffect)
	for passed := 0; passed < timesAsked; {
		known, err := k.knows(ctx, receiver+path)
		if err == nil && known {
			passed++
			continue
		}
		passed = 0
		if !s.Now().Before(deadline) {
			return k.notAccepted(err)
		}
		if err := s.Wait(ctx, askEvery); err != nil {
			return err
		}
	}
	return nil
}

func (k *keyChange) knows(ctx context.Context, url string) (bool, error) {
	asking, cancel := k.session.clients.Call(ctx)
	defer cancel()
	return probe.KnowsToken(asking, k.session.HTTPClient, url)
}

// errNotAccepted says that the change is stored, and that the receiver does not accept it.
var errNotAccepted = errors.New("the key is stored, and the receiver does not accept it")

func (k *keyChange) notAccepted(cause error) error {
	var answer *probe.UnexpectedError
	advice := "the receiver must read the same place: compare its GEMHOOK_DYNAMIC_KEYS with " + k.store.String()
	if errors.As(cause, &answer) && answer.StatusCode != http.StatusNotFound {
		advice = "find out why: gemhook doctor"
	}
	return failure.Advise(errors.Join(errNotAccepted, cause), advice)
}
