package collector_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
)

// addBatch adds a batch with a file of ten lines, one of them an error.
func (f *fixture) addBatch(id string) standin.File {
	file := standin.ResultLines{Count: 10, Text: 40, FailEvery: 10}.File()
	f.gemini.AddFile("files/batch-"+id, file)
	f.gemini.AddBatch(standin.Batch{ID: id, File: "files/batch-" + id, Stats: &standin.BatchStats{Total: 10, Succeeded: 9, Failed: 1}})
	return file
}

func TestBatchInAFile(t *testing.T) {
	f := newFixture(t)
	file := f.addBatch("b1")
	f.wantPush(t, "batch.succeeded", "batches/b1", http.StatusNoContent)

	const prefix = "static/batches/b1/batch.succeeded/"
	got := f.objects(t)
	if want := []string{prefix + "batch.json", prefix + "failures.jsonl", prefix + "responses.jsonl"}; !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
		t.Fatalf("objects %v, want %v", slices.Sorted(maps.Keys(got)), want)
	}
	if got[prefix+"responses.jsonl"] != content(t, file) {
		t.Error("the responses are not the file's bytes")
	}
	if failures := got[prefix+"failures.jsonl"]; !strings.HasPrefix(failures, `{"line":10,"key":"request-9","reason":"error","error":{`) {
		t.Errorf("failures %s", failures)
	}
	message := f.last(t, 1)
	wantAttributes := map[string]string{
		"ce-specversion": "1.0", "ce-id": "msg_batch.succeededbatches/b1", "ce-type": "gemhook.result.collected", "ce-eventtype": "batch.succeeded",
		"ce-source": "//generativelanguage.googleapis.com/webhooks/static/results", "ce-subject": "batches/b1", "ce-time": "2026-01-22T12:00:00Z",
		"content-type": "application/json", "ce-datacontenttype": "application/json", "user_metadata.team": "search",
	}
	if diff := cmp.Diff(wantAttributes, message.attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	want := map[string]any{"total": 10.0, "succeeded": 9.0, "failed": 1.0, "duplicate_keys": 0.0}
	if diff := cmp.Diff(want, message.data["requests"]); diff != "" || message.data["state"] != "BATCH_STATE_SUCCEEDED" {
		t.Errorf("state %v, requests (-want +got):\n%s", message.data["state"], diff)
	}
	if stored := message.data["objects"].([]any); len(stored) != 3 {
		t.Errorf("objects %v", stored)
	}
}

