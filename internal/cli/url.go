package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/shared/tenant"
)

func (s *session) urlCommand() *cobra.Command {
	url := &cobra.Command{
		Use:   "url TENANT",
		Short: "Print a tenant's dynamic URL",
		Long: `Prints the dynamic URL of a tenant, to be named in the requests whose events it should get
(webhook_config.uris). Whoever knows it can have events delivered in the tenant's name:
treat it as a password.

With several dynamic keys the URL is made with the first; the receiver accepts all.`,
		Example: "  gemhook url acme --terraform-dir terraform/gcp",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			receiver, err := s.settings.Receiver()
			if err != nil {
				return err
			}
			path, err := s.dynamicPath(command.Context(), args[0])
			if err != nil {
				return err
			}
			return s.console.Print(map[string]string{"tenant": args[0], "url": receiver + path}, func() string {
				return receiver + path + "\n"
			})
		},
	}
	url.Flags().String("url", "", "the receiver's static URL ($GEMHOOK_URL)")
	return url
}

// dynamicPath returns the path of a tenant's dynamic endpoint.
func (s *session) dynamicPath(ctx context.Context, name string) (string, error) {
	if !tenant.Valid(name) {
		return "", usage(fmt.Sprintf("%q is no tenant: want up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen", name))
	}
	defer s.working("reading the dynamic keys")()
	text, err := s.secretText(ctx, deployment.DynamicKeys)
	if err != nil {
		return "", err
	}
	keys, malformed := tenant.ParseKeys(text) // the others are in use at the receiver as well
	path, err := keys.Path(name)
	if err != nil {
		return "", &coded{errors.Join(err, malformed), exitSettings}
	}
	return path, nil
}
