package reconciler

import (
	"context"
	"encoding/json"
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

// staleness bounds how old what Gemini's list says of a batch can be: whatever ended in so long
// before the last complete pass is looked at again.
const staleness = 24 * time.Hour

// saveEvery is how often the time of a complete pass is written down. A pass looks at what has
// ended since, so that an older time costs some lookups, and a newer one a write with every run.
const saveEvery = time.Hour

// find publishes the event of each batch that ended and of which no event has come into the ledger
// although Gemini has given up delivering by now. Interactions and videos cannot be found: Gemini
// lists neither.
//
// It lists the batches of every API key, page by page, and compares those that ended long enough
// ago with the ledger by resource and type. A pass through all of a project's can take several
// runs.
func (r *run) find(ctx context.Context, t *task) error {
	if r.options.FindAfter == 0 {
		return nil
	}
	projects, err := r.Projects(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, project := range projects {
		errs = append(errs, ofTenant(project, r.findIn(ctx, t, project)))
	}
	return errors.Join(errs...)
}

// findIn goes on with the pass through one project, or begins another.
func (r *run) findIn(ctx context.Context, t *task, project Project) error {
	name := strings.TrimSuffix("find-"+project.Tenant, "-")
	note, version, err := r.Notes.Read(ctx, name)
	if err != nil {
		return err
	}
	before := note
	if r.options.FromStart {
		note = notes.Note{}
	}
	now := r.options.Now()
	p := &pass{run: r, task: t, project: project, now: now, place: place{Begun: now}}
	p.oldest = latest(now.Add(-r.options.Retention), note.At.Add(-r.options.FindAfter-staleness))
	if note.Cursor != "" && json.Unmarshal([]byte(note.Cursor), &p.place) != nil {
		p.place = place{Begun: now}
	}
	complete, err := p.pages(ctx)
	if r.options.DryRun {
		return err
	}
	next := notes.Note{At: note.At}
	switch {
	case err != nil || p.failed:
		// The next pass begins at the beginning.
	case !complete:
		cursor, _ := json.Marshal(p.place) // a text and a time always marshal
		next.Cursor = string(cursor)
	case p.place.Begun.Sub(note.At) >= saveEvery:
		next.At = p.place.Begun
	}
	if next == before {
		return err
	}
	if _, writeErr := r.Notes.Write(ctx, name, next, version); writeErr != nil && !errors.Is(writeErr, notes.ErrChanged) {
		err = errors.Join(err, writeErr) // another run has written: it does the same
	}
	return err
}

// A place is how far a pass has got.
type place struct {
	Begun time.Time `json:"begun"`
	Token string    `json:"token"` // of the page
}

// A pass goes through the batches of a project.
type pass struct {
	*run
	task    *task
	project Project
	now     time.Time
	oldest  time.Time // batches that ended before are known to have an event, or too old
	place   place
	failed  bool // an event could not be published
}

// pages goes on through the pages and reports whether it came to their end.
func (p *pass) pages(ctx context.Context) (complete bool, err error) {
	due, err := p.due(ctx)
	if err != nil || due == nil {
		return true, err
	}
	for {
		if p.over(ctx) || !p.task.mayList(p.options.MaxPages) {
			p.task.stopped()
			return false, nil
		}
		batches, next, err := p.project.Gemini.BatchPage(ctx, p.place.Token)
		if errors.Is(err, geminiapi.ErrInvalid) && p.place.Token != "" {
			p.place.Token = "" // it is from an earlier run, and no longer good
			continue
		}
		if err != nil {
			return false, err
		}
		p.task.looked(len(batches))
		for _, batch := range batches {
			if p.over(ctx) {
				p.task.stopped()
				return false, nil
			}
			if err := p.batch(ctx, batch, due); err != nil {
				return false, err
			}
		}
		if p.place.Token = next; next == "" {
			return true, nil
		}
	}
}

// due returns a function that reports whether Gemini should have delivered an event of a type that
// happened at a time; nil if it should have delivered none. A tenant's jobs name the tenant's URL,
// which gets everything. All others go by the webhooks of the receiver's URL: what they are
// subscribed to, since when, unless a person has disabled them.
func (p *pass) due(ctx context.Context) (func(eventType string, at time.Time) bool, error) {
	if p.project.Tenant != "" {
		return func(string, time.Time) bool { return true }, nil
	}
	if p.options.ReceiverURL == "" {
		return nil, nil
	}
	var webhooks []*geminiapi.Webhook
	for webhook, err := range p.project.Gemini.List(ctx) {
		if err != nil {
			return nil, err
		}
		if geminiapi.SameURI(webhook.URI, p.options.ReceiverURL) && webhook.State != geminiapi.StateDisabled {
			webhooks = append(webhooks, webhook)
		}
	}
	if len(webhooks) == 0 {
		return nil, nil
	}
	return func(eventType string, at time.Time) bool {
		return slices.ContainsFunc(webhooks, func(w *geminiapi.Webhook) bool {
			return slices.Contains(w.SubscribedEvents, eventType) && !at.Before(w.CreateTime)
		})
	}, nil
}

// missed reports whether the event of a batch should have come by now, from all that Gemini says
// about it.
func (p *pass) missed(batch *geminiapi.Batch, due func(string, time.Time) bool) bool {
	eventType, ended := eventTypes[batch.State]
	return ended && strings.HasPrefix(batch.DisplayName, p.options.FindPrefix) &&
		!batch.EndTime.After(p.now.Add(-p.options.FindAfter)) && batch.EndTime.After(p.oldest) && due(eventType, batch.EndTime)
}

// batch publishes the event of a batch if it was missed. Its error is of the ledger or of Gemini.
func (p *pass) batch(ctx context.Context, listed *geminiapi.Batch, due func(string, time.Time) bool) error {
	if !p.missed(listed, due) {
		return nil
	}
	id := strings.TrimPrefix(listed.Name, "batches/")
	known, err := p.known(ctx, id, eventTypes[listed.State])
	if err != nil || known {
		return err
	}
	// The list can be old, and has no output.
	batch, err := p.project.Gemini.Batch(ctx, listed.Name)
	if errors.Is(err, geminiapi.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if batch.State != listed.State && p.missed(batch, due) {
		if known, err = p.known(ctx, id, eventTypes[batch.State]); err != nil || known {
			return err
		}
	}
	if !p.missed(batch, due) {
		return nil
	}
	p.publishFound(ctx, id, batch)
	return nil
}

// known reports whether the ledger has an event of a type about a batch, whoever made it and
// however far it is.
func (p *pass) known(ctx context.Context, id, eventType string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	entries, err := p.Documents.ListResource(ctx, id, "batches/"+id)
	if errors.Is(err, listing.ErrNotListed) {
		return false, fmt.Errorf("%w (Terraform makes the index on resource_id with reconcile = {}; it takes some minutes to be built)", err)
	}
	return slices.ContainsFunc(entries, func(e listing.Entry) bool { return e.Type == eventType }), err
}

// publishFound publishes the event of a batch.
func (p *pass) publishFound(ctx context.Context, id string, batch *geminiapi.Batch) {
	message, err := p.found(id, batch)
	item := Item{
		Subject: batch.Name, Since: batch.EndTime,
		Action: fmt.Sprintf("publish %s to %s as %s", message.Type, message.Topic, message.WebhookID),
	}
	if err != nil {
		p.fail(item, err)
		return
	}
	ended := fmt.Sprintf("it ended at %s, and no event has come", batch.EndTime.UTC().Format(time.RFC3339))
	if p.options.DryRun {
		p.task.item(item, Planned, ended)
		return
	}
	ctx, cancel := uncut(ctx)
	defer cancel()
	result, err := p.Ledger.Claim(ctx, message)
	if err == nil && result.Standing != ledger.Mine {
		p.task.item(item, Skipped, "somebody else has it")
		return
	}
	var messageID string
	var unsettled error
	if err == nil {
		messageID, unsettled, err = p.publish(ctx, result.Claim)
	}
	switch {
	case err != nil:
		p.fail(item, err)
	case unsettled != nil:
		p.task.item(item, Done, ended+"; message "+messageID+", but not settled: "+unsettled.Error())
	default:
		p.task.item(item, Done, ended+"; message "+messageID)
	}
}

func (p *pass) fail(item Item, err error) {
	p.failed = true
	p.task.item(item, Failed, err.Error())
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
