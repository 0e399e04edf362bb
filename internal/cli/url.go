package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/tenant"
)

func urlCommand(s *session) *cobra.Command {
	url := &cobra.Command{
		Use:   "url TENANT",
		Short: "Print a tenant's dynamic URL",
		Long: `Prints the dynamic URL of a tenant, to be named in the requests whose events it should get
(webhook_config.uris). Whoever knows it can have events delivered in the tenant's name:
treat it as a password.

It is made with the tenant's own key or, with none, with the common key; of several with the first. The receiver accepts
all. "gemhook tenants url" is the same command.`,
		Example: "  gemhook url acme --terraform-dir terraform/gcp",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			url, err := dynamicURL(command.Context(), s, args[0])
			if err != nil {
				return err
			}
			return s.console.Print(map[string]string{"tenant": args[0], "url": url}, func() string { return url + "\n" })
		},
	}
	url.Flags().String("url", "", "the receiver's static URL ($GEMHOOK_URL)")
	return url
}

// dynamicURL returns the URL of a tenant's dynamic endpoint.
func dynamicURL(ctx context.Context, s *session, name string) (string, error) {
	receiver, err := s.settings.Receiver()
	if err != nil {
		return "", err
	}
	if err := checkTenant(name); err != nil {
		return "", err
	}
	defer s.console.Working("reading the dynamic keys")()
	text, err := s.clients.SecretText(ctx, deployment.DynamicKeys)
	if err != nil {
		return "", err
	}
	keys, malformed := tenant.ParseKeys(text) // the others are in use at the receiver as well
	path, err := keys.Path(name)
	if err != nil {
		advice := "make the first key of all: gemhook tenants rotate --common"
		if errors.Is(err, tenant.ErrClosed) {
			advice = "open it: gemhook tenants restore " + name
		}
		return "", failure.WithCode(failure.Advise(errors.Join(err, malformed), advice), failure.Settings)
	}
	return receiver + path, nil
}

// checkTenant refuses a name that no tenant can have.
func checkTenant(name string) error {
	if !tenant.Valid(name) {
		return failure.Usagef("%q is no tenant: want %s", name, tenant.NameForm)
	}
	return nil
}
