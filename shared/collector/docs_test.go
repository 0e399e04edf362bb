package collector_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
)

var jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")

// TestDocumentedMessages wants the messages in docs/results.md to be those that are published of the
// same events.
func TestDocumentedMessages(t *testing.T) {
	f := newFixture(t)
	page, err := os.ReadFile("../../docs/results.md")
	if err != nil {
		t.Fatal(err)
	}
	f.gemini.AddFile("files/batch-9q2x", standin.ResultLines{Count: 10, Text: 40, FailEvery: 10}.File())
	f.gemini.AddBatch(standin.Batch{ID: "9q2x", File: "files/batch-9q2x", Stats: &standin.BatchStats{Total: 10, Succeeded: 9, Failed: 1}})
	f.gemini.AddBatch(standin.Batch{ID: "g", State: "BATCH_STATE_FAILED", Error: &standin.JobError{Code: 3, Message: "Line 17 is no request."}})
	f.gemini.AddBatch(standin.Batch{ID: "old", File: "files/batch-old"})
	f.gemini.AddInteraction("v1_cd", standin.Interaction{ID: "v1_cd", Texts: []string{"Tides follow the moon, ", "and a little the sun."}}.Document())
	f.gemini.AddInteraction("v1_ab", standin.Interaction{ID: "v1_ab", Status: "requires_action", Call: "get_weather"}.Document())
	f.gemini.AddFile("files/v", standin.TextFile("video", "video/mp4"))
	f.gemini.AddVideo(standin.Video{Name: "models/veo-3.1/operations/o1", Files: []string{"files/v"}})

	var types []string
	for _, block := range jsonBlock.FindAllStringSubmatch(string(page), -1) {
		if !strings.HasPrefix(block[1], `{"event"`) {
			continue
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(block[1]), &want); err != nil {
			t.Fatalf("%v in %s", err, block[1])
		}
		about := want["event"].(map[string]any)
		eventType, id := about["type"].(string), about["subject"].(string)
		types = append(types, eventType)
		t.Run(eventType+" of "+id, func(t *testing.T) {
			data, attributes := event(eventType, id, "")
			attributes["ce-id"] = about["id"].(string)
			if status := f.push(t, data, attributes); status != http.StatusNoContent {
				t.Fatalf("status %d", status)
			}
			got := f.last(t, len(types)).data
			// An operation holds the address of the stand-in, so its length and checksum vary.
			for _, message := range []map[string]any{want, got} {
				for _, object := range message["objects"].([]any) {
					if object := object.(map[string]any); strings.HasSuffix(object["uri"].(string), "/operation.json") {
						delete(object, "bytes")
						delete(object, "crc32c")
					}
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("message (-documented +published):\n%s", diff)
			}
		})
	}
	for _, eventType := range []string{"batch.succeeded", "batch.failed", "interaction.completed", "interaction.requires_action", "video.generated"} {
		if !slices.Contains(types, eventType) {
			t.Errorf("no message of %s is documented", eventType)
		}
	}
}
