package reconciler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// The outage: the receiver is down for longer than Gemini retries, in which batches end and Gemini
// disables the webhook.
const (
	outageTime  = 25 * time.Hour
	wholeTime   = 54 * time.Hour
	runEvery    = 5 * time.Minute
	endEvery    = 95 * time.Minute // between the ends of two batches
	lastEnd     = 28 * time.Hour   // so that 25 hours later is within the whole time
	disableFrom = 30               // failures in a row
)

// TestOutage goes through 54 hours of simulated time.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		defect func(*fixture)
		fault  string // what the checks must say; empty: nothing
	}{
		"no defect":        {func(*fixture) {}, ""},
		"nothing is found": {func(f *fixture) { f.options.FindAfter = 0 }, "0 events"},
		"everything is found": {func(f *fixture) {
			f.books = func(books reconciler.Books) reconciler.Books {
				books.Documents = forgetful{books.Documents}
				return books
			}
		}, "2 events"},
		"the webhook stays disabled": {func(f *fixture) {
			f.books = func(books reconciler.Books) reconciler.Books {
				books.Documents = unreadable{books.Documents}
				return books
			}
		}, "the webhook is disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				faults := outage(t, test.defect)
				if test.fault == "" && len(faults) > 0 || !strings.Contains(strings.Join(faults, "\n"), test.fault) {
					t.Errorf("faults %q, want %q", faults, test.fault)
				}
			})
		})
	}
}

// outage returns what went wrong.
func outage(t *testing.T, defect func(*fixture)) (faults []string) {
	f := newFixture(t, func(o *standin.ServerOptions) { o.Wait, o.DisableAfter = nil, disableFrom })
	f.options.Wait = nil
	defect(f)
	begin := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	defer synctest.Wait()
	defer stop()
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("after %s: ", time.Since(begin))+fmt.Sprintf(format, args...))
	}

	ended := map[string]time.Time{}
	sawDisabled := false
	for at := time.Duration(0); at < wholeTime; at += runEvery {
		time.Sleep(time.Until(begin.Add(at)))
		f.setDown(at < outageTime)
		if at%endEvery == 0 && at <= lastEnd {
			id := fmt.Sprint("batch", len(ended))
			ended[id] = time.Now()
			f.gemini.AddBatch(standin.Batch{ID: id})
			go func() { _, _ = f.gemini.Emit(ctx, standin.EventAt("batch.succeeded", "batches/"+id, time.Now())) }()
			time.Sleep(time.Second)
		}
		sawDisabled = sawDisabled || f.state() == standin.StateDisabledDueToFailedDeliveries
		f.reconciler().Run(ctx)
		if at == outageTime && f.state() != standin.StateEnabled {
			fault("the receiver is back, and the webhook is %s", f.state())
		}
		for id, end := range ended {
			// The run above was the first, or a later one, that could find it.
			if n := len(f.topics.of(id)); time.Since(end) >= f25 && n != 1 || n > 1 {
				fault("%d events of %s, which ended at %s", n, id, end.Sub(begin))
			}
		}
	}
	if !sawDisabled {
		fault("Gemini has never disabled the webhook: the outage tests nothing")
	}
	return faults
}

// f25 is when a batch must have its event: 25 hours after its end, whatever GEMHOOK_FIND_AFTER a
// defect has.
const f25 = 25 * time.Hour

// forgetful documents know of no event.
type forgetful struct{ reconciler.Documents }

func (forgetful) ListResource(context.Context, ...string) ([]listing.Entry, error) { return nil, nil }

// unreadable documents have the check of the ledger fail.
type unreadable struct{ reconciler.Documents }

func (unreadable) Read(context.Context, ledger.Key) (*ledger.Document, ledger.Version, error) {
	return nil, ledger.Version{}, errAway
}
