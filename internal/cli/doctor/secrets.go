package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/shared/secret"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// read reads a secret text wherever it is.
func (e *examination) read(ctx context.Context, setting deployment.Setting) (string, error) {
	ref, err := e.Settings.Secret(setting)
	if err != nil {
		return "", err
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	text, err := ref.Read(ctx, e.Clients.SecretManager)
	switch {
	case errors.Is(err, fs.ErrNotExist), status.Code(err) == codes.NotFound:
		return "", fail(absentAdvice(setting), "nothing is stored in %s: %w", ref, err)
	case status.Code(err) == codes.PermissionDenied:
		return "", fail("grant yourself roles/secretmanager.secretAccessor on it", "%s may not be read: %w", ref, err)
	}
	return text.Reveal(), err
}

func absentAdvice(setting deployment.Setting) string {
	if setting == deployment.DynamicKeys {
		return "make the first key: gemhook tenants rotate --common"
	}
	return "register a webhook, which stores its secret: gemhook webhooks create; if one is registered: gemhook webhooks rotate"
}

func (e *examination) signingSecrets(ctx context.Context) (string, error) {
	text, err := e.read(ctx, deployment.SigningSecrets)
	if err != nil {
		return "", err
	}
	e.stored = rotation.Secrets(text)
	_, malformed := webhook.ParseSecrets(text)
	switch {
	case len(e.stored) == 0 && malformed == nil:
		return "", fail(absentAdvice(deployment.SigningSecrets), "%s is empty", e.secretStore())
	case len(e.stored) == 0:
		return "", fail(absentAdvice(deployment.SigningSecrets), "what is stored in %s is not a signing secret: %w", e.secretStore(), malformed)
	case malformed != nil:
		return "", fail("have Gemini make a new one, which is stored without what is malformed: gemhook webhooks rotate",
			"not all that is stored in %s is a signing secret: %w", e.secretStore(), malformed)
	}
	detail := fmt.Sprintf("%d in %s", len(e.stored), e.secretStore())
	if len(e.stored) > 1 {
		detail += ": a rotation is to be finished (gemhook webhooks rotate --finish)"
	}
	return detail, nil
}

func (e *examination) dynamicKeys(ctx context.Context) (string, error) {
	if e.Settings.Optional(deployment.DynamicKeys) == "" {
		return "none configured: there are no dynamic URLs", errNothingToCheck
	}
	text, err := e.read(ctx, deployment.DynamicKeys)
	if err != nil {
		return "", err
	}
	keys, err := tenant.ParseKeys(text)
	switch {
	case err != nil:
		return "", fail("see how each tenant stands: gemhook tenants list; gemhook tenants replaces a tenant's entries with rotate or restore,\n"+
			"other words are to be taken out by hand", "entries of the dynamic keys are not in use: %w", err)
	case keys.IsZero():
		return "", fail(absentAdvice(deployment.DynamicKeys), "there is no key in what is stored")
	}
	e.dynamicPath, err = anyPath(keys, text)
	if err != nil {
		return "every tenant is closed", nil
	}
	ref, _ := e.Settings.Secret(deployment.DynamicKeys)
	return fmt.Sprintf("in %s: %s", ref, keys), nil
}

// secretStore is where the signing secrets are, for messages.
func (e *examination) secretStore() secret.Ref {
	ref, _ := e.Settings.Secret(deployment.SigningSecrets)
	return ref
}
