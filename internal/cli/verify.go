package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/explain"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/jwks"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// A verification is one run of "verify".
type verification struct {
	console    *console.Console
	settings   *deployment.Settings
	client     *http.Client // to fetch the key set
	now        func() time.Time
	call       func(context.Context) (context.Context, context.CancelFunc) // bounds one call
	secretText func(context.Context, deployment.Setting) (string, error)   // reads the secret that a setting names
	readFile   func(name string) ([]byte, error)                           // that a flag or argument names
	verificationFlags
}

type verificationFlags struct{ headersFile, bodyFile, path, at string }

func verifyCommand(s *session) *cobra.Command {
	var v verificationFlags
	verify := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Say, step by step, why a captured delivery is or is not accepted",
		Long: `Reads a captured delivery and says, step by step, what the receiver makes of it. The verdict is the
receiver's own code; nothing is published, and no ledger is asked. Exit code 0 if it is accepted.

FILE (- is standard input) is a request as it goes over the wire: a request line if there is one,
headers, an empty line, the body; or a Lambda event. Or give --headers and --body apart. The body must
be the bytes that came in; one that a capture has changed is recognised where that is possible.

The path decides how it is verified: / by the signing secrets, /dynamic/{tenant}/{token} by the dynamic
keys and Google's key set.`,
		Example: "  gemhook verify request.txt --at 2026-01-22T12:00:00Z\n" +
			"  gemhook verify --headers headers.txt --body body.json --path /",
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			verification := &verification{
				console: s.console, settings: s.settings, client: s.HTTPClient, now: s.Now, call: s.clients.Call,
				secretText: s.clients.SecretText, readFile: s.readFile, verificationFlags: v,
			}
			return verification.run(command.Context(), args)
		},
	}
	flags := verify.Flags()
	flags.StringVar(&v.headersFile, "headers", "", "file with the headers, one a line")
	flags.StringVar(&v.bodyFile, "body", "", "file with the body")
	flags.StringVar(&v.path, "path", "", "path it was posted to (default: that of the request line, or /)")
	flags.StringVar(&v.at, "at", "", "as of when to judge: a time, or how long ago (default: now)")
	return verify
}

func (v *verification) run(ctx context.Context, args []string) error {
	capture, err := v.capture(args)
	if err != nil {
		return err
	}
	options, err := v.options()
	if err != nil {
		return err
	}
	done := v.console.Working("reading keys")
	keys := v.keys(ctx, capture.Path)
	done()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	report := explain.Deliver(ctx, capture, keys, options)
	if err := v.console.Print(report, func() string { return v.text(report) }); err != nil {
		return err
	}
	if !report.Accepted {
		return failure.ErrShown
	}
	return nil
}

// capture reads the delivery.
func (v *verification) capture(args []string) (capture explain.Capture, err error) {
	if (len(args) == 1) == (v.headersFile != "") || (v.headersFile == "") != (v.bodyFile == "") {
		return capture, failure.Usagef("give a captured request, or --headers and --body")
	}
	if len(args) == 1 {
		text, err := v.readCapture(args[0])
		if err != nil {
			return capture, err
		}
		if capture, err = explain.ParseCapture(text); err != nil {
			return capture, err
		}
	} else {
		headers, err := v.readCapture(v.headersFile)
		if err != nil {
			return capture, err
		}
		if capture, err = explain.ParseCapture(headers); err != nil {
			return capture, err
		}
		if capture.Body, err = v.readCapture(v.bodyFile); err != nil {
			return capture, err
		}
	}
	if v.path != "" {
		capture.Path = v.path
	}
	return capture, nil
}

func (v *verification) readCapture(name string) ([]byte, error) {
	text, err := v.readFile(name)
	if err != nil {
		return nil, failure.WithCode(fmt.Errorf("read the delivery: %w", err), failure.NotFound)
	}
	return text, nil
}

func (v *verification) options() (options explain.Options, err error) {
	if options.At, err = moment("at", v.at, v.now()); err != nil {
		return options, err
	}
	if options.At.IsZero() {
		options.At = v.now()
	}
	var toleranceErr, sizeErr, retentionErr error
	options.Tolerance, toleranceErr = v.settings.Duration(deployment.Tolerance)
	options.MaxBody, sizeErr = v.settings.Size(deployment.MaxBody)
	options.Retention, retentionErr = v.settings.Duration(deployment.Retention)
	options.Audience = v.settings.Optional(deployment.JWTAudience)
	return options, errors.Join(toleranceErr, sizeErr, retentionErr)
}

// keys reads those that a delivery to a path is verified with.
func (v *verification) keys(ctx context.Context, path string) (keys explain.Keys) {
	if !strings.HasPrefix(path, tenant.PathPrefix) {
		text, err := v.secretText(ctx, deployment.SigningSecrets)
		if err == nil {
			keys.Secrets, err = webhook.ParseSecrets(text)
		}
		if len(keys.Secrets) == 0 {
			keys.SecretsErr = errors.Join(errors.New("there is no signing secret"), err)
		}
		return keys
	}
	text, err := v.secretText(ctx, deployment.DynamicKeys)
	var missing *deployment.MissingError
	if errors.As(err, &missing) {
		return keys // there are no dynamic endpoints
	}
	if keys.TenantsErr = err; err == nil {
		if keys.Tenants, err = tenant.ParseKeys(text); keys.Tenants.IsZero() {
			keys.TenantsErr = errors.Join(errors.New("there is no dynamic key"), err)
		}
	}
	ctx, cancel := v.call(ctx)
	defer cancel()
	url, err := v.settings.KeySet()
	if err != nil {
		keys.KeySetErr = err
		return keys
	}
	keys.KeySet, keys.KeySetErr = jwks.Fetch(ctx, v.client, url)
	return keys
}

func (v *verification) text(report *explain.Report) string {
	var text strings.Builder
	for _, step := range report.Steps {
		mark := map[explain.Outcome]string{
			explain.Passed:  v.console.Paint(console.Green, "✓"),
			explain.Failed:  v.console.Paint(console.Red, "✗"),
			explain.Skipped: v.console.Paint(console.Dim, "–"),
		}[step.Outcome]
		fmt.Fprintf(&text, "%s %-9s  %s\n", mark, step.Name, console.OneLine(step.Detail))
	}
	if !report.Accepted {
		fmt.Fprintf(&text, "\n%s  the receiver answers %d %s: %s\n", v.console.Paint(console.Red, "refused"), report.StatusCode, report.Code, console.OneLine(report.Message))
		return text.String()
	}
	fmt.Fprintf(&text, "\n%s  the receiver answers %d %s, with these attributes:\n", v.console.Paint(console.Green, "accepted"), report.StatusCode, report.Status)
	var attributes [][2]string
	for _, name := range slices.Sorted(maps.Keys(report.Attributes)) {
		if name != webhook.HeaderSignature {
			attributes = append(attributes, [2]string{"  " + name, report.Attributes[name]})
		}
	}
	return text.String() + v.console.Pairs(attributes)
}
