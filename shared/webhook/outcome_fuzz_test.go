package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/webhook"
)

// outcome is what came of one verification, in plain values: the checks of the fuzz targets judge
// it and nothing else, so that a test can hand them one that is wrong.
type outcome struct {
	err                              error // nil: accepted
	id, timestamp, signature, signed string
	at                               time.Time
	gets, refreshes                  int // of the key source
}

// outcomeOf has the verifier of that source verify once.
func outcomeOf[T any](t *testing.T, keys T, by func(webhook.Source[T]) verifier, header http.Header, body []byte) outcome {
	t.Helper()
	asked := &source[T]{keys: &keys}
	delivery, err := by(asked).Verify(context.Background(), header, body)
	if err != nil && !isZero(delivery) {
		t.Fatalf("a delivery, and error %v", err)
	}
	o := outcome{err: err, gets: asked.gets, refreshes: len(asked.refreshed)}
	if err == nil {
		o.id, o.timestamp, o.signature = delivery.ID(), delivery.Timestamp(), delivery.Signature()
		o.at, o.signed = delivery.Time(), string(delivery.Payload())
	}
	return o
}

func byStatic(at time.Time) func(webhook.Source[webhook.Secrets]) verifier {
	return func(source webhook.Source[webhook.Secrets]) verifier {
		return webhook.NewStatic(source, &webhook.Options{Now: func() time.Time { return at }})
	}
}

func byDynamic(source webhook.Source[webhook.KeySet]) verifier {
	return webhook.NewDynamic(source, options)
}

// checkOutcome wants what holds for any request: the keys are asked for once and refreshed once at
// most, and a refusal has one reason, one of those given, in a sentence that anybody may read.
func checkOutcome(o outcome, reasonsToRefuse ...error) error {
	if o.gets > 1 || o.refreshes > 1 {
		return fmt.Errorf("%d gets and %d refreshes of the keys, want 1 of each at most", o.gets, o.refreshes)
	}
	if o.err == nil {
		return nil
	}
	var refusal *webhook.Refusal
	if !errors.As(o.err, &refusal) || !slices.Contains(reasonsToRefuse, refusal.Reason) {
		return fmt.Errorf("refused with %q, want one of %v", o.err, reasonsToRefuse)
	}
	unreadable := func(r rune) bool { return r < ' ' || r > '~' }
	if refusal.Detail == "" || len(refusal.Detail) > 100 || strings.ContainsFunc(refusal.Detail, unreadable) {
		return fmt.Errorf("the sentence of the refusal is %q", refusal.Detail)
	}
	return nil
}

func TestOutcomeCheckCanFail(t *testing.T) {
	t.Parallel()
	stale := &webhook.Refusal{Reason: webhook.ErrStaleTimestamp, Detail: "It is old."}
	for name, test := range map[string]struct {
		outcome outcome
		wrong   bool
	}{
		"accepted":             {outcome{gets: 1}, false},
		"refused":              {outcome{err: stale, gets: 1, refreshes: 1}, false},
		"keys read twice":      {outcome{gets: 2}, true},
		"keys refreshed twice": {outcome{err: stale, gets: 1, refreshes: 2}, true},
		"another reason":       {outcome{err: &webhook.Refusal{Reason: webhook.ErrBadToken, Detail: "It is bad."}}, true},
		"a reason of no kind":  {outcome{err: errors.New("It is old.")}, true},
		"no sentence":          {outcome{err: &webhook.Refusal{Reason: webhook.ErrStaleTimestamp}}, true},
		"a sentence with what was sent": {outcome{err: &webhook.Refusal{
			Reason: webhook.ErrStaleTimestamp, Detail: "The timestamp is \x00.",
		}}, true},
		"a sentence without end": {outcome{err: &webhook.Refusal{
			Reason: webhook.ErrStaleTimestamp, Detail: strings.Repeat("It is old. ", 100),
		}}, true},
	} {
		wantComplaint(t, name, checkOutcome(test.outcome, webhook.ErrStaleTimestamp), test.wrong)
	}
}

// wantComplaint wants a check to have found something wrong, or nothing.
func wantComplaint(t *testing.T, name string, complaint error, wrong bool) {
	t.Helper()
	if (complaint != nil) != wrong {
		t.Errorf("%s: the check says %v", name, complaint)
	}
}
