package collector_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/topic"
)

// TestWhatARetryCures has one thing after another in the way of the same event. Each time Pub/Sub is
// told to push again, with no message on the topic, and in the end there is one.
func TestWhatARetryCures(t *testing.T) {
	f := newFixture(t)
	f.addBatch("b")
	running := standin.Batch{ID: "b", State: "BATCH_STATE_RUNNING"}
	ended := standin.Batch{ID: "b", File: "files/batch-b"}
	cut := standin.ResultLines{Count: 10, Text: 40}.File()
	cut.CutAt, cut.Cuts = 500, 1
	for _, step := range []struct {
		name   string
		before func()
		code   string
		stored bool // the result is in the bucket afterwards
	}{
		{"the job runs", func() { f.gemini.AddBatch(running) }, "not_ended", false},
		{"Gemini is away", func() { f.gemini.AddBatch(ended); f.gemini.FailAPI(503) }, "gemini_unavailable", false},
		{"the key is refused", func() { f.gemini.FailAPI(403) }, "gemini_unavailable", false},
		{"the quota is used up", func() { f.gemini.FailAPI(429) }, "gemini_unavailable", false},
		{"the file is cut off", func() { f.gemini.FailAPI(0); f.gemini.AddFile("files/batch-b", cut) }, "gemini_unavailable", false},
		{"the bucket refuses", func() { f.bucket.Fail(403) }, "bucket_unavailable", false},
		{"the ledger is away", func() {
			f.bucket.Fail(0)
			f.documents.unclaimed = status.Error(codes.Unavailable, "connection refused")
		}, "ledger_unavailable", true},
		{"the ledger refuses", func() { f.documents.unclaimed = status.Error(codes.PermissionDenied, "no access") }, "ledger_unavailable", true},
		{"the topic is away", func() {
			f.documents.unclaimed = nil
			f.refuse = fmt.Errorf("away: %w", topic.ErrNotPublished)
		}, "topic_unavailable", true},
	} {
		t.Run(step.name, func(t *testing.T) {
			step.before()
			f.wantFailure(t, step.code)
			if stored := len(f.objects(t)) > 0; stored != step.stored {
				t.Errorf("objects are stored: %t, want %t", stored, step.stored)
			}
		})
	}
	downloads := f.gemini.Downloads("files/batch-b")
	for range 2 {
		f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	}
	if again := f.gemini.Downloads("files/batch-b"); again != downloads {
		t.Error("what was stored already was fetched again")
	}
	if message := f.last(t, 1); message.attributes["ce-redelivered"] != "" || message.data["requests"].(map[string]any)["total"] != 10.0 {
		t.Errorf("message %v", message)
	}
}

func TestAnUnsurePublishMarksTheNext(t *testing.T) {
	f := newFixture(t)
	f.addBatch("b")
	f.refuse = errors.New("connection reset")
	f.wantPush(t, "batch.succeeded", "b", http.StatusServiceUnavailable)
	f.wantPush(t, "batch.succeeded", "b", http.StatusServiceUnavailable) // the claim is held until its lease ends
	if len(f.published) != 0 {
		t.Errorf("%d messages", len(f.published))
	}
	f.advance(lease)
	f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	if mark := f.last(t, 1).attributes["ce-redelivered"]; mark != "true" {
		t.Errorf("ce-redelivered is %q, want the mark: the first publish may have landed", mark)
	}
}

// TestRedeliveredEvent wants no second message for the copy of an event, marked or not.
func TestRedeliveredEvent(t *testing.T) {
	f := newFixture(t)
	f.addBatch("b")
	data, attributes := event("batch.succeeded", "b", "")
	for _, mark := range []string{"", "", "true"} {
		if mark != "" {
			attributes["ce-redelivered"] = mark
		}
		if got := f.push(t, data, attributes); got != http.StatusNoContent {
			t.Errorf("status %d", got)
		}
	}
	if mark := f.last(t, 1).attributes["ce-redelivered"]; mark != "" {
		t.Errorf("ce-redelivered is %q", mark)
	}
	if n := f.gemini.Downloads("files/batch-b"); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

// TestUnsettled has the ledger away once the message is on the topic. The event is done with; if it
// is pushed again all the same, the message says that it may be a copy.
func TestUnsettled(t *testing.T) {
	f := newFixture(t)
	f.addBatch("b")
	f.documents.unsettled = status.Error(codes.Unavailable, "connection refused")
	f.took = settleBy - 100*time.Millisecond
	f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	f.last(t, 1)
	if !strings.Contains(f.log.String(), `"settle_error"`) {
		t.Errorf("the log does not say that the claim was not settled:\n%s", f.log.String())
	}
	f.documents.unsettled, f.took = nil, 0
	for range 2 {
		f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	}
	if mark := f.last(t, 2).attributes["ce-redelivered"]; mark != "true" {
		t.Errorf("ce-redelivered is %q, want the mark", mark)
	}
}
