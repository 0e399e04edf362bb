package collector_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/topic"
)

func TestDeletedObjectsAreRestored(t *testing.T) {
	f := newFixture(t)
	f.addBatch("b")
	f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	before := f.objects(t)
	if err := f.bucket.Delete("static/batches/b/batch.succeeded/responses.jsonl"); err != nil {
		t.Fatal(err)
	}
	f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	if diff := cmp.Diff(before, f.objects(t)); diff != "" {
		t.Errorf("objects (-before +after):\n%s", diff)
	}
	f.last(t, 1)
}

func TestObjectsThatAreThereAreKept(t *testing.T) {
	f := newFixture(t)
	f.bucket.CreatesOnly()
	f.addBatch("b")
	f.bucket.Put("static/batches/b/batch.succeeded/responses.jsonl", "other")
	f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	if got := f.objects(t)["static/batches/b/batch.succeeded/responses.jsonl"]; got != "other" {
		t.Error("the object was overwritten")
	}
	if reason := f.last(t, 1).data["reason"]; reason != "responses.jsonl was stored before with other content, which was kept." {
		t.Errorf("reason %v", reason)
	}
}

func TestTwoInstancesAtOnce(t *testing.T) {
	f := newFixture(t)
	file := f.addBatch("b")
	data, attributes := event("batch.succeeded", "b", "acme")
	var pushes sync.WaitGroup
	for range 4 {
		pushes.Go(func() { f.push(t, data, attributes) })
	}
	pushes.Wait()
	if got := f.objects(t)["dynamic/acme/batches/b/batch.succeeded/responses.jsonl"]; got != content(t, file) {
		t.Error("the responses are not the file's bytes")
	}
	if message := f.last(t, 1); message.attributes["ce-tenant"] != "acme" || message.data["reason"] != nil {
		t.Errorf("message %v", message)
	}
}

func TestNamesOfObjectsAreSafeAndDistinct(t *testing.T) {
	f := newFixture(t)
	ids := []string{"a/b", "a%2Fb", "..", ".", "ü", "a b", strings.Repeat("x", 1024), strings.Repeat("x", 1023) + "y"}
	for _, id := range ids {
		f.gemini.AddFile("files/abc123", standin.TextFile("video", "video/mp4"))
		f.wantPush(t, "video.generated", id, http.StatusNoContent)
	}
	names := slices.Sorted(maps.Keys(f.objects(t)))
	if len(names) != len(ids) {
		t.Errorf("%d objects for %d ids: %v", len(names), len(ids), names)
	}
	for _, name := range names {
		parts := strings.Split(name, "/")
		if len(parts) != 5 || len(parts[2]) > 200 || parts[2] == "." || parts[2] == ".." {
			t.Errorf("name %s", name)
		}
	}
}

// TestDeletedObjectsOfLostFiles has objects deleted whose files Gemini has deleted as well. No event
// gets a second message, and what is still in the bucket is used.
func TestDeletedObjectsOfLostFiles(t *testing.T) {
	const batch, video = "static/batches/b/batch.succeeded/", "static/videos/v/video.generated/"
	for name, test := range map[string]struct {
		eventType string
		announced bool     // the message was published before; if not, the topic was away
		deleted   []string // objects
		gone      []string // files
		want      []string // objects in the end
		message   string   // its type
		reason    any
		named     int // objects in the message
	}{
		"all of a batch": {"batch.succeeded", true, []string{batch + "batch.json", batch + "failures.jsonl", batch + "responses.jsonl"}, []string{"files/batch-b"},
			nil, "collected", nil, 3},
		"all of a batch, not announced": {"batch.succeeded", false, []string{batch + "batch.json", batch + "failures.jsonl", batch + "responses.jsonl"}, []string{"files/batch-b"},
			nil, "unavailable", "The file with the result is gone.", 0},
		"the responses": {"batch.succeeded", true, []string{batch + "responses.jsonl"}, []string{"files/batch-b"},
			[]string{batch + "batch.json", batch + "failures.jsonl"}, "collected", nil, 3},
		"the responses, not announced": {"batch.succeeded", false, []string{batch + "responses.jsonl"}, []string{"files/batch-b"},
			[]string{batch + "batch.json", batch + "failures.jsonl"}, "unavailable", "The file with the result is gone.", 0},
		"the failures": {"batch.succeeded", true, []string{batch + "failures.jsonl"}, []string{"files/batch-b"},
			[]string{batch + "batch.json", batch + "failures.jsonl", batch + "responses.jsonl"}, "collected", nil, 3},
		"the failures, not announced": {"batch.succeeded", false, []string{batch + "failures.jsonl"}, []string{"files/batch-b"},
			[]string{batch + "batch.json", batch + "failures.jsonl", batch + "responses.jsonl"}, "collected", nil, 3},
		"one of two videos": {"video.generated", true, []string{video + "0.mp4"}, []string{"files/0", "files/1"},
			[]string{video + "1.mp4", video + "operation.json"}, "collected", nil, 3},
		"one of two videos, not announced": {"video.generated", false, []string{video + "0.mp4"}, []string{"files/0", "files/1"},
			[]string{video + "1.mp4", video + "operation.json"}, "collected", "Video 0: The file with the result is gone.", 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			id := map[string]string{"batch.succeeded": "b", "video.generated": "v"}[test.eventType]
			f.addBatch("b")
			files := []string{"files/0", "files/1"}
			for _, file := range files {
				f.gemini.AddFile(file, standin.TextFile(file, "video/mp4"))
			}
			f.gemini.AddVideo(standin.Video{Name: "operations/v", Files: files})
			status := http.StatusNoContent
			if !test.announced {
				f.refuse, status = fmt.Errorf("away: %w", topic.ErrNotPublished), http.StatusServiceUnavailable
			}
			f.wantPush(t, test.eventType, id, status)
			before := f.objects(t)
			for _, object := range test.deleted {
				if err := f.bucket.Delete(object); err != nil {
					t.Fatal(err)
				}
			}
			for _, file := range test.gone {
				f.gemini.AddFile(file, standin.File{Gone: true})
			}

			for range 2 {
				f.wantPush(t, test.eventType, id, http.StatusNoContent)
			}
			after := f.objects(t)
			if diff := cmp.Diff(test.want, slices.Sorted(maps.Keys(after))); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			for object, content := range after {
				if content != before[object] {
					t.Errorf("%s has other content than before", object)
				}
			}
			message := f.last(t, 1)
			if message.attributes["ce-type"] != "gemhook.result."+test.message || message.data["reason"] != test.reason {
				t.Errorf("message %v, reason %v, want %s, %v", message.attributes["ce-type"], message.data["reason"], test.message, test.reason)
			}
			if objects := message.data["objects"].([]any); len(objects) != test.named {
				t.Errorf("the message names %v, want %d objects", objects, test.named)
			}
		})
	}
}
