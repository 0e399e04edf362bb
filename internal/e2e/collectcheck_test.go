package e2e

import (
	"maps"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gemhook/gemhook/shared/ledger"
)

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
