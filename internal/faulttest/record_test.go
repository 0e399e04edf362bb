package faulttest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// begun is when the histories begin.
var begun = time.Unix(1769083200, 0)

// history is what happens to a record, in seconds from when it begins.
type history struct {
	*Record
	messages int
}

func (h *history) sent(id string) { h.open(standin.Delivery{ID: id, Body: []byte(id)}, false) }

func (h *history) forged(id string) { h.open(standin.Delivery{ID: id, Body: []byte(id)}, true) }

func (h *history) acknowledged(id, status string, at int) {
	h.answered(id, &standin.Answer{StatusCode: 200, Status: status}, begun.Add(time.Duration(at)*time.Second), time.Second)
}

func (h *history) refused(id string) {
	h.answered(id, &standin.Answer{StatusCode: 401}, begun, time.Second)
}

func (h *history) published(id string, at int, marked bool) {
	h.messages++
	h.receivedAs(id, id, strconv.Itoa(h.messages), at, marked)
}

func (h *history) receivedAs(id, data, messageID string, at int, marked bool) {
	attributes := map[string]string{"ce-id": id}
	if marked {
		attributes[ledger.RedeliveredAttribute] = "true"
	}
	h.received(&pubsubpb.PubsubMessage{
		Data: []byte(data), Attributes: attributes, MessageId: messageID,
		PublishTime: timestamppb.New(begun.Add(time.Duration(at) * time.Second)),
	})
}

// Each broken promise in a history is found, and a good history has none.
func TestTally(t *testing.T) {
	for _, test := range []struct {
		name   string
		happen func(*history)
		want   string // in the error; empty: none
	}{
		{"nothing", func(*history) {}, ""},
		{"one delivery", func(h *history) {
			h.sent("a")
			h.acknowledged("a", "published", 1)
			h.published("a", 0, false)
		}, ""},
		{"a repeat", func(h *history) {
			h.sent("a")
			h.acknowledged("a", "published", 1)
			h.published("a", 0, false)
			h.sent("a")
			h.acknowledged("a", "duplicate", 2)
		}, ""},
		{"a marked copy after the lease", func(h *history) {
			h.sent("a")
			h.published("a", 0, false)
			h.published("a", 11, true)
			h.acknowledged("a", "published", 12)
		}, ""},
		{"marked at first, after a crash before the publish", func(h *history) {
			h.sent("a")
			h.published("a", 11, true)
			h.acknowledged("a", "published", 12)
		}, ""},
		{"a message that the subscription brings twice", func(h *history) {
			h.sent("a")
			h.acknowledged("a", "published", 1)
			h.receivedAs("a", "a", "7", 0, false)
			h.receivedAs("a", "a", "7", 0, false)
		}, ""},
		{"a forgery refused", func(h *history) {
			h.forged("a")
			h.refused("a")
		}, ""},
		{"published, and the sender gave up", func(h *history) {
			h.sent("a")
			h.published("a", 0, false)
		}, "1 never acknowledged"},
		{"a repeat without an answer", func(h *history) {
			h.sent("a")
			h.acknowledged("a", "published", 1)
			h.published("a", 0, false)
			h.sent("a")
		}, "1 never acknowledged"},
		{"acknowledged and not published", func(h *history) {
			h.sent("a")
			h.acknowledged("a", "published", 1)
		}, "1 lost (G1)"},
		{"published after it was on record", func(h *history) {
			h.sent("a")
			h.published("a", 0, false)
			h.acknowledged("a", "duplicate", 1)
			h.published("a", 11, true)
		}, "1 published again after being on record (G2)"},
		{"published by two at the same time", func(h *history) {
			h.sent("a")
			h.acknowledged("a", "published", 1)
			h.published("a", 0, false)
			h.published("a", 1, true)
		}, "1 published by two at the same time (G3)"},
		{"an unmarked copy", func(h *history) {
			h.sent("a")
			h.published("a", 0, true)
			h.published("a", 11, false)
			h.acknowledged("a", "published", 12)
		}, "1 unmarked copies (G4)"},
		{"messages that arrive out of order", func(h *history) {
			h.sent("a")
			h.acknowledged("a", "published", 12)
			h.receivedAs("a", "a", "8", 11, true)
			h.receivedAs("a", "a", "7", 0, false)
		}, ""},
		{"other bytes", func(h *history) {
			h.sent("a")
			h.acknowledged("a", "published", 1)
			h.receivedAs("a", "b", "1", 0, false)
		}, "1 altered"},
		{"a forgery acknowledged", func(h *history) {
			h.forged("a")
			h.acknowledged("a", "published", 1)
		}, "1 forgeries not refused"},
		{"a forgery refused, and acknowledged later", func(h *history) {
			h.forged("a")
			h.refused("a")
			h.acknowledged("a", "published", 1)
		}, "1 forgeries not refused"},
		{"a forgery published", func(h *history) {
			h.forged("a")
			h.refused("a")
			h.published("a", 0, false)
		}, "1 forged messages on the topic"},
		{"a message that was never sent", func(h *history) { h.published("a", 0, false) }, "1 forged messages on the topic"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &history{Record: NewRecord()}
			test.happen(h)
			err := h.Tally().Err()
			if test.want == "" && err != nil {
				t.Errorf("found %v", err)
			}
			if test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), ": "+test.want)) {
				t.Errorf("found %v, want %s and nothing else", err, test.want)
			}
		})
	}
}

// What happened is counted once each.
func TestTallyCounts(t *testing.T) {
	h := &history{Record: NewRecord()}
	for _, id := range []string{"a", "b", "a"} {
		h.sent(id)
	}
	h.acknowledged("a", "published", 1)
	h.acknowledged("b", "published", 1)
	h.acknowledged("a", "duplicate", 13)
	h.forged("c")
	h.refused("c")
	h.published("a", 0, false)
	h.published("a", 11, true)
	h.published("b", 0, false)
	want := Tally{
		Delivered: 3, Repeated: 1, Acknowledged: 3, Requests: 4,
		WebhookIDs: 2, OnTopic: 2, Messages: 3, MarkedCopies: 1,
		Forged: 1, Refused: 1, P50: time.Second, P99: time.Second,
	}
	if got := *h.Tally(); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
