package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/checks"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// settings checks that the settings are known which all other checks need.
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

// ledger checks that the ledger can be read: by a list or, in a deployment without listing, by key.
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
		detail = where + ", newest delivery " + stamp(newest.ReceivedAt)
	}
	return detail, nil
}
