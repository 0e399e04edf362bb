package reconciler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/reconciler"
)

func TestFinish(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.claim("abandoned")
	f.release(f.claim("released"))
	settled := f.claim("settled")
	if err := f.ledger().Settle(t.Context(), settled, "m-0"); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(2 * lease)
	f.claim("alive")
	f.wantCounts(f.run("finish"), 2, 0, 0)
	for id, marked := range map[string]bool{"abandoned": true, "released": false} {
		f.wantState(id, ledger.Published)
		got := f.topics.of(id)
		if len(got) != 1 || got[0].marked() != marked || got[0].data != id || got[0].topic != events {
			t.Errorf("messages of %s: %+v, want one, marked: %t", id, got, marked)
		}
	}
	f.wantState("alive", ledger.Claimed)
	f.wantCounts(f.run("finish"), 0, 0, 0)
	if n := len(f.topics.messages); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

// TestFinishLeavesRetriesTheirTurn wants a claim to be left alone until its lease has been over for
// as long as it was.
func TestFinishLeavesRetriesTheirTurn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.claim("msg_1")
	f.clock.Advance(2*lease - 5*time.Second)
	f.wantCounts(f.run("finish"), 0, 0, 0)
	f.clock.Advance(5 * time.Second)
	f.wantCounts(f.run("finish"), 1, 0, 0)
}

// TestFinishGoesRound has a topic refuse: the others' deliveries are finished all the same, and the
// refused ones are when the topic is back.
func TestFinishGoesRound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.topics.refuse["results"] = true
	for i := range 20 {
		id := fmt.Sprintf("msg_%02d", i)
		message := ledger.Message{Key: ledger.StaticKey(id), Topic: events, Attributes: map[string]string{"ce-id": id}}
		if i < 15 {
			message.Topic = "results"
		}
		if _, err := f.ledger().Claim(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	f.clock.Advance(2 * lease)
	got := f.run("finish")
	if got.Done != 5 || got.Failed < 3 || got.Failed+got.Skipped != 15 {
		t.Errorf("%+v, want the 5 of the topic that takes them done", got)
	}
	f.topics.refuse["results"] = false
	f.clock.Advance(2 * lease)
	f.wantCounts(f.run("finish"), 15, 0, 0)
}

// TestFinishIsBounded has 1,000 deliveries to finish, at 10 a second, in runs of 20 seconds.
func TestFinishIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 1000 {
		f.claim(fmt.Sprintf("msg_%d", i))
	}
	f.clock.Advance(2 * lease)
	f.options.FinishRate, f.options.RunFor = 10, 20*time.Second
	f.options.Wait = func(_ context.Context, d time.Duration) error { f.clock.Advance(d); return nil }
	done := 0
	for range 3 {
		begin := f.clock.Now()
		got := f.run("finish")
		if took := f.clock.Now().Sub(begin); !got.More || got.Done < 100 || got.Done > 201+int(took.Seconds()) {
			t.Errorf("%d done in %s, more: %t, want 200 in 20 seconds, and more", got.Done, took, got.More)
		}
		done += got.Done
	}
	if n := len(f.topics.messages); n != done {
		t.Errorf("%d messages of %d deliveries", n, done)
	}
}

// TestFinishGoesOn has deliveries that cannot be finished fill more than a page: the runs get past
// them.
func TestFinishGoesOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 700 {
		f.claim(fmt.Sprintf("msg_%03d", i))
	}
	f.topics.refuse[events] = true
	f.clock.Advance(2 * lease)
	first := f.run("finish")
	if first.Looked != 700 || first.Done != 0 {
		t.Errorf("%+v, want all looked at and none done", first)
	}
	f.topics.refuse[events] = false
	f.clock.Advance(2 * lease)
	f.wantCounts(f.run("finish"), 700, 0, 0)
}

// awayLedger cannot take over.
type awayLedger struct{ reconciler.Ledger }

func (awayLedger) Resume(context.Context, ledger.Key) (ledger.ClaimResult, error) {
	return ledger.ClaimResult{}, errAway
}

// TestFinishStopsWithoutTheLedger wants a run to give up after a few failures, and to say why.
func TestFinishStopsWithoutTheLedger(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 200 {
		f.claim(fmt.Sprintf("msg_%03d", i))
	}
	f.clock.Advance(2 * lease)
	f.books = func(books reconciler.Books) reconciler.Books {
		books.Ledger = awayLedger{books.Ledger}
		return books
	}
	got := f.run("finish")
	if got.Done != 0 || got.Failed > 30 || !strings.Contains(got.Error, "away") {
		t.Errorf("%+v, want it stopped, with the ledger's error", got)
	}
}
