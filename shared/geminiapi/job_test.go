package geminiapi_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// The shapes below are those of captured answers, with other ids and texts.

func TestJobsOfOtherShapes(t *testing.T) {
	for kind, test := range map[string]struct {
		get     func(*geminiapi.Client) error
		answers []string
	}{
		"batch": {func(c *geminiapi.Client) error { _, err := c.Batch(t.Context(), "x"); return err }, []string{
			``, `<html>`, `[]`, `"text"`, `7`, `{"metadata":[]}`, `{"metadata":"x"}`, `{"name":7}`, `{"metadata":{"state":{}}}`, `{"done":true`,
			`{"response":{"inlinedResponses":[]}}`, `{"response":{"inlinedResponses":{"inlinedResponses":{}}}}`, `{"metadata":{"endTime":"yesterday"}}`,
			`{7:1}`, `{"a":}`, `{"response":{"inlinedResponses":{7:1}}}`, `{"response":{"inlinedResponses":{"kind":}}}`,
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

// A document that is too large to keep is refused, without its being read to the end.

func TestJobsThatAreTooLarge(t *testing.T) {
	long := strings.Repeat("x", 5<<20)
	for name, test := range map[string]struct {
		get    func(*geminiapi.Client) error
		answer string
	}{
		"batch with a long member": {func(c *geminiapi.Client) error { _, err := c.Batch(t.Context(), "x"); return err },
			`{"metadata":{"a":"` + long + long + `"}}`},
		"batch with many members": {func(c *geminiapi.Client) error { _, err := c.Batch(t.Context(), "x"); return err },
			`{"metadata":{"a":"` + long + `","b":"` + long + `"}}`},
		"interaction": {func(c *geminiapi.Client) error { _, err := c.Interaction(t.Context(), "x"); return err },
			`{"a":"` + strings.Repeat(long, 7) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			_, client, _ := serve(t, reply(200, test.answer))
			if err := test.get(client); !errors.Is(err, geminiapi.ErrMalformedAnswer) {
				t.Errorf("error %v, want ErrMalformedAnswer", err)
			}
		})
	}
}

// An error of the API is the caller's, whatever was asked for.

func TestErrorsOfJobs(t *testing.T) {
	for name, get := range map[string]func(*geminiapi.Client) error{
		"batch":       func(c *geminiapi.Client) error { _, err := c.Batch(t.Context(), "x"); return err },
		"batches":     func(c *geminiapi.Client) error { _, _, err := c.BatchPage(t.Context(), ""); return err },
		"interaction": func(c *geminiapi.Client) error { _, err := c.Interaction(t.Context(), "x"); return err },
		"operation":   func(c *geminiapi.Client) error { _, err := c.VideoOperation(t.Context(), "x"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			_, client, _ := serve(t, reply(404, `{"error":{"code":404,"message":"There is none."}}`))
			if err := get(client); !errors.Is(err, geminiapi.ErrNotFound) || !strings.Contains(err.Error(), "There is none.") {
				t.Errorf("error %v, want ErrNotFound in Gemini's words", err)
			}
		})
	}
}

func TestEnded(t *testing.T) {
	for state, want := range map[geminiapi.BatchState]bool{
		geminiapi.BatchPending: false, geminiapi.BatchRunning: false, "": false, "BATCH_STATE_UNSPECIFIED": false,
		geminiapi.BatchSucceeded: true, geminiapi.BatchFailed: true, geminiapi.BatchCancelled: true, geminiapi.BatchExpired: true,
	} {
		t.Run("batch "+string(state), func(t *testing.T) {
			if got := state.Ended(); got != want {
				t.Errorf("ended: %t, want %t", got, want)
			}
		})
	}
	for status, want := range map[geminiapi.InteractionStatus]bool{
		geminiapi.InteractionQueued: false, geminiapi.InteractionInProgress: false, "": false,
		"completed": true, "failed": true, "cancelled": true, "requires_action": true,
	} {
		t.Run("interaction "+string(status), func(t *testing.T) {
			if got := status.Ended(); got != want {
				t.Errorf("ended: %t, want %t", got, want)
			}
		})
	}
}

// The types to subscribe to are events of the stand-in too, but not all of them.

func TestEventTypes(t *testing.T) {
	types := geminiapi.EventTypes()
	if len(types) != 7 || slices.Contains(types, "batch.cancelled") || slices.Contains(types, "interaction.cancelled") {
		t.Errorf("types %v, want the seven that can be subscribed to", types)
	}
	for _, eventType := range types {
		if !slices.Contains(standin.EventTypes(), eventType) {
			t.Errorf("%s is no type of event", eventType)
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
			for _, err := range client.InlineResponses(t.Context(), name) {
				if !errors.Is(err, geminiapi.ErrInvalid) {
					t.Errorf("responses: error %v, want ErrInvalid", err)
				}
			}
			if _, err := client.Interaction(t.Context(), name); !errors.Is(err, geminiapi.ErrInvalid) {
				t.Errorf("interaction: error %v, want ErrInvalid", err)
			}
		})
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}
