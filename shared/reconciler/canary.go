package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/notes"
)

// canaryEvery is how often a webhook is pinged.
const canaryEvery = 24 * time.Hour

// canary has Gemini ping each enabled webhook of the receiver's URL once a day, and waits for the
// ping in the ledger. So a path that is broken is noticed on a day without events, too.
func (r *run) canary(ctx context.Context, t *task) error {
	if !r.options.Canary {
		return nil
	}
	return r.eachWebhook(ctx, t, func(project Project, webhook *geminiapi.Webhook) error {
		if webhook.State != geminiapi.StateEnabled {
			return nil
		}
		name := "canary-" + webhook.ID
		note, version, err := r.Notes.Read(ctx, name)
		if err != nil || r.options.Now().Sub(note.At) < canaryEvery {
			return err
		}
		// A webhook that this run has just turned on gets a ping of its own from that job.
		enabled, _, err := r.Notes.Read(ctx, "enable-"+webhook.ID)
		if err != nil || !enabled.At.IsZero() && r.options.Now().Sub(enabled.At) < retryEnabling {
			return err
		}
		item := Item{Subject: webhook.ID, Action: "ping"}
		if r.options.DryRun {
			t.item(item, Planned, "the daily ping is due")
			return nil
		}
		_, err = r.Notes.Write(ctx, name, notes.Note{At: r.options.Now()}, version)
		if errors.Is(err, notes.ErrChanged) {
			t.item(item, Skipped, "another run pings")
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.ping(ctx, project, webhook); err != nil {
			t.item(item, Failed, err.Error())
			return nil
		}
		t.item(item, Done, "a ping has come through")
		return nil
	})
}

// How long a ping may take to come into the ledger, and how often the ledger is asked.
const (
	pingTime = 30 * time.Second
	pingPoll = time.Second
)

// ping has Gemini ping a webhook and waits until the ping is settled in the ledger.
func (r *run) ping(ctx context.Context, project Project, webhook *geminiapi.Webhook) error {
	since := r.options.Now()
	if err := project.Gemini.Ping(ctx, webhook.ID); err != nil {
		return err
	}
	listed := true
	for deadline := since.Add(pingTime); ; {
		arrived, err := r.pingArrived(ctx, webhook, since.Add(-ledger.MaxClockSkew), &listed)
		if err != nil || arrived {
			return err
		}
		if !r.options.Now().Before(deadline) {
			break
		}
		if err := r.options.Wait(ctx, pingPoll); err != nil {
			return fmt.Errorf("wait for the ping: %w", err)
		}
	}
	hint := ""
	if !listed {
		hint = "; without listing in Terraform only a ping that names its webhook can be seen"
	}
	return fmt.Errorf("no ping of Gemini's has come into the ledger within %s: look at the receiver's log for what it refused, "+
		"and whether its signing secret is Gemini's (gemhook doctor)%s", pingTime, hint)
}

// pingArrived looks for a ping. Gemini does not document what is in one. So it is what names the
// webhook as its resource or, where the ledger can be listed by time, a static delivery that is no
// event of a job.
func (r *run) pingArrived(ctx context.Context, webhook *geminiapi.Webhook, since time.Time, listed *bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	named, err := r.Documents.ListResource(ctx, webhook.ID)
	if err != nil {
		return false, err
	}
	for _, entry := range named {
		if entry.State.Settled() && !entry.ReceivedAt.Before(since) {
			return true, nil
		}
	}
	if !*listed {
		return false, nil
	}
	recent, err := r.Documents.ListSince(ctx, since, finishPage)
	if errors.Is(err, listing.ErrNotListed) {
		*listed = false
		return false, nil
	}
	return slices.ContainsFunc(recent, func(e listing.Entry) bool {
		return e.State.Settled() && e.Tenant == "" && e.Scheme == schemeStatic && !isJobEvent(e.Type) && !strings.HasPrefix(e.WebhookID, "gemhook-")
	}), err
}

// schemeStatic is the signature scheme of a static webhook's delivery.
const schemeStatic = "v1"

// isJobEvent reports whether an event is about a job of Gemini's.
func isJobEvent(eventType string) bool {
	resource, _, _ := strings.Cut(eventType, ".")
	return resource == "batch" || resource == "interaction" || resource == "video"
}
