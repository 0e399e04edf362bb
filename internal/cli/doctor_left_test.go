package cli_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// TestDoctorSaysWhatReconcileWouldDo leaves something for each job of reconcile.
func TestDoctorSaysWhatReconcileWouldDo(t *testing.T) {
	t.Parallel()
	const long = 72 * time.Hour // longer than Gemini retries, and than events are waited for
	type left struct{ Finish, Reenable, Find string }
	for name, test := range map[string]struct {
		spoil   func(f *fixture, id string)
		healthy bool
		want    left // the outcomes
	}{
		"nothing":                  {func(*fixture, string) {}, true, left{"passed", "passed", "passed"}},
		"a delivery that is late":  {func(f *fixture, _ string) { f.leave("msg_1", ledger.Claimed, time.Hour) }, true, left{"warned", "passed", "passed"}},
		"a delivery that is stuck": {func(f *fixture, _ string) { f.leave("msg_1", ledger.Released, long) }, false, left{"failed", "passed", "passed"}},
		"a batch without its event": {func(f *fixture, _ string) {
			f.gemini.AddBatch(standin.Batch{ID: "b1", EndTime: time.Now().Add(-long)})
		}, true, left{"passed", "passed", "warned"}},
		"Gemini has disabled it":    {func(f *fixture, id string) { f.gemini.Disable(id) }, false, left{"passed", "warned", "passed"}},
		"a person has disabled it":  {func(f *fixture, id string) { f.disable(id) }, false, left{"passed", "passed", "passed"}},
		"reconcile lacks a setting": {func(f *fixture, _ string) { delete(f.env, "GEMHOOK_DEAD_LETTER_TOPIC") }, true, left{"skipped", "skipped", "skipped"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := &clock{}
			at.ahead.Store(int64(-2 * long))
			f := newTimedFixture(t, at.now, nil)
			f.now = nil
			id := f.register()
			at.ahead.Store(0)
			test.spoil(f, id)
			var found diagnosis
			f.run("doctor", "-o", "json").json(&found)
			outcomes := map[string]string{}
			for _, check := range found.Checks {
				outcomes[check.Name] = check.Outcome
				if (check.Outcome == "warned" || check.Outcome == "failed") && check.Advice == "" {
					t.Errorf("there is no advice on %s: %s", check.Name, check.Detail)
				}
			}
			got := left{outcomes["left to finish"], outcomes["left to re-enable"], outcomes["left to find"]}
			if diff := cmp.Diff(test.want, got); diff != "" || found.Healthy != test.healthy {
				t.Errorf("healthy %t, outcomes (-want +got):\n%s\n%+v", found.Healthy, diff, found.Checks)
			}
		})
	}
}
