package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gemhook/gemhook/shared/ledger"
)

// faultsOf returns what is wrong with the results of batches b0, b1, …, all with the same content.
func faultsOf(events int, content string, stored map[string]string, messages []*pubsubpb.PubsubMessage) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	byEvent := map[string][]*pubsubpb.PubsubMessage{}
	for _, message := range messages {
		id := message.GetAttributes()["ce-id"]
		byEvent[id] = append(byEvent[id], message)
	}
	for i := range events {
		id := fmt.Sprintf("b%d", i)
		prefix := "static/batches/" + id + "/batch.succeeded/"
		if stored[prefix+"responses.jsonl"] != content {
			fault("%s: the responses are not those that Gemini has", id)
		}
		if lines := strings.Count(stored[prefix+"failures.jsonl"], "\n"); lines != 2 {
			fault("%s: %d failures, want 2", id, lines)
		}
		if !json.Valid([]byte(stored[prefix+"batch.json"])) {
			fault("%s: batch.json is not whole", id)
		}
		published := byEvent["msg_"+id]
		if len(published) == 0 {
			fault("%s: there is no result message", id)
		}
		first, unmarked := earliest(published), 0
		for _, message := range published {
			if message.GetAttributes()[ledger.RedeliveredAttribute] == "true" {
				continue
			}
			if unmarked++; unmarked > 1 || message != first {
				fault("%s: a message that is not the first is unmarked", id)
			}
			if !bytes.Contains(message.GetData(), []byte(prefix+"responses.jsonl")) {
				fault("%s: its message does not name the responses: %s", id, message.GetData())
			}
		}
	}
	return faults
}

func earliest(messages []*pubsubpb.PubsubMessage) *pubsubpb.PubsubMessage {
	var first *pubsubpb.PubsubMessage
	for _, message := range messages {
		if first == nil || message.GetPublishTime().AsTime().Before(first.GetPublishTime().AsTime()) {
			first = message
		}
	}
	return first
}

// TestCollectCheckCanFail wants the check of collected results to notice each way in which they can
// be wrong, and nothing where they are right.
func TestCollectCheckCanFail(t *testing.T) {
	t.Parallel()
	const prefix = "static/batches/b0/batch.succeeded/"
	message := func(at int, marked bool) *pubsubpb.PubsubMessage {
		m := &pubsubpb.PubsubMessage{
			Data:        []byte(`{"objects":[{"uri":"gs://b/` + prefix + `responses.jsonl"}]}`),
			Attributes:  map[string]string{"ce-id": "msg_b0"},
			PublishTime: timestamppb.New(time.Unix(int64(at), 0)),
		}
		if marked {
			m.Attributes[ledger.RedeliveredAttribute] = "true"
		}
		return m
	}
	good := map[string]string{
		prefix + "responses.jsonl": "whole\n", prefix + "failures.jsonl": "1\n2\n", prefix + "batch.json": "{}",
	}
	for name, test := range map[string]struct {
		change   map[string]string
		messages []*pubsubpb.PubsubMessage
		want     string
	}{
		"nothing wrong":            {nil, []*pubsubpb.PubsubMessage{message(1, false)}, ""},
		"a marked copy":            {nil, []*pubsubpb.PubsubMessage{message(2, true), message(1, false)}, ""},
		"only a marked message":    {nil, []*pubsubpb.PubsubMessage{message(1, true)}, ""},
		"no message":               {nil, nil, "there is no result message"},
		"an unmarked copy":         {nil, []*pubsubpb.PubsubMessage{message(1, false), message(2, false)}, "is unmarked"},
		"an unmarked one too late": {nil, []*pubsubpb.PubsubMessage{message(1, true), message(2, false)}, "is unmarked"},
		"half of the responses":    {map[string]string{prefix + "responses.jsonl": "who"}, []*pubsubpb.PubsubMessage{message(1, false)}, "responses are not"},
		"no failures":              {map[string]string{prefix + "failures.jsonl": ""}, []*pubsubpb.PubsubMessage{message(1, false)}, "0 failures"},
		"half of the job":          {map[string]string{prefix + "batch.json": "{"}, []*pubsubpb.PubsubMessage{message(1, false)}, "batch.json is not whole"},
	} {
		t.Run(name, func(t *testing.T) {
			stored := maps.Clone(good)
			maps.Copy(stored, test.change)
			faults := strings.Join(faultsOf(1, "whole\n", stored, test.messages), "\n")
			if test.want == "" && faults != "" || !strings.Contains(faults, test.want) {
				t.Errorf("faults %q, want %q", faults, test.want)
			}
		})
	}
}
