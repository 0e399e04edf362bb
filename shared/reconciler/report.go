package reconciler

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// An Outcome is what has become of an item.
type Outcome string

// The outcomes.
const (
	Planned Outcome = "planned" // a dry run would have done it
	Done    Outcome = "done"
	Skipped Outcome = "skipped" // somebody else does it, or has done it, or it must not be done now
	Failed  Outcome = "failed"
)

// An Item is one thing that a job does.
type Item struct {
	Job     string    `json:"job"`
	Subject string    `json:"subject"` // a ledger's key, a webhook's id, a batch's name
	Action  string    `json:"action"`
	Since   time.Time `json:"since,omitzero"` // when the delivery was received, or the batch ended
	Outcome Outcome   `json:"outcome"`
	Detail  string    `json:"detail,omitempty"`
}

// A Report is what a run did.
type Report struct {
	Jobs []JobReport `json:"jobs"`
}

// A JobReport is what one job did.
type JobReport struct {
	Job     string `json:"job"`
	Looked  int    `json:"looked_at"` // documents, webhooks or batches
	Planned int    `json:"planned,omitempty"`
	Done    int    `json:"done"`
	Skipped int    `json:"skipped"`
	Failed  int    `json:"failed"`
	More    bool   `json:"more"`            // its time was over: the next run goes on
	Items   []Item `json:"items,omitempty"` // the first that were done or failed
	Error   string `json:"error,omitempty"` // what stopped the job, or a part of it
	Err     error  `json:"-"`               // the same, for callers in this process
}

// maxItems is how many items a report has of a job: finish can have thousands.
const maxItems = 10

// Failed reports whether something of the run went wrong.
func (r *Report) Failed() bool {
	for _, job := range r.Jobs {
		if job.Failed > 0 || job.Error != "" {
			return true
		}
	}
	return false
}

// Changed reports whether the run has put something right. A canary only looks.
func (r *Report) Changed() bool {
	for _, job := range r.Jobs {
		if job.Done > 0 && job.Job != "canary" {
			return true
		}
	}
	return false
}

// A task gathers the report of one job. It is safe for concurrent use.
type task struct {
	observe func(Item)

	mu     sync.Mutex
	report JobReport
	pages  int
}

// mayList counts a page and reports whether it may be listed, of at most a number; 0 is no limit.
func (t *task) mayList(limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pages++
	return limit == 0 || t.pages <= limit
}

func (t *task) looked(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Looked += n
}

func (t *task) stopped() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.More = true
}

// fail records an error that is not of one item; nil is none.
func (t *task) fail(err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Error, t.report.Err = err.Error(), err
}

// item records the outcome of an item.
func (t *task) item(item Item, outcome Outcome, detail string) {
	t.mu.Lock()
	item.Job, item.Outcome, item.Detail = t.report.Job, outcome, detail
	switch outcome {
	case Planned:
		t.report.Planned++
	case Done:
		t.report.Done++
	case Skipped:
		t.report.Skipped++
	case Failed:
		t.report.Failed++
	}
	if (outcome == Done || outcome == Failed) && len(t.report.Items) < maxItems {
		t.report.Items = append(t.report.Items, item)
	}
	t.mu.Unlock()
	if t.observe != nil {
		t.observe(item)
	}
}

// log writes the one line of a run: an error if something failed, a warning if something had to be
// put right. Alerts watch both.
func (r *Report) log(ctx context.Context, log *slog.Logger, attrs ...slog.Attr) {
	level, outcome := slog.LevelInfo, "nothing to do"
	switch {
	case r.Failed():
		level, outcome = slog.LevelError, "failed"
	case r.Changed():
		level, outcome = slog.LevelWarn, "put right"
	}
	attrs = append([]slog.Attr{slog.String("outcome", outcome)}, attrs...)
	for _, job := range r.Jobs {
		attrs = append(attrs, slog.Any(job.Job, job))
	}
	log.LogAttrs(ctx, level, "reconciliation", attrs...)
}
