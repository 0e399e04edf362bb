package reconciler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// failItem returns the detail of a job's only item that failed.
func failItem(t *testing.T, report reconciler.JobReport) string {
	t.Helper()
	if report.Failed != 1 || len(report.Items) != 1 {
		t.Fatalf("%+v, want one failure", report)
	}
	return report.Items[0].Detail
}

func TestReenable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wantCounts(f.run("re-enable"), 0, 0, 0)
	f.gemini.Disable(f.webhook)
	f.wantCounts(f.run("re-enable"), 1, 0, 0)
	if got := f.state(); got != standin.StateEnabled {
		t.Errorf("the webhook is %s", got)
	}
	if len(f.topics.of(f.webhook)) != 1 {
		t.Error("no ping has come through")
	}
}

// TestReenableWithoutListing has a ledger that can be listed only by state and resource.
func TestReenableWithoutListing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.documents.unlisted = true
	f.gemini.Disable(f.webhook)
	f.wantCounts(f.run("re-enable"), 1, 0, 0)
}

func TestReenableOnlyIfDeliveriesWouldSucceed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*fixture)
		says  string
	}{
		"the receiver is down":     {func(f *fixture) { f.setDown(true) }, "502"},
		"the topic is gone":        {func(f *fixture) { f.topics.gone[events] = true }, "no topic " + events},
		"the other topic is gone":  {func(f *fixture) { f.topics.gone[deadLetters] = true }, "no topic " + deadLetters},
		"the ledger is unreadable": {func(f *fixture) { f.documents.unreadable = true }, "ledger"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.gemini.Disable(f.webhook)
			test.spoil(f)
			for range 2 { // it does not count as a try
				if said := failItem(t, f.run("re-enable")); !strings.Contains(said, test.says) {
					t.Errorf("it says %q, not %q", said, test.says)
				}
			}
			if got := f.state(); got != standin.StateDisabledDueToFailedDeliveries {
				t.Errorf("the webhook is %s", got)
			}
		})
	}
}

// TestReenableOnceAnHour has Gemini disable the webhook again and again, because the receiver has
// the wrong secret.
func TestReenableOnceAnHour(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.loseSecret()
	tries := 0
	for begin := f.clock.Now(); f.clock.Now().Sub(begin) < 3*time.Hour; f.clock.Advance(5 * time.Minute) {
		f.gemini.Disable(f.webhook)
		got := f.run("re-enable")
		if tries += got.Failed; got.Failed+got.Skipped != 1 || got.Done != 0 {
			t.Fatalf("%+v, want a failure or none", got)
		}
		if got.Failed == 1 && !strings.Contains(got.Items[0].Detail, "signing secret") {
			t.Errorf("it says %q, not what to look for", got.Items[0].Detail)
		}
	}
	if tries != 3 {
		t.Errorf("%d tries in three hours, want 3", tries)
	}
}

func TestReenableLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other, err := f.api.Create(t.Context(), geminiapi.Webhook{URI: "https://other.example.com/", SubscribedEvents: geminiapi.EventTypes()})
	if err != nil {
		t.Fatal(err)
	}
	f.gemini.Disable(other.ID)
	if _, err := f.api.Update(t.Context(), f.webhook, geminiapi.Webhook{State: geminiapi.StateDisabled}, "state"); err != nil {
		t.Fatal(err)
	}
	f.wantCounts(f.run("re-enable"), 0, 1, 0)
	if got := f.state(); got != standin.StateDisabled {
		t.Errorf("a webhook that a person has disabled is %s", got)
	}
	if w, err := f.api.Get(t.Context(), other.ID); err != nil || w.State != geminiapi.StateDisabledDueToFailedDeliveries {
		t.Errorf("another URL's webhook is %+v, %v", w, err)
	}
}

func TestReenableTwoAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.gemini.Disable(f.webhook)
	results := make(chan reconciler.JobReport, 2)
	for range 2 {
		go func() { results <- f.reconciler().Run(t.Context()).Jobs[1] }()
	}
	first, second := <-results, <-results
	if first.Done+second.Done != 1 || first.Failed+second.Failed != 0 {
		t.Errorf("%+v and %+v, want one to enable", first, second)
	}
	f.gemini.WaitForPings()
}

func TestCanary(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Advance(time.Hour)
	f.wantCounts(f.run("canary"), 0, 0, 0) // it is off
	f.options.Canary = true
	f.wantCounts(f.run("canary"), 1, 0, 0)
	f.clock.Advance(23 * time.Hour)
	f.wantCounts(f.run("canary"), 0, 0, 0)
	f.loseSecret()
	f.clock.Advance(time.Hour)
	if said := failItem(t, f.run("canary")); !strings.Contains(said, "no ping") {
		t.Errorf("it says %q", said)
	}
	f.wantCounts(f.run("canary"), 0, 0, 0) // once a day
}