func TestCountsThatDiffer(t *testing.T) {
	f := newFixture(t)
	f.addBatch("b")
	f.gemini.AddBatch(standin.Batch{ID: "b", File: "files/batch-b", Stats: &standin.BatchStats{Total: 11, Succeeded: 11}})
	f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	want := map[string]any{"total": 10.0, "succeeded": 9.0, "failed": 1.0, "duplicate_keys": 0.0,
		"reported": map[string]any{"total": 11.0, "succeeded": 11.0, "failed": 0.0}}
	if diff := cmp.Diff(want, f.last(t, 1).data["requests"]); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestInlineBatch(t *testing.T) {
	f := newFixture(t)
	f.gemini.AddBatch(standin.Batch{ID: "b", Inline: []json.RawMessage{standin.InlineResponse("a", "yes <&>"), standin.InlineResponse("b", "")}})
	f.wantPush(t, "batch.succeeded", "batches/b", http.StatusNoContent)
	lines := strings.Split(f.objects(t)["static/batches/b/batch.succeeded/responses.jsonl"], "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], `{"key":"a","response":{"candidates"`) || !strings.HasPrefix(lines[1], `{"error":{"code":8`) {
		t.Errorf("lines %q", lines)
	}
	if requests := f.last(t, 1).data["requests"].(map[string]any); requests["total"] != 2.0 || requests["failed"] != 1.0 {
		t.Errorf("requests %v", requests)
	}
}

func TestOtherEvents(t *testing.T) {
	for name, test := range map[string]struct {
		eventType, id string
		add           func(*standin.Server)
		objects       []string
		messageType   string
		data          map[string]any // part of the message's
	}{
		"batch failed": {"batch.failed", "batches/f", func(s *standin.Server) {
			s.AddBatch(standin.Batch{ID: "f", State: "BATCH_STATE_FAILED", Error: &standin.JobError{Code: 3, Message: "Line 17."}})
		}, []string{"batches/f/batch.failed/batch.json"}, "collected",
			map[string]any{"state": "BATCH_STATE_FAILED", "error": map[string]any{"code": "3", "message": "Line 17."}}},
		"batch expired": {"batch.expired", "e", func(s *standin.Server) { s.AddBatch(standin.Batch{ID: "e", State: "JOB_STATE_EXPIRED"}) },
			[]string{"batches/e/batch.expired/batch.json"}, "collected", map[string]any{"state": "BATCH_STATE_EXPIRED"}},
		"batch cancelled": {"batch.cancelled", "c", func(s *standin.Server) { s.AddBatch(standin.Batch{ID: "c", State: "BATCH_STATE_CANCELLED"}) },
			[]string{"batches/c/batch.cancelled/batch.json"}, "collected", nil},
		"batch whose file is gone": {"batch.succeeded", "g", func(s *standin.Server) { s.AddBatch(standin.Batch{ID: "g", File: "files/gone"}) },
			nil, "unavailable", map[string]any{"reason": "The file with the result is gone."}},
		"batch with a gs:// pointer": {"batch.succeeded", "p", func(s *standin.Server) { s.AddBatch(standin.Batch{ID: "p"}) },
			nil, "unavailable", map[string]any{"reason": "The result lies where gemhook may not read."}},
		"batch that does not exist": {"batch.succeeded", "n", nil, nil, "unavailable", map[string]any{"reason": "Gemini has no such job, or not any more."}},
		"id that is no name":        {"batch.succeeded", "../../secret", nil, nil, "unavailable", map[string]any{"reason": "The event's id is not the name of a job."}},
		"Deep Research": {"interaction.completed", "i", func(s *standin.Server) {
			s.AddInteraction("i", standin.Interaction{ID: "i", Texts: []string{"Tides ", "follow the moon."}}.Document())
		}, []string{"interactions/i/interaction.completed/interaction.json", "interactions/i/interaction.completed/output.md"}, "collected",
			map[string]any{"state": "completed", "text": "Tides follow the moon."}},
		"function call": {"interaction.requires_action", "i", func(s *standin.Server) {
			s.AddInteraction("i", standin.Interaction{ID: "i", Status: "requires_action", Call: "get_weather"}.Document())
		}, []string{"interactions/i/interaction.requires_action/interaction.json"}, "collected",
			map[string]any{"function_calls": []any{map[string]any{"id": "call_1", "name": "get_weather", "arguments": map[string]any{"city": "Brest", "days": 2.0}}}}},
		"interaction failed": {"interaction.failed", "i", func(s *standin.Server) {
			s.AddInteraction("i", standin.Interaction{ID: "i", Status: "failed", ErrorCode: "internal"}.Document())
		}, []string{"interactions/i/interaction.failed/interaction.json"}, "collected",
			map[string]any{"error": map[string]any{"code": "internal", "message": "The agent gave up."}}},
		"interaction cancelled, with a link elsewhere": {"interaction.cancelled", "i", func(s *standin.Server) {
			s.AddInteraction("i", standin.Interaction{ID: "i", Status: "cancelled", MediaURI: "https://example.com/v"}.Document())
		}, []string{"interactions/i/interaction.cancelled/interaction.json"}, "collected",
			map[string]any{"reason": "Media item 0: The result lies where gemhook may not read."}},
		"interaction with a video": {"interaction.completed", "i", func(s *standin.Server) {
			s.AddFile("files/v", standin.TextFile("video", "video/mp4"))
			s.AddInteraction("i", standin.Interaction{ID: "i", MediaURI: "files/v"}.Document())
		}, []string{"interactions/i/interaction.completed/0.mp4", "interactions/i/interaction.completed/interaction.json"}, "collected", nil},
		"interaction of another shape": {"interaction.completed", "i", func(s *standin.Server) { s.AddInteraction("i", []byte(`{"steps":7}`)) },
			nil, "unavailable", map[string]any{"reason": "Gemini describes the job in a way that gemhook does not understand."}},
		"videos": {"video.generated", "models/veo/operations/o", func(s *standin.Server) {
			s.AddFile("files/a", standin.TextFile("first", "video/mp4"))
			s.AddFile("files/b", standin.TextFile("second", "video/mp4"))
			s.AddVideo(standin.Video{Name: "models/veo/operations/o", Files: []string{"files/a", "files/b"}})
		}, []string{"videos/models%2Fveo%2Foperations%2Fo/video.generated/0.mp4", "videos/models%2Fveo%2Foperations%2Fo/video.generated/1.mp4",
			"videos/models%2Fveo%2Foperations%2Fo/video.generated/operation.json"}, "collected", nil},
		"videos that were filtered": {"video.generated", "operations/o", func(s *standin.Server) {
			s.AddVideo(standin.Video{Name: "operations/o", Filtered: []string{"It shows a celebrity."}})
		}, nil, "unavailable", map[string]any{"reason": "All videos were filtered: It shows a celebrity."}},
		"video whose operation is not known": {"video.generated", "v", func(s *standin.Server) { s.AddFile("files/abc123", standin.TextFile("video", "video/mp4")) },
			[]string{"videos/v/video.generated/0.mp4"}, "collected", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if test.add != nil {
				test.add(f.gemini)
			}
			for range 2 { // the second push changes nothing
				f.wantPush(t, test.eventType, test.id, http.StatusNoContent)
			}
			var want []string
			for _, object := range test.objects {
				want = append(want, "static/"+object)
			}
			if got := slices.Sorted(maps.Keys(f.objects(t))); !slices.Equal(got, want) {
				t.Errorf("objects %v, want %v", got, want)
			}
			message := f.last(t, 1)
			if message.attributes["ce-type"] != "gemhook.result."+test.messageType {
				t.Errorf("message %v", message)
			}
			for member, value := range test.data {
				if diff := cmp.Diff(value, message.data[member]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", member, diff)
				}
			}
		})
	}
}

func TestAnEventWithNothingToFetch(t *testing.T) {
	f := newFixture(t)
	f.wantPush(t, "photo.developed", "p", http.StatusNoContent)
	if status := f.push(t, []byte("no event"), nil); status != http.StatusNoContent {
		t.Errorf("status %d", status)
	}
	if len(f.published) != 0 {
		t.Errorf("%d messages", len(f.published))
	}
}
