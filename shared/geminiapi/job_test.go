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

// The shapes below are those of captured answers, with other ids and texts.
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

func TestJobsOfOtherShapes(t *testing.T) {
	for kind, test := range map[string]struct {
		get     func(*geminiapi.Client) error
		answers []string
	}{
		"batch": {func(c *geminiapi.Client) error { _, err := c.Batch(t.Context(), "x"); return err }, []string{
			``, `<html>`, `[]`, `"text"`, `7`, `{"metadata":[]}`, `{"metadata":"x"}`, `{"name":7}`, `{"metadata":{"state":{}}}`, `{"done":true`,
			`{"response":{"inlinedResponses":[]}}`, `{"response":{"inlinedResponses":{"inlinedResponses":{}}}}`, `{"metadata":{"endTime":"yesterday"}}`,
		}},
		"interaction": {func(c *geminiapi.Client) error { _, err := c.Interaction(t.Context(), "x"); return err }, []string{
			``, `[]`, `7`, `{"steps":{}}`, `{"steps":[{"type":"model_output","content":{}}]}`, `{"status":[]}`,
		}},
		"operation": {func(c *geminiapi.Client) error { _, err := c.VideoOperation(t.Context(), "x"); return err }, []string{
			``, `[]`, `{"done":"yes"}`, `{"response":{"generateVideoResponse":[]}}`,
		}},
	} {
		for _, answer := range test.answers {
			t.Run(kind+" "+answer, func(t *testing.T) {
				_, client, _ := serve(t, reply(200, answer))
				if err := test.get(client); !errors.Is(err, geminiapi.ErrMalformedAnswer) {
					t.Errorf("error %v, want ErrMalformedAnswer", err)
				}
			})
		}
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

func TestBatchesDoesNotGoInACircle(t *testing.T) {
	page := reply(200, `{"nextPageToken":"a"}`)
	_, client, _ := serve(t, page, page)
	for _, err := range client.Batches(t.Context()) {
		if !errors.Is(err, geminiapi.ErrMalformedAnswer) {
			t.Errorf("error %v", err)
		}
	}
}

func TestInteractionReadsItsShapes(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   geminiapi.Interaction
	}{
		"Deep Research": {string(standin.Interaction{ID: "i", Texts: []string{"Tides ", "follow the moon."}}.Document()),
			geminiapi.Interaction{ID: "i", Status: "completed", Text: "Tides follow the moon."}},
		"function call": {string(standin.Interaction{ID: "i", Status: "requires_action", Call: "get_weather"}.Document()),
			geminiapi.Interaction{ID: "i", Status: "requires_action", FunctionCalls: []geminiapi.FunctionCall{
				{ID: "call_1", Name: "get_weather", Arguments: json.RawMessage(`{"city":"Brest","days":2}`)}}}},
		"function call with its result": {`{"status":"completed","steps":[{"type":"function_call","id":"1","name":"f"},{"type":"function_call","id":"2","name":"g"},` +
			`{"type":"function_result","call_id":"1","result":[]}]}`,
			geminiapi.Interaction{Status: "completed", FunctionCalls: []geminiapi.FunctionCall{{ID: "2", Name: "g"}}}},
		"failed": {string(standin.Interaction{ID: "i", Status: "failed", ErrorCode: "deadline_exceeded"}.Document()),
			geminiapi.Interaction{ID: "i", Status: "failed", Error: &geminiapi.InteractionError{Code: "deadline_exceeded", Message: "The agent gave up."}}},
		"failed, with a number": {`{"error":{"code":13,"message":"internal"}}`,
			geminiapi.Interaction{Error: &geminiapi.InteractionError{Code: "13", Message: "internal"}}},
		"a link": {string(standin.Interaction{ID: "i", MediaURI: "https://example.com/v"}.Document()),
			geminiapi.Interaction{ID: "i", Status: "completed", Media: []geminiapi.Media{{Type: "video", MIMEType: "video/mp4", URI: "https://example.com/v"}}}},
		"text without parts": {`{"steps":[{"type":"model_output","content":"short"},{"type":"model_output"},{"type":"new","content":7}]}`,
			geminiapi.Interaction{Text: "short"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, client, _ := serve(t, reply(200, test.answer))
			got, err := client.Interaction(t.Context(), "interactions/i")
			if err != nil {
				t.Fatal(err)
			}
			request := s.requests()[0]
			if request.uri != "/v1beta/interactions/i" || request.header.Get("Api-Revision") != "2026-05-20" {
				t.Errorf("asked for %s with revision %q", request.uri, request.header.Get("Api-Revision"))
			}
			test.want.Document = json.RawMessage(test.answer)
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("interaction (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVideoOperationReadsItsShapes(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   geminiapi.VideoOperation
	}{
		"one":          {`{"name":"models/veo/operations/o","done":true,"response":{"generateVideoResponse":{"generatedSamples":[{"video":{"uri":"u"}}]}}}`, geminiapi.VideoOperation{Name: "models/veo/operations/o", Done: true, Videos: []string{"u"}}},
		"all filtered": {`{"done":true,"response":{"generateVideoResponse":{"raiMediaFilteredCount":1,"raiMediaFilteredReasons":["A celebrity."]}}}`, geminiapi.VideoOperation{Done: true, Filtered: 1, FilteredReasons: []string{"A celebrity."}}},
		"failed":       {`{"done":true,"error":{"code":13,"message":"internal"}}`, geminiapi.VideoOperation{Done: true, Error: &geminiapi.Status{Code: 13, Message: "internal"}}},
		"running":      {`{"name":"operations/o"}`, geminiapi.VideoOperation{Name: "operations/o"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, client, _ := serve(t, reply(200, test.answer))
			got, err := client.VideoOperation(t.Context(), "models/veo/operations/o")
			if err != nil {
				t.Fatal(err)
			}
			test.want.Document = json.RawMessage(test.answer)
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("operation (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesBecomeOnePath(t *testing.T) {
	for name, want := range map[string]string{
		"models/veo-3.1/operations/a_b": "/v1beta/models/veo-3.1/operations/a_b",
		"operations/a":                  "/v1beta/operations/a",
		"a":                             "/v1beta/operations/a",
		"ü":                             "/v1beta/operations/%C3%BC",
	} {
		t.Run(name, func(t *testing.T) {
			s, client, _ := serve(t, reply(200, `{}`))
			if _, err := client.VideoOperation(t.Context(), name); err != nil || s.requests()[0].uri != want {
				t.Errorf("asked for %s, want %s, error %v", s.requests()[0].uri, want, err)
			}
		})
	}
}

// TestNamesThatAreRefused wants a name that would make another path of the URL not to be sent.
func TestNamesThatAreRefused(t *testing.T) {
	s, client, _ := serve(t)
	for _, name := range []string{"", "a/b", "operations/", "models/x/operations/..", "a?b", "a%2Fb", "models/x/files/y", "a:cancel"} {
		t.Run("operation "+name, func(t *testing.T) {
			if _, err := client.VideoOperation(t.Context(), name); !errors.Is(err, geminiapi.ErrInvalid) {
				t.Errorf("error %v, want ErrInvalid", err)
			}
		})
	}
	for _, name := range []string{"", "..", "batches/", "a/b", "batches/a/b", "a#b"} {
		t.Run("batch "+name, func(t *testing.T) {
			if _, err := client.Batch(t.Context(), name); !errors.Is(err, geminiapi.ErrInvalid) {
				t.Errorf("error %v, want ErrInvalid", err)
			}
		})
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}
