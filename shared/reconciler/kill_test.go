package reconciler_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/reconciler"
)

var kills = flag.Int("kills", 10, "how many runs are killed in each test of kills; 50 is the long form")

// left is how many deliveries are left in each way.
const left = 500

// A killer ends the goroutine that makes a call, before or after its effect, from a certain call
// on: so a process ends.
type killer struct{ calls atomic.Int64 }

func (k *killer) step() {
	if k.calls.Add(-1) < 0 {
		runtime.Goexit()
	}
}

// killed documents and topics are those of a process that is killed.
type killed struct {
	*documents
	topics *topics
	killer *killer
}

func (m killed) ListState(ctx context.Context, state ledger.State, after ledger.Key, limit int) ([]listing.Entry, error) {
	m.killer.step()
	return m.documents.ListState(ctx, state, after, limit)
}

func (m killed) Replace(ctx context.Context, key ledger.Key, version ledger.Version, document *ledger.Document) (ledger.Version, error) {
	m.killer.step()
	defer m.killer.step()
	return m.documents.Replace(ctx, key, version, document)
}

func (m killed) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	m.killer.step()
	defer m.killer.step()
	return m.documents.Finish(ctx, key, version, outcome)
}

func (m killed) publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	m.killer.step()
	defer m.killer.step()
	return m.topics.Publish(ctx, topicID, data, attributes)
}

// killedTopics publish as a process that is killed.
type killedTopics struct {
	*topics
	publish func(context.Context, string, []byte, map[string]string) (string, error)
}

func (m killedTopics) Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	return m.publish(ctx, topicID, data, attributes)
}

// A defect is something that a run does wrong. The zero defect is none.
type defect struct {
	store    func(ledger.Store) ledger.Store
	unmarked bool
}

// runKilled does a run that is killed after a number of steps.
func (f *fixture) runKilled(steps int64, wrong defect) {
	m := killed{f.documents, f.topics, &killer{}}
	m.killer.calls.Store(steps)
	store := ledger.Store(m)
	if wrong.store != nil {
		store = wrong.store(m)
	}
	books := ledger.New(store, ledger.Options{Lease: lease, Retention: retention, Now: f.clock.Now})
	publish := m.publish
	if wrong.unmarked {
		publish = func(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
			return m.publish(ctx, topicID, data, map[string]string{"ce-id": attributes["ce-id"]})
		}
	}
	reconciler.New(reconciler.Deps{
		Books: func(context.Context) (reconciler.Books, error) {
			return reconciler.Books{Ledger: books, Documents: m, Notes: f.notes}, nil
		},
		Publisher: killedTopics{f.topics, publish}, HTTP: f.client, Log: slog.New(slog.DiscardHandler),
	}, f.options).Run(f.Context())
}

// leave leaves deliveries as receivers do that are killed: half of them before they published, half
// after.
func (f *fixture) leave() {
	for i := range left {
		f.claim(fmt.Sprint("claimed-", i))
		claim := f.claim(fmt.Sprint("published-", i))
		if _, err := f.topics.Publish(f.Context(), claim.Topic, claim.Payload, claim.Attributes); err != nil {
			f.Fatal(err)
		}
	}
	f.clock.Advance(2 * lease)
}

// broken names the promises that the topic and the ledger break.
func (f *fixture) broken() (faults []string) {
	for i := range left {
		for _, id := range []string{fmt.Sprint("claimed-", i), fmt.Sprint("published-", i)} {
			document, _, err := f.documents.Read(f.Context(), ledger.StaticKey(id))
			if err != nil || document.State != ledger.Published {
				faults = append(faults, id+" is not settled")
			}
			messages := f.topics.of(id)
			if len(messages) == 0 {
				faults = append(faults, id+" is lost")
			}
			for nth, message := range messages {
				if nth > 0 && !message.marked() {
					faults = append(faults, id+" has an unmarked copy")
				}
			}
		}
	}
	return faults
}

// TestFinishAfterKills wants one run to finish whatever killed receivers have left.
func TestFinishAfterKills(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.leave()
	f.wantCounts(f.run("finish"), 2*left, 0, 0)
	if faults := f.broken(); len(faults) > 0 {
		t.Errorf("%d faults, such as %s", len(faults), faults[0])
	}
	if n := len(f.topics.messages); n != 3*left {
		t.Errorf("%d messages, want %d: a copy of each that had been published", n, 3*left)
	}
}

// TestKilledRuns kills runs at random, two at a time, while Gemini's retries come in.
func TestKilledRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		defect
		fault string
	}{
		"no defect":             {},
		"the mark is forgotten": {defect{unmarked: true}, "unmarked copy"},
		"settled before it is published": {defect{store: func(s ledger.Store) ledger.Store {
			return hasty{s}
		}}, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.leave()
			random := rand.New(rand.NewPCG(1, 2))
			for range *kills / 2 {
				var working sync.WaitGroup
				for range 2 {
					steps := random.Int64N(600)
					working.Go(func() { f.runKilled(steps, test.defect) })
				}
				first := random.IntN(2 * left)
				working.Go(func() { f.retries(first, 20) })
				working.Wait()
				f.clock.Advance(2 * lease)
			}
			f.run("finish")
			faults := strings.Join(f.broken(), "\n")
			if test.fault == "" && faults != "" || !strings.Contains(faults, test.fault) {
				t.Errorf("faults %.200q, want %q", faults, test.fault)
			}
		})
	}
}

// hasty settles what it takes over.
type hasty struct{ ledger.Store }

func (h hasty) Replace(ctx context.Context, key ledger.Key, version ledger.Version, document *ledger.Document) (ledger.Version, error) {
	document.State = ledger.Published
	return h.Store.Replace(ctx, key, version, document)
}

// retries deliver again, as Gemini does, some of what was left.
func (f *fixture) retries(first, count int) {
	secrets := f.gemini.Secrets(f.webhook)
	for i := first; i < first+count; i++ {
		id := fmt.Sprint([]string{"claimed-", "published-"}[i%2], i/2%left)
		signed, err := (&standin.Keys{}).SignV1(standin.Delivery{ID: id, Time: f.clock.Now(), Body: standin.EventAt("batch.succeeded", id, f.clock.Now())}, secrets...)
		if err != nil {
			f.Error(err)
			return
		}
		request := httptest.NewRequest("POST", "/", bytes.NewReader(signed.Body))
		request.Header = signed.Header
		f.receiver.ServeHTTP(httptest.NewRecorder(), request)
	}
}
