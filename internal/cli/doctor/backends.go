package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/checks"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
	"github.com/gemhook/gemhook/shared/secret"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// settings sees that what everything else needs is known.
func (e *examination) settings(context.Context) (string, error) {
	project, err := e.Settings.Get(deployment.Project)
	if err != nil {
		return "", err
	}
	topic, err := e.Settings.Get(deployment.Topic)
	if err != nil {
		return "", err
	}
	if e.url, err = e.Settings.Receiver(); err != nil {
		return "", err
	}
	if _, err := e.Settings.Secret(deployment.SigningSecrets); err != nil {
		return "", err
	}
	return fmt.Sprintf("project %s, topic %s, receiver %s", project, topic, e.url), nil
}

// read reads a secret text wherever it is.
func (e *examination) read(ctx context.Context, setting deployment.Setting) (string, error) {
	ref, err := e.Settings.Secret(setting)
	if err != nil {
		return "", err
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	text, err := ref.Read(ctx, e.Clients.SecretManager)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fail(absentAdvice(setting), "nothing is stored in %s: %w", ref, err)
	}
	switch status.Code(err) {
	case codes.NotFound:
		return "", fail(absentAdvice(setting), "nothing is stored in %s: %w", ref, err)
	case codes.PermissionDenied:
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
	if secrets, err := webhook.ParseSecrets(text); err != nil || len(secrets) == 0 {
		return "", fail("have Gemini make a new one: gemhook webhooks rotate", "what is stored is no signing secret: %w",
			errors.Join(err, noneIf(len(secrets) == 0)))
	}
	e.stored = strings.Fields(text)
	ref, _ := e.Settings.Secret(deployment.SigningSecrets)
	detail := fmt.Sprintf("%d in %s", len(e.stored), ref)
	if len(e.stored) > 1 {
		detail += ": a rotation is to be finished (gemhook webhooks rotate --finish)"
	}
	return detail, nil
}

func noneIf(none bool) error {
	if none {
		return errors.New("it is empty")
	}
	return nil
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
		return "", fail("see how each tenant stands: gemhook tenants list; a tenant's entries are made anew by gemhook tenants rotate or restore,\n"+
			"other words are to be taken out by hand", "entries of the dynamic keys are not in use: %w", err)
	case keys.IsZero():
		return "", fail(absentAdvice(deployment.DynamicKeys), "there is no key in what is stored")
	}
	ref, _ := e.Settings.Secret(deployment.DynamicKeys)
	return fmt.Sprintf("in %s: %s", ref, keys), nil
}

func (e *examination) topic(ctx context.Context) (string, error) {
	return e.checkTopic(ctx, deployment.Topic)
}

func (e *examination) deadLetterTopic(ctx context.Context) (string, error) {
	if e.Settings.Optional(deployment.DeadLetterTopic) == "" {
		return "not known: " + deployment.DeadLetterTopic.Variable() + " is not set", errNothingToCheck
	}
	return e.checkTopic(ctx, deployment.DeadLetterTopic)
}

func (e *examination) checkTopic(ctx context.Context, setting deployment.Setting) (string, error) {
	id := e.Settings.Optional(setting)
	client, err := e.Clients.PubSub(ctx)
	if err != nil {
		return "", err
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	err = checks.Topic(ctx, client.TopicAdminClient, client.Project(), id)
	switch {
	case errors.Is(err, checks.ErrMissing):
		return "", failure.Advise(err, "apply Terraform, or name the right one in "+setting.Variable())
	case errors.Is(err, checks.ErrForbidden):
		return "", failure.Advise(err, "grant yourself roles/pubsub.viewer")
	}
	return id, err
}

func (e *examination) subscriptions(ctx context.Context) (string, error) {
	ids := e.Settings.Subscriptions()
	if len(ids) == 0 {
		return "none known without --terraform-dir", errNothingToCheck
	}
	client, err := e.Clients.PubSub(ctx)
	if err != nil {
		return "", err
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	topic := "projects/" + client.Project() + "/topics/" + e.Settings.Optional(deployment.Topic)
	for _, id := range ids {
		found, err := client.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{
			Subscription: "projects/" + client.Project() + "/subscriptions/" + id,
		})
		switch {
		case status.Code(err) == codes.NotFound:
			return "", fail("apply Terraform", "there is no subscription %s", id)
		case err != nil:
			return "", fmt.Errorf("look at subscription %s: %w", id, err)
		case found.GetTopic() != topic:
			return "", fail("apply Terraform", "subscription %s is to %s, not to the receiver's topic", id, found.GetTopic())
		}
	}
	return strings.Join(ids, ", "), nil
}

// ledger sees that the ledger can be read: listed or, where a deployment goes without that, by key.
func (e *examination) ledger(ctx context.Context) (string, error) {
	client, err := e.Clients.Firestore(ctx)
	if err != nil {
		return "", err
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	collection := e.Settings.Optional(deployment.Collection)
	database := e.Settings.Optional(deployment.Database)
	err = checks.Ledger(ctx, firestoreledger.New(client, collection), database)
	switch {
	case errors.Is(err, checks.ErrMissing):
		return "", failure.Advise(err, "apply Terraform, or name the right one in "+deployment.Database.Variable())
	case errors.Is(err, checks.ErrForbidden):
		return "", failure.Advise(err, "grant yourself roles/datastore.user")
	case err != nil:
		return "", err
	}
	where := fmt.Sprintf("collection %s of database %s", collection, database)
	detail := where + ", empty"
	for newest, err := range deliveries.NewReader(client, collection).List(ctx, deliveries.Filter{Limit: 1}) {
		if errors.Is(err, deliveries.ErrNotListed) {
			return where + ", not listed: listing is off, or its indexes are being built", nil
		}
		if err != nil {
			return "", err
		}
		detail = where + ", newest delivery " + newest.ReceivedAt.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return detail, nil
}

// secretStore is where the signing secrets are, for messages.
func (e *examination) secretStore() secret.Ref {
	ref, _ := e.Settings.Secret(deployment.SigningSecrets)
	return ref
}
