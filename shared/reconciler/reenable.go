package reconciler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/checks"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/notes"
)

// retryEnabling is how long after a try to enable a webhook the next one is made. A wrong signing
// secret shows only in the ping that follows, and each try of such a webhook has Gemini deliver,
// fail and disable it again.
const retryEnabling = time.Hour

// reenable enables webhooks of the receiver's URL that Gemini has disabled because deliveries
// failed. It never touches a webhook of another URL, nor one that a person has disabled.
//
// First it makes sure that deliveries would succeed, as far as that can be seen from here: enabling
// the webhook of a receiver that is broken would only have it disabled again.
func (r *run) reenable(ctx context.Context, t *task) error {
	return r.eachWebhook(ctx, t, func(project Project, webhook *geminiapi.Webhook) error {
		item := Item{Subject: webhook.ID, Action: "enable and ping"}
		switch webhook.State {
		case geminiapi.StateDisabledDueToFailedDeliveries:
			return r.reenableOne(ctx, t, project, webhook, item)
		case geminiapi.StateDisabled:
			t.item(item, Skipped, "a person has disabled it")
		}
		return nil
	})
}

// eachWebhook calls do with each webhook of the receiver's URL, in all projects. The error joins
// all there are.
func (r *run) eachWebhook(ctx context.Context, t *task, do func(Project, *geminiapi.Webhook) error) error {
	if r.options.ReceiverURL == "" {
		return nil
	}
	projects, err := r.Projects(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, project := range projects {
		for webhook, err := range project.Gemini.List(ctx) {
			if err != nil {
				errs = append(errs, ofTenant(project, err))
				break
			}
			if geminiapi.SameURI(webhook.URI, r.options.ReceiverURL) {
				t.looked(1)
				errs = append(errs, ofTenant(project, do(project, webhook)))
			}
		}
	}
	return errors.Join(errs...)
}

// ofTenant says in an error whose project it is about.
func ofTenant(project Project, err error) error {
	if err == nil || project.Tenant == "" {
		return err
	}
	return fmt.Errorf("tenant %s: %w", project.Tenant, err)
}

func (r *run) reenableOne(ctx context.Context, t *task, project Project, webhook *geminiapi.Webhook, item Item) error {
	name := "enable-" + webhook.ID
	note, version, err := r.Notes.Read(ctx, name)
	if err != nil {
		return err
	}
	if since := r.options.Now().Sub(note.At); since < retryEnabling {
		t.item(item, Skipped, fmt.Sprintf("tried %s ago; once an hour is enough", since.Round(time.Second)))
		return nil
	}
	if err := r.ready(ctx); err != nil {
		t.item(item, Failed, "left disabled, for deliveries would fail again: "+err.Error())
		return nil
	}
	if r.options.DryRun {
		t.item(item, Planned, "Gemini has disabled it because deliveries failed")
		return nil
	}
	_, err = r.Notes.Write(ctx, name, notes.Note{At: r.options.Now()}, version)
	if errors.Is(err, notes.ErrChanged) {
		t.item(item, Skipped, "another run tries")
		return nil
	}
	if err != nil {
		return err
	}
	// The list may be old, and a person may have disabled it since.
	current, err := project.Gemini.Get(ctx, webhook.ID)
	if err != nil {
		return err
	}
	if current.State != geminiapi.StateDisabledDueToFailedDeliveries {
		t.item(item, Skipped, "it is "+string(current.State)+" by now")
		return nil
	}
	if _, err := project.Gemini.Update(ctx, webhook.ID, geminiapi.Webhook{State: geminiapi.StateEnabled}, "state"); err != nil {
		t.item(item, Failed, err.Error())
		return nil
	}
	if err := r.ping(ctx, project, webhook); err != nil {
		t.item(item, Failed, "enabled, but "+err.Error())
		return nil
	}
	t.item(item, Done, "enabled, and a ping has come through")
	return nil
}

// ready checks that receiver, ledger and topics are there.
func (r *run) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := checks.Receiver(ctx, r.HTTP, strings.TrimSuffix(r.options.ReceiverURL, "/"))
	return errors.Join(err,
		checks.Ledger(ctx, r.Documents, r.options.Database),
		checks.Topic(ctx, r.Publisher, r.options.CloudProject, r.options.Topic),
		checks.Topic(ctx, r.Publisher, r.options.CloudProject, r.options.DeadLetterTopic))
}
