package reconciler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/notes"
)

const (
	noteFinish = "finish"

	finishPage     = 300 // entries listed at once
	finishParallel = 16  // deliveries under way at once

	// maxInARow is how many failures in a row give up a topic, or the ledger, for the rest of the
	// run.
	maxInARow = 3
)

// finish publishes and settles what was claimed by an instance that is gone, and what was released,
// instead of waiting for Gemini's next retry, which can be hours away or never come.
//
// Such deliveries are listed by their state, whatever is in them: events, dead letters and result
// messages. What was claimed counts as left once its lease has been over for as long as it lasted,
// so that a retry that is on its way has it. Each is then taken over by the ledger's own
// compare-and-set, with the ledger's own rules for the mark of a redelivery.
//
// A delivery that is finished leaves the listing. So the note is only about those that cannot be
// finished: the next run goes on behind them, and comes round to them again.
func (r *run) finish(ctx context.Context, t *task) error {
	note, version, err := r.Notes.Read(ctx, noteFinish)
	if err != nil {
		return err
	}
	f := &finisher{run: r, task: t, limiter: rate.NewLimiter(rate.Limit(r.options.FinishRate), max(1, r.options.FinishRate/10)), inARow: map[string]int{}}
	cursor, err := f.spans(ctx, spansFrom(note.Cursor))
	if cursor == note.Cursor || r.options.DryRun {
		return err
	}
	note.Cursor, note.At = cursor, r.options.Now()
	if _, writeErr := r.Notes.Write(ctx, noteFinish, note, version); writeErr != nil && !errors.Is(writeErr, notes.ErrChanged) {
		err = errors.Join(err, writeErr) // of two runs at once one has written, and either place will do
	}
	return err
}

// A span is a part of the listing: the keys in a state after one and, if there is an end, up to it.
type span struct {
	state       ledger.State
	after, upTo ledger.Key
}

// spansFrom returns the way once round the listing, from where the last run stopped.
func spansFrom(cursor string) []span {
	state, after, _ := strings.Cut(cursor, " ")
	switch ledger.State(state) {
	case ledger.Claimed:
		return []span{{ledger.Claimed, ledger.Key(after), ""}, {ledger.Released, "", ""}, {ledger.Claimed, "", ledger.Key(after)}}
	case ledger.Released:
		return []span{{ledger.Released, ledger.Key(after), ""}, {ledger.Claimed, "", ""}, {ledger.Released, "", ledger.Key(after)}}
	}
	// In this order a claim that is released again is not met twice.
	return []span{{ledger.Released, "", ""}, {ledger.Claimed, "", ""}}
}

// A finisher is the finish of one run.
type finisher struct {
	*run
	task    *task
	limiter *rate.Limiter

	mu     sync.Mutex
	inARow map[string]int // failures since the last success: by topic, and "" of the ledger
	ledger error          // the last of the ledger's
}

// spans goes through spans and returns where the next run is to go on.
func (f *finisher) spans(ctx context.Context, spans []span) (cursor string, err error) {
	for _, span := range spans {
		for after, more := span.after, true; more; {
			here := string(span.state) + " " + string(after)
			if f.over(ctx) || !f.task.mayList(f.options.MaxPages) {
				f.task.stopped()
				return here, nil
			}
			page, err := f.page(ctx, span, after)
			if err != nil {
				return here, err
			}
			last, err := f.entries(ctx, page)
			if err != nil {
				return here, err
			}
			if last < len(page) {
				if last > 0 {
					here = string(span.state) + " " + string(page[last-1].Key)
				}
				f.task.stopped()
				return here, nil
			}
			if more = len(page) == finishPage; more {
				after = page[len(page)-1].Key
			}
		}
	}
	return "", nil
}

// page lists the next entries of a span.
func (f *finisher) page(ctx context.Context, span span, after ledger.Key) ([]listing.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	page, err := f.Documents.ListState(ctx, span.state, after, finishPage)
	if errors.Is(err, listing.ErrNotListed) {
		return nil, fmt.Errorf("%w (Terraform makes the index on state with reconcile = {}; it takes some minutes to be built)", err)
	}
	if err != nil {
		return nil, err
	}
	for i, entry := range page {
		if span.upTo != "" && entry.Key > span.upTo {
			page = page[:i]
			break
		}
	}
	f.task.looked(len(page))
	return page, nil
}

// entries finishes those of a page that were left, and returns how many of the page it got through
// before its time was over. Its error is that of a ledger that is away.
func (f *finisher) entries(ctx context.Context, page []listing.Entry) (int, error) {
	var group errgroup.Group
	group.SetLimit(finishParallel)
	through := len(page)
	for i, entry := range page {
		if !f.left(entry) {
			continue
		}
		if f.gaveUp("") || !f.mayBegin(ctx) {
			through = i
			break
		}
		group.Go(func() error {
			return guarded(func() error { f.one(ctx, entry); return nil })
		})
	}
	err := group.Wait() // of a panic
	if f.gaveUp("") {
		err = errors.Join(err, f.ledger)
	}
	return through, err
}

// left reports whether nobody is at work on a delivery any more.
func (f *finisher) left(entry listing.Entry) bool {
	if entry.State == ledger.Released {
		return true
	}
	return f.options.Now().Sub(entry.LeaseExpiresAt) >= f.options.Lease
}

// mayBegin waits for the rate and reports whether there is time for another delivery.
func (f *finisher) mayBegin(ctx context.Context) bool {
	if f.over(ctx) {
		return false
	}
	if f.options.DryRun {
		return true
	}
	now := f.options.Now()
	pause := f.limiter.ReserveN(now, 1).DelayFrom(now)
	return pause <= 0 || f.options.Wait(ctx, pause) == nil && !f.over(ctx)
}

// one finishes one delivery.
func (f *finisher) one(ctx context.Context, entry listing.Entry) {
	item := Item{Subject: string(entry.Key), Action: "publish to " + entry.Topic, Since: entry.ReceivedAt}
	if f.options.DryRun {
		f.task.item(item, Planned, fmt.Sprintf("%s since attempt %d", entry.State, entry.Attempt))
		return
	}
	if f.gaveUp(entry.Topic) {
		f.task.item(item, Skipped, "the topic has refused others")
		return
	}
	ctx, cancel := uncut(ctx)
	defer cancel()
	result, err := f.Ledger.Resume(ctx, entry.Key)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		f.task.item(item, Skipped, "its retention has ended")
		return
	case err != nil:
		f.count("", err)
		f.task.item(item, Failed, err.Error())
		return
	case result.Standing != ledger.Mine:
		f.count("", nil)
		f.task.item(item, Skipped, "somebody else has it")
		return
	}
	f.count("", nil)
	messageID, unsettled, err := f.publish(ctx, result.Claim)
	f.count(entry.Topic, err)
	switch {
	case err != nil:
		f.task.item(item, Failed, err.Error())
	case unsettled != nil:
		f.task.item(item, Done, "as message "+messageID+", but not settled: "+unsettled.Error())
	default:
		f.task.item(item, Done, "as message "+messageID)
	}
}

// count counts failures in a row of a topic, or of the ledger.
func (f *finisher) count(what string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.inARow[what] = 0
		return
	}
	f.inARow[what]++
	if what == "" {
		f.ledger = err
	}
}

func (f *finisher) gaveUp(what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inARow[what] >= maxInARow
}
