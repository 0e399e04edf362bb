package reconciler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/pushauth"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// TestJobsAreIndependent breaks one thing at a time and wants the jobs that do not need it to do
// theirs.
func TestJobsAreIndependent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil  func(*fixture)
		failed string
	}{
		"nothing":             {func(*fixture) {}, ""},
		"Gemini is away":      {func(f *fixture) { f.gemini.FailAPI(http.StatusServiceUnavailable) }, "re-enable find"},
		"the receiver's down": {func(f *fixture) { f.setDown(true) }, "re-enable"},
		"a job panics": {func(f *fixture) {
			f.books = func(books reconciler.Books) reconciler.Books {
				books.Ledger = nil // finish and find claim
				return books
			}
		}, "finish find"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.clock.Advance(200 * time.Hour)
			f.claim("left")
			f.clock.Advance(2 * lease)
			f.addBatch("abc", 26*time.Hour, nil)
			f.gemini.Disable(f.webhook)
			test.spoil(f)
			report := f.reconciler().Run(t.Context())
			f.gemini.WaitForPings()
			var failed []string
			for _, job := range report.Jobs {
				if job.Failed > 0 || job.Error != "" {
					failed = append(failed, job.Job)
				} else if job.Job != "canary" && job.Done != 1 {
					t.Errorf("%+v, want one done", job)
				}
			}
			if got := strings.Join(failed, " "); got != test.failed {
				t.Errorf("failed: %q, want %q: %+v", got, test.failed, report)
			}
		})
	}
}

// TestDryRun wants a dry run to say, item by item, what the run then does, and to change nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Advance(200 * time.Hour)
	for i := range 5 {
		f.claim(fmt.Sprint("left-", i))
		f.release(f.claim(fmt.Sprint("released-", i)))
		f.addBatch(fmt.Sprint("b", i), 26*time.Hour, nil)
	}
	f.clock.Advance(2 * lease)
	f.gemini.Disable(f.webhook)
	f.options.Canary = true
	var mu sync.Mutex
	var seen map[reconciler.Item]bool
	f.options.Observe = func(item reconciler.Item) {
		mu.Lock()
		defer mu.Unlock()
		if item.Outcome == reconciler.Planned || item.Outcome == reconciler.Done {
			seen[reconciler.Item{Job: item.Job, Subject: item.Subject, Action: item.Action}] = true
		}
	}
	dry := func(is bool) map[reconciler.Item]bool {
		seen = map[reconciler.Item]bool{}
		f.options.DryRun = is
		f.reconciler().Run(t.Context())
		f.gemini.WaitForPings()
		return seen
	}
	planned := dry(true)
	if again := dry(true); len(planned) != 16 || cmp.Diff(planned, again) != "" {
		t.Errorf("%d items planned, want 16; a second dry run differs: %s", len(planned), cmp.Diff(planned, again))
	}
	if len(f.topics.messages) != 0 || f.state() != "disabled_due_to_failed_deliveries" {
		t.Error("the dry run has done something")
	}
	for _, name := range []string{"finish", "find", "enable-" + f.webhook, "canary-" + f.webhook} {
		if _, version, _ := f.notes.Read(t.Context(), name); !version.IsZero() {
			t.Errorf("the dry run has written the note %s", name)
		}
	}
	if diff := cmp.Diff(planned, dry(false)); diff != "" {
		t.Errorf("planned and done differ:\n%s", diff)
	}
}

// TestMaxPages has more pages to list than a run may, of deliveries and of batches.
func TestMaxPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Advance(200 * time.Hour)
	for i := range 700 {
		f.claim(fmt.Sprintf("msg_%03d", i))
	}
	for i := range 20 {
		f.addBatch(fmt.Sprint("b", i), 26*time.Hour, nil)
	}
	f.clock.Advance(2 * lease)
	f.options.DryRun, f.options.MaxPages = true, 2
	// Pages are of 300 deliveries, the first that of released ones, and of 3 batches.
	for job, want := range map[string]int{"finish": 300, "find": 6} {
		if got := f.run(job); got.Looked != want || !got.More {
			t.Errorf("%+v, want it to look at %d, and more to be left", got, want)
		}
	}
}

type checker struct{ err error }

func (c checker) Verify(context.Context, http.Header) error { return c.err }

func TestHTTP(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, path string
		token        error
		spoil        bool
		status       int
		says, logs   string
	}{
		"a run":           {method: "POST", path: "/", status: 200, says: `"job":"finish"`, logs: `"outcome":"nothing to do"`},
		"a run that fail": {method: "POST", path: "/", spoil: true, status: 503, says: `"error":"list webhooks`, logs: `"level":"ERROR"`},
		"no token":        {method: "POST", path: "/", token: pushauth.ErrNoToken, status: 401, says: "no_token", logs: `"level":"WARN"`},
		"another's token": {method: "POST", path: "/", token: pushauth.ErrForbidden, status: 403, says: "forbidden", logs: `"level":"WARN"`},
		"no certificates": {method: "POST", path: "/", token: pushauth.ErrKeysUnavailable, status: 503, says: "keys_unavailable", logs: `"level":"WARN"`},
		"who is there":    {method: "GET", path: "/", status: 200, says: `{"service":"gemhook","version":"1.2.3"}`},
		"another path":    {method: "POST", path: "/x", status: 404, says: "not_found"},
		"another method":  {method: "PUT", path: "/", status: 405, says: "method_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.checker = checker{test.token}
			if test.spoil {
				f.gemini.FailAPI(http.StatusForbidden)
			}
			recorder := httptest.NewRecorder()
			f.reconciler().ServeHTTP(recorder, httptest.NewRequest(test.method, test.path, nil))
			if recorder.Code != test.status || !strings.Contains(recorder.Body.String(), test.says) {
				t.Errorf("%d %s, want %d %s", recorder.Code, recorder.Body, test.status, test.says)
			}
			if lines := strings.Count(f.log.String(), "\n"); !strings.Contains(f.log.String(), test.logs) || lines > 1 || test.logs == "" && lines > 0 {
				t.Errorf("log %q, want one line with %q", f.log, test.logs)
			}
		})
	}
}

// TestInvoke is about the call of a platform that needs no HTTP.
func TestInvoke(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if report, err := f.reconciler().Invoke(t.Context(), json.RawMessage(`{"anything":1}`)); err != nil || len(report.Jobs) != 4 {
		t.Errorf("%+v, %v", report, err)
	}
	f.claim("left")
	f.clock.Advance(2 * lease)
	if report, err := f.reconciler().Invoke(t.Context(), nil); err != nil || !report.Changed() || !strings.Contains(f.log.String(), `"level":"WARN"`) {
		t.Errorf("%+v, %v, log %s", report, err, f.log)
	}
	f.gemini.FailAPI(http.StatusForbidden)
	if _, err := f.reconciler().Invoke(t.Context(), nil); err != reconciler.ErrFailed {
		t.Errorf("error %v, want ErrFailed", err)
	}
}
