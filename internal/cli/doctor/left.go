package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// geminiRetries is how long Gemini tries a delivery again. What is not published by then is not
// published at all unless reconcile does it.
const geminiRetries = 24 * time.Hour

// A plan is what reconcile would do, by its jobs.
type plan struct {
	items map[string][]reconciler.Item
	jobs  map[string]reconciler.JobReport
	err   error // there is no plan
}

// makePlan does a dry run of reconcile.
func (e *examination) makePlan(ctx context.Context) *plan {
	p := &plan{items: map[string][]reconciler.Item{}, jobs: map[string]reconciler.JobReport{}}
	items, report, err := e.DryRun(ctx)
	if err != nil {
		p.err = err
		return p
	}
	for _, item := range items {
		p.items[item.Job] = append(p.items[item.Job], item)
	}
	for _, job := range report.Jobs {
		p.jobs[job.Job] = job
	}
	return p
}

// left says what a job of reconcile would do, in the words of describe, which is called with one
// item at least. A job that cannot be tried makes a check that is skipped.
func (e *examination) left(ctx context.Context, job string, describe func(items []reconciler.Item, more bool) (string, error)) (string, error) {
	if e.plan == nil {
		e.plan = e.makePlan(ctx)
	}
	items, report := e.plan.items[job], e.plan.jobs[job]
	switch {
	case e.plan.err != nil:
		return e.plan.err.Error(), failure.Advise(errNothingToCheck, ofReconcile)
	case errors.Is(report.Err, listing.ErrNotListed):
		return "the ledger has no index for it", failure.Advise(errNothingToCheck, "Terraform makes it with reconcile = {}; only reconcile needs it, and it takes some minutes to be built")
	case report.Err != nil:
		return report.Error, failure.Advise(errNothingToCheck, ofReconcile)
	case len(items) > 0:
		return describe(items, report.More)
	case report.More:
		return "nothing so far; gemhook reconcile looks at all there is", nil
	}
	return "nothing", nil
}

// leftToFinish looks for deliveries that were left between claim and settle. It fails for those
// that Gemini does not deliver any more.
func (e *examination) leftToFinish(ctx context.Context) (string, error) {
	return e.left(ctx, "finish", func(items []reconciler.Item, more bool) (string, error) {
		oldest := items[0].Since
		for _, item := range items {
			if item.Since.Before(oldest) {
				oldest = item.Since
			}
		}
		const advice = "gemhook reconcile shows each, and publishes them with --apply"
		found := fmt.Sprintf("%s not published, the oldest received %s", orMore(console.Count(len(items), "delivery", "deliveries"), more), stamp(oldest))
		if e.Now().Sub(oldest) > geminiRetries {
			return "", fail(advice, "%s: Gemini has given it up", found)
		}
		return found, failure.Advise(errLeft, advice)
	})
}

// leftToReenable looks for a webhook of the receiver's that Gemini has disabled.
func (e *examination) leftToReenable(ctx context.Context) (string, error) {
	return e.left(ctx, "re-enable", func(items []reconciler.Item, _ bool) (string, error) {
		found := items[0].Subject + ": " + items[0].Detail
		switch items[0].Outcome {
		case reconciler.Planned:
			return found, failure.Advise(errLeft, "gemhook reconcile --apply enables it, and has Gemini ping it")
		case reconciler.Failed:
			return found, failure.Advise(errLeft, "set right what else fails here, then: gemhook reconcile --apply")
		}
		return "nothing; " + found, nil
	})
}

// leftToFind looks for batches that have ended and of which no event came.
func (e *examination) leftToFind(ctx context.Context) (string, error) {
	return e.left(ctx, "find", func(items []reconciler.Item, more bool) (string, error) {
		return fmt.Sprintf("%s ended without an event, such as %s at %s",
				orMore(console.Count(len(items), "batch", "batches"), more), items[0].Subject, stamp(items[0].Since)),
			failure.Advise(errLeft, "gemhook reconcile shows each, and publishes their events with --apply")
	})
}

// orMore adds to a count that there may be more.
func orMore(count string, more bool) string {
	if more {
		return count + " or more"
	}
	return count
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
