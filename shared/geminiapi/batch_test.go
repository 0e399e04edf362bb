package geminiapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

const (
	batchWithFile = `{
		"name": "batches/9q2x",
		"metadata": {
			"@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
			"model": "models/gemini-3-flash", "displayName": "nightly",
			"output": {"responsesFile": "files/batch-9q2x"},
			"createTime": "2026-01-22T10:00:00.123456789Z", "endTime": "2026-01-22T11:00:00Z",
			"batchStats": {"requestCount": "3", "successfulRequestCount": "2", "failedRequestCount": "1"},
			"state": "BATCH_STATE_SUCCEEDED", "name": "batches/9q2x"
		},
		"done": true,
		"response": {"@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatchOutput", "responsesFile": "files/batch-9q2x"}
	}`
	batchFailed = `{"name":"batches/f","metadata":{"state":"JOB_STATE_FAILED","batchStats":{"requestCount":"1"}},"done":true,` +
		`"error":{"code":3,"message":"Line 17 of the input is not a request."}}`
)

func TestBatchReadsItsShapes(t *testing.T) {
	created := time.Date(2026, 1, 22, 10, 0, 0, 123456789, time.UTC)
	inline := func(where string) string {
		return fmt.Sprintf(where, `{"inlinedResponses":{"inlinedResponses":[{"response":{"a":1}},{"error":{"code":8}}]}}`)
	}
	for name, test := range map[string]struct {
		answer string
		want   geminiapi.Batch
	}{
		"file": {batchWithFile, geminiapi.Batch{
			Name: "batches/9q2x", Type: "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
			Model: "models/gemini-3-flash", DisplayName: "nightly", State: geminiapi.BatchSucceeded, Done: true,
			CreateTime: created, EndTime: time.Date(2026, 1, 22, 11, 0, 0, 0, time.UTC),
			Stats: &geminiapi.BatchStats{Total: 3, Succeeded: 2, Failed: 1}, ResponsesFile: "files/batch-9q2x",
		}},
		"failed, in the guide's words": {batchFailed, geminiapi.Batch{
			Name: "batches/f", State: geminiapi.BatchFailed, Done: true, Stats: &geminiapi.BatchStats{Total: 1},
			Error: &geminiapi.Status{Code: 3, Message: "Line 17 of the input is not a request."},
		}},
		"inline in the metadata": {inline(`{"metadata":{"output":%s}}`), geminiapi.Batch{Inlined: true}},
		"inline in the response": {inline(`{"response":%s}`), geminiapi.Batch{Inlined: true}},
		"inline in its output":   {inline(`{"response":{"output":%s}}`), geminiapi.Batch{Inlined: true}},
		"file in its output":     {`{"response":{"output":{"responsesFile":"files/x"}}}`, geminiapi.Batch{ResponsesFile: "files/x"}},
		"no inline responses":    {`{"response":{"inlinedResponses":{"inlinedResponses":[]}}}`, geminiapi.Batch{}},
		"null in their place":    {`{"response":{"inlinedResponses":{"inlinedResponses":null}}}`, geminiapi.Batch{}},
		"numbers as numbers":     {`{"metadata":{"batchStats":{"requestCount":7}}}`, geminiapi.Batch{Stats: &geminiapi.BatchStats{Total: 7}}},
		"beside other members":   {`{"response":{"inlinedResponses":{"kind":{},"inlinedResponses":[{"response":{}}]}}}`, geminiapi.Batch{Inlined: true}},
		"nothing known":          {`{"a":[{}],"metadata":{"b":null}}`, geminiapi.Batch{}},
	} {
		t.Run(name, func(t *testing.T) {
			s, client, _ := serve(t, reply(200, test.answer))
			got, err := client.Batch(t.Context(), "batches/x")
			if err != nil {
				t.Fatal(err)
			}
			if uri := s.requests()[0].uri; uri != "/v1beta/batches/x" {
				t.Errorf("asked for %s", uri)
			}
			if !json.Valid(got.Document) || strings.Contains(string(got.Document), "inlinedResponses") {
				t.Errorf("document %s", got.Document)
			}
			got.Document = nil
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("batch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInlineResponsesAreReadOnce(t *testing.T) {
	gemini, client := standIn(t)
	var want []string
	for i := range 40 {
		embedding := standin.InlineEmbedding(fmt.Sprint(i), 768)
		want = append(want, string(embedding))
	}
	responses := make([]json.RawMessage, len(want))
	for i, text := range want {
		responses[i] = json.RawMessage(text)
	}
	gemini.AddBatch(standin.Batch{ID: "b", Embeddings: true, Inline: responses}) // twice in the answer
	batch, err := client.Batch(t.Context(), "b")
	if err != nil || !batch.Inlined || len(batch.Document) > 2000 {
		t.Fatalf("batch %+v, error %v", batch, err)
	}
	var got []string
	for response, err := range client.InlineResponses(t.Context(), "batches/b") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(response))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d responses, want %d", len(got), len(want))
	}
	for response, err := range client.InlineResponses(t.Context(), "b") {
		if err != nil || string(response) != want[0] {
			t.Errorf("first response %s, error %v", response, err)
		}
		break
	}
}

func TestInlineResponsesCutOff(t *testing.T) {
	_, client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"response":{"inlinedResponses":{"inlinedResponses":[{"response":1},{"resp`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	var responses int
	var failed error
	for _, err := range client.InlineResponses(t.Context(), "b") {
		if err != nil {
			failed = err
		} else {
			responses++
		}
	}
	if responses != 1 || failed == nil || errors.Is(failed, geminiapi.ErrMalformedAnswer) {
		t.Errorf("%d responses, error %v, want one and the connection's", responses, failed)
	}
}

func TestBatchesGoesThroughEveryPage(t *testing.T) {
	s, client, _ := serve(t,
		reply(200, `{"operations":[{"name":"batches/1","metadata":{"state":"BATCH_STATE_RUNNING"}}],"nextPageToken":"a"}`),
		reply(200, `{"nextPageToken":"b"}`),
		reply(200, `{"operations":[{"name":"batches/2"}]}`))
	var names []string
	for batch, err := range client.Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, batch.Name)
	}
	if want := []string{"batches/1", "batches/2"}; !slices.Equal(names, want) {
		t.Errorf("batches %v, want %v", names, want)
	}
	var asked []string
	for _, r := range s.requests() {
		asked = append(asked, r.uri)
	}
	if want := []string{"/v1beta/batches", "/v1beta/batches?pageToken=a", "/v1beta/batches?pageToken=b"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

func TestBatchesAsksOnlyForWhatIsRead(t *testing.T) {
	s, client, _ := serve(t, reply(200, `{"operations":[{"name":"batches/1"},{"name":"batches/2"}],"nextPageToken":"a"}`), reply(404, `{}`))
	for batch, err := range client.Batches(t.Context()) {
		if err != nil || batch.Name != "batches/1" {
			t.Errorf("first batch %+v, error %v", batch, err)
		}
		break
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestBatchesOfOtherShapes(t *testing.T) {
	for _, answer := range []string{`{"operations":[7]}`, `{"operations":{}}`, `{"operations":[{"metadata":{"createTime":"soon"}}]}`} {
		t.Run(answer, func(t *testing.T) {
			_, client, _ := serve(t, reply(200, answer))
			if _, _, err := client.BatchPage(t.Context(), ""); !errors.Is(err, geminiapi.ErrMalformedAnswer) {
				t.Errorf("error %v, want ErrMalformedAnswer", err)
			}
		})
	}
}

func TestBatchesDoesNotGoInACircle(t *testing.T) {
	page := reply(200, `{"nextPageToken":"a"}`)
	_, client, _ := serve(t, page, page)
	for _, err := range client.Batches(t.Context()) {
		if !errors.Is(err, geminiapi.ErrMalformedAnswer) {
			t.Errorf("error %v", err)
		}
	}
}
