package inspect_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/inspect"
)

func TestWatchYieldsEveryChange(t *testing.T) {
	t.Parallel()
	log := inspect.NewLog(nil)
	first := log.Add(inspect.Record{WebhookID: "msg_1"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	var saw []string
	for r := range log.Watch(ctx, 0) {
		saw = append(saw, r.ID+" "+r.Outcome)
		switch len(saw) {
		case 1:
			if n := log.Update(inspect.ByID(first), func(r *inspect.Record) { r.Outcome = "published" }); n != 1 {
				t.Fatalf("%d records changed, want 1", n)
			}
		case 2:
			log.Add(inspect.Record{WebhookID: "msg_2"})
		case 3:
			cancel()
		}
	}
	if diff := cmp.Diff([]string{"1 ", "1 published", "2 "}, saw); diff != "" {
		t.Errorf("ids and outcomes (-want +got):\n%s", diff)
	}
}

func TestReturnedRecordsDoNotChange(t *testing.T) {
	t.Parallel()
	log := inspect.NewLog(nil)
	id := log.Add(inspect.Record{Timings: []inspect.Timing{{Step: "verify"}}})
	before := log.Get(id)
	log.Update(inspect.ByID(id), func(r *inspect.Record) { r.Timings = append(r.Timings, inspect.Timing{Step: "claim"}) })
	if len(before.Timings) != 1 || len(log.Get(id).Timings) != 2 {
		t.Errorf("%d timings before the change and %d after it, want 1 and 2", len(before.Timings), len(log.Get(id).Timings))
	}
}

func TestTheOldestAreForgotten(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]*inspect.Limits{
		"by number": {Records: 3},
		"by bytes":  {Bytes: 3*(1000+2000) + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := inspect.NewLog(limits)
			var wait sync.WaitGroup
			for range 20 {
				wait.Go(func() { log.Add(inspect.Record{Request: &inspect.Request{Body: make([]byte, 1000)}}) })
			}
			wait.Wait()
			if n := len(log.List()); n != 3 {
				t.Errorf("%d records, want 3", n)
			}
			if log.Get("1") != nil || log.Get("20") == nil {
				t.Error("the oldest record is still there, or the newest is not")
			}
		})
	}
}
