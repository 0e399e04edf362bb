package collector

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/geminiapi"
)

// calls are function calls whose arguments have so many bytes.
func calls(count, size int) []geminiapi.FunctionCall {
	arguments := json.RawMessage(`"` + strings.Repeat("a", size) + `"`)
	return slices.Repeat([]geminiapi.FunctionCall{{ID: "call", Name: "name", Arguments: arguments}}, count)
}

// TestLargeMessages wants a message to have room in the ledger and on the topic, whatever the job
// has.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]stored{{URI: "gs://bucket/" + strings.Repeat("o", 200)}}, 5000)
	for name, test := range map[string]struct {
		result result
		want   []string // that are left out
	}{
		"small":                     {result{Text: "text"}, nil},
		"a text of 256 KiB":         {result{Text: strings.Repeat("t", 256<<10)}, nil},
		"a text of more":            {result{Text: strings.Repeat("t", 256<<10+1)}, []string{"text"}},
		"a text beside arguments":   {result{Text: strings.Repeat("t", 200<<10), FunctionCalls: calls(8, 100_000)}, []string{"text"}},
		"arguments":                 {result{Text: "text", FunctionCalls: calls(10, 100_000)}, []string{"text", "function_calls.arguments"}},
		"objects":                   {result{Objects: many}, []string{"objects"}},
		"arguments and objects":     {result{FunctionCalls: calls(10, 100_000), Objects: many}, []string{"function_calls.arguments", "objects"}},
		"calls":                     {result{FunctionCalls: calls(40_000, 1)}, []string{"function_calls.arguments", "function_calls"}},
		"a sentence without an end": {result{Reason: strings.Repeat("ü", 1<<20), Error: &failure{Code: strings.Repeat("\x01", 1<<20), Message: strings.Repeat("<", 1<<20)}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := test.result.encode()
			if err != nil || len(data) > 900_000 || !utf8.Valid(data) {
				t.Fatalf("%d bytes, %v", len(data), err)
			}
			var got result
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.LeftOut); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
			if n := len(got.Objects); slices.Contains(test.want, "objects") && n != 100 {
				t.Errorf("%d objects, want the first hundred", n)
			}
		})
	}
}

// TestResultAttributes wants the attributes of an event to be those of its result, as far as
// Pub/Sub's limits allow it with those that are added.
func TestResultAttributes(t *testing.T) {
	t.Parallel()
	attributes := map[string]string{
		"ce-id": "msg_1", "ce-time": "2026-01-22T12:00:00Z", "ce-subject": "b", "ce-tenant": "acme", "ce-source": strings.Repeat("s", 1020),
		"ce-signaturescheme": "v1a", "ce-redelivered": "true", "webhook-signature": "v1a,abc",
	}
	for i := range 100 {
		attributes[fmt.Sprintf("user_metadata.%02d", i)] = "value"
	}
	got := (&pushed{eventType: "batch.succeeded", attributes: attributes}).resultAttributes(TypeCollected)
	if len(got) != 99 {
		t.Errorf("%d attributes, want one less than Pub/Sub's limit", len(got))
	}
	want := map[string]string{
		"ce-specversion": "1.0", "ce-type": TypeCollected, "ce-eventtype": "batch.succeeded", "ce-id": "msg_1", "ce-time": "2026-01-22T12:00:00Z",
		"ce-subject": "b", "ce-tenant": "acme", "content-type": "application/json", "ce-datacontenttype": "application/json",
	}
	for i := range 99 - len(want) {
		want[fmt.Sprintf("user_metadata.%02d", i)] = "value"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

// TestResultKey wants events that are not the same to have different keys in the ledger.
func TestResultKey(t *testing.T) {
	t.Parallel()
	event := func(source, id, eventType, data string) *pushed {
		return &pushed{attributes: map[string]string{"ce-source": source, "ce-id": id}, eventType: eventType, data: []byte(data)}
	}
	first := event("s", "i", "t", "data").resultKey()
	if !strings.HasPrefix(string(first), "result!") {
		t.Errorf("key %s", first)
	}
	for name, test := range map[string]struct {
		other *pushed
		same  bool
	}{
		"the same":                  {event("s", "i", "t", "data"), true},
		"other data":                {event("s", "i", "t", "other"), true},
		"another source":            {event("o", "i", "t", "data"), false},
		"another id":                {event("s", "o", "t", "data"), false},
		"another type":              {event("s", "i", "o", "data"), false},
		"parts that run into other": {event("s\",\"i", "", "t", "data"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if same := test.other.resultKey() == first; same != test.same {
				t.Errorf("the same key: %t, want %t", same, test.same)
			}
		})
	}
	if event("s", "", "t", "data").resultKey() == event("s", "", "t", "other").resultKey() {
		t.Error("without an id, events with different data have the same key")
	}
}
