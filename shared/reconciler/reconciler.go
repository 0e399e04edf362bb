// Package reconciler finds what receiver and Gemini have left undone, and puts it right. It runs on
// a schedule.
//
// A run has four jobs, each in a file of its own that reads top to bottom:
//
//	finish     publishes what was left between claim and settle (finish.go)
//	re-enable  has Gemini deliver again to a webhook that it has disabled (reenable.go)
//	find       makes the events of batches that ended and of which none ever came (find.go)
//	canary     has Gemini ping the webhook once a day, where that is wanted (canary.go)
//
// The jobs run at the same time and share nothing, so that one that fails or takes long stops no
// other. A run is bounded in time: towards its end it begins nothing new, and the next run goes on
// where it stopped. What a job must know from one run to the next is in a note beside the ledger.
//
// Two runs at once, and a run that ends anywhere, do no harm: whatever is published is claimed in
// the ledger first, and whatever may be done only so often is written down by compare-and-set
// before it is done.
//
// With Options.DryRun the same code says what it would do, and changes nothing anywhere.
package reconciler

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gemhook/gemhook/shared/checks"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/notes"
	"github.com/gemhook/gemhook/shared/once"
	"github.com/gemhook/gemhook/shared/retry"
)

// A Ledger decides who may publish a message: [*ledger.Ledger].
type Ledger interface {
	once.Ledger
	Resume(ctx context.Context, key ledger.Key) (ledger.ClaimResult, error)
}

// Documents are those of the ledger: [*firestoreledger.Store] and [*listing.Firestore] together.
type Documents interface {
	ledger.Store
	listing.Lister
}

// Notes keep what a job must know from one run to the next: [*notes.Firestore].
type Notes interface {
	Read(ctx context.Context, name string) (notes.Note, notes.Version, error)
	Write(ctx context.Context, name string, note notes.Note, version notes.Version) (notes.Version, error)
}

// A Publisher puts messages on topics and looks whether a topic is there: [*backend.Publisher].
type Publisher interface {
	once.Publisher
	checks.TopicGetter
}

// A Checker checks that a request is the schedule's: [*pushauth.Verifier].
type Checker interface {
	Verify(ctx context.Context, header http.Header) error
}

// Books are the ledger, its documents, and the notes beside them.
type Books struct {
	Ledger    Ledger
	Documents Documents
	Notes     Notes
}

// A Project is one of Gemini's, of which there is an API key.
type Project struct {
	Tenant string // whose project it is; empty: of all that have no key of their own
	Gemini *geminiapi.Client
}

// Deps are what a reconciler works with. All of them are safe for concurrent use.
type Deps struct {
	Books     func(context.Context) (Books, error)
	Publisher Publisher
	Projects  func(context.Context) ([]Project, error) // in the order of their tenants; nil: there are no API keys
	HTTP      *http.Client                             // to the receiver
	Checker   Checker                                  // of requests; nil where nobody sends any
	Log       *slog.Logger
}

// Options are the settings of a reconciler.
type Options struct {
	CloudProject    string // of the topics
	Topic           string // for events
	DeadLetterTopic string
	Database        string // of the ledger, for messages
	Lease           time.Duration
	Retention       time.Duration

	ReceiverURL string        // whose webhooks are looked after, without a slash at the end; empty: none
	FindAfter   time.Duration // how long after its end a batch without an event counts as missed; 0: none is found
	FindPrefix  string        // of the display names of the batches that are found
	FinishRate  int           // how many deliveries are finished in a second, at most
	Canary      bool

	RunFor    time.Duration // after which a run begins nothing new; 0 means DefaultRunFor
	MaxPages  int           // that a job lists in a run, at most; 0: as many as there are
	DryRun    bool
	FromStart bool       // find looks at every batch again, whatever earlier runs have looked at
	Observe   func(Item) // called with each item as it is done with, concurrently; may be nil

	Version string                                     // of gemhook, for GET /
	Now     func() time.Time                           // nil means time.Now
	Wait    func(context.Context, time.Duration) error // nil means a timer
}

// DefaultRunFor leaves a run that is called every five minutes, and stopped after as long, time to
// end what it has begun.
const DefaultRunFor = 4 * time.Minute

// The longest that steps of a job take. What a run has begun by RunFor it ends within a minute.
const (
	callTime    = 10 * time.Second
	publishTime = 10 * time.Second
	settleTime  = 5 * time.Second

	// endTime is how long after RunFor a call that hangs is given up.
	endTime = 30 * time.Second
)

// A Reconciler does runs. It is safe for concurrent use.
type Reconciler struct {
	deps    Deps
	options Options
}

// New returns a reconciler.
func New(deps Deps, options Options) *Reconciler {
	if options.RunFor == 0 {
		options.RunFor = DefaultRunFor
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Wait == nil {
		options.Wait = retry.Wait
	}
	if deps.Projects == nil {
		deps.Projects = func(context.Context) ([]Project, error) { return nil, nil }
	}
	return &Reconciler{deps: deps, options: options}
}

// jobs are those of a run, in the order of the report.
var jobs = []struct {
	name string
	do   func(*run, context.Context, *task) error
}{
	{"finish", (*run).finish},
	{"re-enable", (*run).reenable},
	{"find", (*run).find},
	{"canary", (*run).canary},
}

// A run is one run of all jobs.
type run struct {
	Deps
	Books
	options Options
	closes  time.Time // when nothing new is begun any more
}

// Run does all jobs and says what each did. It stops early when ctx ends; what it has begun to
// publish it ends.
func (r *Reconciler) Run(ctx context.Context) *Report {
	report := &Report{Jobs: make([]JobReport, len(jobs))}
	current := &run{Deps: r.deps, options: r.options, closes: r.options.Now().Add(r.options.RunFor)}
	ctx, cancel := context.WithTimeout(ctx, r.options.RunFor+endTime)
	defer cancel()
	opening, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	books, opened := r.deps.Books(opening)
	current.Books = books

	var running sync.WaitGroup
	for i, job := range jobs {
		running.Go(func() {
			t := &task{report: JobReport{Job: job.name}, observe: r.options.Observe}
			if opened != nil {
				t.fail(opened)
			} else {
				t.fail(guarded(func() error { return job.do(current, ctx, t) }))
			}
			report.Jobs[i] = t.report
		})
	}
	running.Wait()
	return report
}

// guarded turns a panic into an error, for one job's must not end the others.
func guarded(do func() error) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	return do()
}

// over reports whether nothing new is to be begun.
func (r *run) over(ctx context.Context) bool {
	return ctx.Err() != nil || !r.options.Now().Before(r.closes)
}

// publish publishes the message of a claim and settles it. Once the message is on the topic there
// is not an error: if the claim cannot be settled, unsettled says why.
func (r *run) publish(ctx context.Context, claim *ledger.Claim) (messageID string, unsettled, err error) {
	outlet := once.Outlet{Ledger: r.Ledger, Publisher: r.Publisher, Now: r.options.Now}
	by := r.options.Now().Add(publishTime)
	if messageID, err = outlet.Publish(ctx, claim, by, by.Add(settleTime)); err != nil {
		return "", nil, err
	}
	return messageID, outlet.Settle(ctx, claim, messageID, r.options.Now().Add(settleTime)), nil
}

// uncut returns a context for one item, which the end of the run does not cut off half-way.
func uncut(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), callTime+publishTime+2*settleTime)
}
