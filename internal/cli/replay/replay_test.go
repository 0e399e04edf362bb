package replay_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/replay"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
	"github.com/gemhook/gemhook/shared/topic"
)

// A publisher is a topic whose answers a test chooses.
type publisher struct {
	publish func(nth int) error

	mu        sync.Mutex
	published int
	deadline  time.Time // of the last publish
}

func (p *publisher) Publish(ctx context.Context, _ string, _ []byte, attributes map[string]string) (string, error) {
	p.mu.Lock()
	p.published++
	nth := p.published
	p.deadline, _ = ctx.Deadline()
	p.mu.Unlock()
	if attributes[ledger.RedeliveredAttribute] != "true" {
		return "", errors.New("the message is not marked")
	}
	return fmt.Sprint(nth), cmp.Or(p.publish(nth), ctx.Err()) // a publish that is interrupted fails
}

// newFixture returns a ledger with n deliveries in a state, and what a replay of them needs.
func newFixture(t *testing.T, n int, state ledger.State) (replay.Deps, *publisher, *firestoreledger.Store, []*replay.Item) {
	t.Helper()
	testkit.FirestoreHost(t)
	client, err := firestore.NewClient(t.Context(), fmt.Sprintf("replay-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	store := firestoreledger.New(client, "deliveries")
	var items []*replay.Item
	for i := range n {
		id := fmt.Sprint("msg_", i)
		document := &ledger.Document{State: state, WebhookID: id, Topic: "events", ReceivedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
		if _, err := store.Create(t.Context(), ledger.StaticKey(id), document); err != nil {
			t.Fatal(err)
		}
		items = append(items, replay.FromLedger(&deliveries.Delivery{Key: ledger.StaticKey(id), Document: *document}, ""))
	}
	p := &publisher{publish: func(int) error { return nil }}
	clock := &replay.Clock{Local: time.Now}
	return replay.Deps{
		Publisher: p, Reader: deliveries.NewReader(client, "deliveries"),
		Ledger:  ledger.New(store, ledger.Options{Lease: time.Minute, Retention: time.Hour, Now: clock.Now}),
		Timeout: 10 * time.Second, Clock: clock, Done: func() {},
	}, p, store, items
}

func outcomes(items []*replay.Item) map[replay.Outcome]int {
	counts := map[replay.Outcome]int{}
	for _, item := range items {
		counts[item.Outcome]++
	}
	return counts
}

// atOnce is how many events are under way at the same time.
const atOnce = 8

// together returns a function that blocks its callers until enough have called it.
func together(n int) func() {
	var all sync.WaitGroup
	all.Add(n)
	return func() {
		all.Done()
		all.Wait()
	}
}

func TestBeginsNothingAfterAFailure(t *testing.T) {
	t.Parallel()
	deps, p, _, items := newFixture(t, 3*atOnce, ledger.Published)
	down := errors.New("down")
	meet := together(atOnce)
	p.publish = func(nth int) error {
		if nth <= atOnce {
			meet()
		}
		return down
	}
	done := 0
	deps.Done = func() { p.mu.Lock(); done++; p.mu.Unlock() }
	err := replay.Run(t.Context(), deps, items)
	want := map[replay.Outcome]int{replay.Failed: atOnce, replay.Planned: 2 * atOnce}
	if got := outcomes(items); !errors.Is(err, down) || !maps.Equal(got, want) || p.published != atOnce || done != atOnce {
		t.Errorf("%v after %d, of which %d are done: %v, want %v", err, p.published, done, got, want)
	}
}

func TestBeginsNothingAfterAnInterruptAndEndsWhatItBegan(t *testing.T) {
	t.Parallel()
	deps, p, _, items := newFixture(t, 3*atOnce, ledger.Published)
	interrupt := errors.New("interrupt")
	ctx, stop := context.WithCancelCause(t.Context())
	meet := together(atOnce)
	p.publish = func(int) error {
		meet()
		stop(interrupt)
		return nil
	}
	err := replay.Run(ctx, deps, items)
	want := map[replay.Outcome]int{replay.Published: atOnce, replay.Planned: 2 * atOnce}
	if got := outcomes(items); !errors.Is(err, interrupt) || !maps.Equal(got, want) {
		t.Errorf("%v after %d: %v, want %v", err, p.published, got, want)
	}
}

// The next claimant publishes after the lease, so a replay's publish ends as long before that as a
// receiver's.
func TestAPublishEndsBeforeItsLease(t *testing.T) {
	t.Parallel()
	deps, p, store, items := newFixture(t, 1, ledger.Released)
	deps.Timeout = time.Hour
	if err := replay.Run(t.Context(), deps, items); err != nil {
		t.Fatal(err)
	}
	document, _, err := store.Read(t.Context(), ledger.StaticKey("msg_0"))
	if err != nil {
		t.Fatal(err)
	}
	// The server's time is known to within the duration of a read.
	const margin = ledger.MaxClockSkew + ledger.MaxTransit - time.Second
	if left := document.LeaseExpiresAt.Sub(p.deadline); p.deadline.IsZero() || left < margin {
		t.Errorf("the publish may go on until %s before the lease ends, want %s", left, margin)
	}
}

// A publish is bounded where there is no lease, too.
func TestACopyIsBounded(t *testing.T) {
	t.Parallel()
	deps, p, _, items := newFixture(t, 1, ledger.Published)
	deps.Timeout = time.Minute
	begun := time.Now()
	if err := replay.Run(t.Context(), deps, items); err != nil || p.deadline.Before(begun) || p.deadline.After(time.Now().Add(time.Minute)) {
		t.Errorf("the publish may go on until %s: %v", p.deadline, err)
	}
}

// A replayed dead letter stays one in the ledger.
func TestADeadLetterIsSettledAsOne(t *testing.T) {
	t.Parallel()
	for eventType, want := range map[string]ledger.State{ledger.DeadLetterType: ledger.DeadLettered, "batch.failed": ledger.Published} {
		t.Run(eventType, func(t *testing.T) {
			deps, _, store, items := newFixture(t, 1, ledger.Released)
			key := ledger.StaticKey("msg_0")
			document, version, err := store.Read(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			document.Attributes = map[string]string{"ce-type": eventType}
			if _, err := store.Replace(t.Context(), key, version, document); err != nil {
				t.Fatal(err)
			}
			if err := replay.Run(t.Context(), deps, items); err != nil {
				t.Fatal(err)
			}
			if document, _, err = store.Read(t.Context(), key); err != nil || document.State != want || document.MessageID != items[0].MessageID {
				t.Errorf("a replay of %s is %+v, %v; want it %s", eventType, document, err, want)
			}
		})
	}
}

// A claim is released only after a publish that has surely published nothing.
func TestReleasesWhatWasSurelyNotPublished(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error // of the publish
		want ledger.State
	}{
		"refused":         {fmt.Errorf("refused: %w", topic.ErrNotPublished), ledger.Released},
		"the answer lost": {errors.New("the answer was lost"), ledger.Claimed},
		"published":       {nil, ledger.Published},
	} {
		t.Run(name, func(t *testing.T) {
			deps, p, store, items := newFixture(t, 1, ledger.Released)
			p.publish = func(int) error { return test.err }
			if err := replay.Run(t.Context(), deps, items); !errors.Is(err, test.err) {
				t.Errorf("Run: %v, want %v", err, test.err)
			}
			document, _, err := store.Read(t.Context(), ledger.StaticKey("msg_0"))
			if err != nil || document.State != test.want {
				t.Errorf("the ledger has %+v, %v; want it %s", document, err, test.want)
			}
			// The next publish must mark it: the replay may have been seen.
			if document.Attributes[ledger.RedeliveredAttribute] != "true" {
				t.Error("the mark is lost")
			}
		})
	}
}

// A delivery that is no longer in the ledger is skipped, and the others are published.
func TestSkipsWhatIsGone(t *testing.T) {
	t.Parallel()
	deps, p, _, items := newFixture(t, 1, ledger.Published)
	items = append(items, &replay.Item{Key: "static!gone", Outcome: replay.Planned})
	if err := replay.Run(t.Context(), deps, items); err != nil || p.published != 1 || items[1].Outcome != replay.Skipped {
		t.Errorf("%v: %+v", err, items[1])
	}
}

// The operator's clock is fast: a claim that an instance holds is not taken over.
func TestLeavesALiveClaimAloneWhateverTheLocalClock(t *testing.T) {
	t.Parallel()
	deps, p, store, items := newFixture(t, 1, ledger.Released)
	document, version, err := store.Read(t.Context(), ledger.StaticKey("msg_0"))
	if err != nil {
		t.Fatal(err)
	}
	document.State, document.LeaseExpiresAt = ledger.Claimed, time.Now().Add(time.Minute)
	if _, err := store.Replace(t.Context(), ledger.StaticKey("msg_0"), version, document); err != nil {
		t.Fatal(err)
	}
	deps.Clock.Local = func() time.Time { return time.Now().Add(90 * time.Second) }
	if err := replay.Run(t.Context(), deps, items); err != nil || items[0].Outcome != replay.Skipped || p.published != 0 {
		t.Errorf("%v: %+v", err, items[0])
	}
}

// An instance claims the delivery, or settles it, between the replay's look and its claim.
func TestGivesWayToAnInstanceThatIsFaster(t *testing.T) {
	t.Parallel()
	for state, why := range map[ledger.State]string{ledger.Claimed: "another claimant", ledger.Published: "published meanwhile"} {
		t.Run(string(state), func(t *testing.T) {
			deps, p, store, items := newFixture(t, 1, ledger.Released)
			var faster sync.Once
			deps.Clock.Local = func() time.Time { // asked between the two
				faster.Do(func() {
					document, version, err := store.Read(t.Context(), ledger.StaticKey("msg_0"))
					if err != nil {
						t.Fatal(err)
					}
					document.State, document.LeaseExpiresAt = state, time.Now().Add(time.Minute)
					if _, err := store.Replace(t.Context(), ledger.StaticKey("msg_0"), version, document); err != nil {
						t.Fatal(err)
					}
				})
				return time.Now()
			}
			err := replay.Run(t.Context(), deps, items)
			if err != nil || items[0].Outcome != replay.Skipped || !strings.Contains(items[0].Error, why) || p.published != 0 {
				t.Errorf("%s: %v: %+v", state, err, items[0])
			}
		})
	}
}

// A delivery that was settled after the plan was made is skipped.
func TestSkipsWhatWasPublishedSinceThePlan(t *testing.T) {
	t.Parallel()
	deps, p, _, items := newFixture(t, 1, ledger.Published)
	items[0].State = string(ledger.Released)
	if err := replay.Run(t.Context(), deps, items); err != nil || items[0].Outcome != replay.Skipped || p.published != 0 {
		t.Errorf("%v: %+v", err, items[0])
	}
}

// Gemini's retry of a delivery that was only copied elsewhere must still reach its own topic.
func TestACopyToAnotherTopicSettlesNothing(t *testing.T) {
	t.Parallel()
	deps, p, store, items := newFixture(t, 1, ledger.Released)
	items[0].Topic = "other"
	if err := replay.Run(t.Context(), deps, items); err != nil || items[0].Outcome != replay.Published || p.published != 1 {
		t.Errorf("%v: %+v", err, items[0])
	}
	if document, _, err := store.Read(t.Context(), ledger.StaticKey("msg_0")); err != nil || document.State != ledger.Released {
		t.Errorf("the ledger has %+v, %v", document, err)
	}
}
