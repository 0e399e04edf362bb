package standin_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/apierrors"
	"google.golang.org/genai/interactions/models/interactions"
	"google.golang.org/genai/interactions/models/operations"

	"github.com/gemhook/gemhook/internal/standin"
)

// newJobs returns a stand-in, and a client of its jobs and files: that of Google's SDK for Go.
func newJobs(t *testing.T) (*fixture, *genai.Client) {
	t.Helper()
	f := newFixture(t, standin.ServerOptions{APIKeys: []string{sdkKey}})
	client, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		APIKey: sdkKey, Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: f.url},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f, client
}

// Google's SDK for Go reads batches and their files from the stand-in.
func TestGoogleSDKForGoReadsBatches(t *testing.T) {
	t.Parallel()
	gemini, client := newJobs(t)
	file := standin.ResultLines{Count: 10, Text: 100, FailEvery: 5}.File()
	gemini.AddFile("files/results1", file)
	gemini.AddBatch(standin.Batch{ID: "file", DisplayName: "cats", File: "files/results1"})
	gemini.AddBatch(standin.Batch{ID: "inline", Inline: []json.RawMessage{
		standin.InlineResponse("a", "Yes."), standin.InlineResponse("b", ""),
	}})
	gemini.AddBatch(standin.Batch{ID: "embedded", Embeddings: true, Inline: []json.RawMessage{standin.InlineEmbedding("a", 3)}})

	job, err := client.Batches.Get(t.Context(), "batches/file", nil)
	if err != nil {
		t.Fatal(err)
	}
	if job.State != genai.JobStateSucceeded || job.DisplayName != "cats" || job.Dest == nil || job.Dest.FileName != "files/results1" {
		t.Errorf("a batch in a file is %+v with its output in %+v", job, job.Dest)
	}
	got, err := client.Files.Download(t.Context(), genai.NewDownloadURIFromFile(&genai.File{DownloadURI: job.Dest.FileName}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := io.ReadAll(file.Open()); string(got) != string(want) {
		t.Errorf("the file has %d bytes, want those that it was added with", len(got))
	}

	job, err = client.Batches.Get(t.Context(), "batches/inline", nil)
	if err != nil || job.Dest == nil || len(job.Dest.InlinedResponses) != 2 {
		t.Fatalf("an inline batch: %v", err)
	}
	first, second := job.Dest.InlinedResponses[0], job.Dest.InlinedResponses[1]
	if first.Response == nil || first.Response.Text() != "Yes." || second.Error == nil || second.Error.Message == "" {
		t.Errorf("inline responses %+v and %+v", first, second)
	}
	job, err = client.Batches.Get(t.Context(), "batches/embedded", nil)
	if err != nil || job.Dest == nil || len(job.Dest.InlinedEmbedContentResponses) != 1 {
		t.Errorf("a batch of embeddings: %v", err)
	}

	names := map[string]bool{}
	for listed, err := range client.Batches.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names[listed.Name] = true
	}
	if len(names) != 3 {
		t.Errorf("the list has %v, want three batches", names)
	}
	_, err = client.Batches.Get(t.Context(), "batches/missing", nil)
	wantStatus(t, err, http.StatusNotFound)
}

// Google's SDK for Go reads videos: running, generated and filtered.
func TestGoogleSDKForGoReadsVideos(t *testing.T) {
	t.Parallel()
	gemini, client := newJobs(t)
	const name = "models/veo/operations/o1"
	gemini.AddFile("files/abc", standin.TextFile("moving pictures", "video/mp4"))
	gemini.AddVideo(standin.Video{Name: name, Running: true})
	running, err := client.Operations.GetVideosOperation(t.Context(), &genai.GenerateVideosOperation{Name: name}, nil)
	if err != nil || running.Done {
		t.Fatalf("a running operation: %v", err)
	}
	gemini.AddVideo(standin.Video{Name: name, Files: []string{"files/abc"}})
	operation, err := client.Operations.GetVideosOperation(t.Context(), running, nil)
	if err != nil || !operation.Done || len(operation.Response.GeneratedVideos) != 1 {
		t.Fatalf("an operation that is done: %v", err)
	}
	video := operation.Response.GeneratedVideos[0]
	if got, err := client.Files.Download(t.Context(), genai.NewDownloadURIFromGeneratedVideo(video), nil); err != nil || string(got) != "moving pictures" {
		t.Errorf("the video is %q, %v", got, err)
	}
	gemini.AddVideo(standin.Video{Name: name, Filtered: []string{"It shows a celebrity."}})
	operation, err = client.Operations.GetVideosOperation(t.Context(), operation, nil)
	if err != nil || operation.Response.RAIMediaFilteredCount != 1 || len(operation.Response.GeneratedVideos) != 0 {
		t.Errorf("a filtered video: %+v, %v", operation, err)
	}
	// The SDK takes every answer to a download for the file, errors too.
	gone, err := client.Files.Download(t.Context(), genai.NewDownloadURIFromFile(&genai.File{DownloadURI: "files/gone"}), nil)
	if err != nil || !strings.Contains(string(gone), "may not exist") {
		t.Errorf("a file that is gone is %q, %v", gone, err)
	}
}

// Google's SDK for Go reads interactions: completed, waiting for a function, and failed.
func TestGoogleSDKForGoReadsInteractions(t *testing.T) {
	t.Parallel()
	gemini, client := newJobs(t)
	gemini.AddInteraction("i1", standin.Interaction{ID: "i1", Texts: []string{"Tides ", "follow the moon."}}.Document())
	gemini.AddInteraction("i2", standin.Interaction{ID: "i2", Status: "requires_action", Call: "get_weather"}.Document())
	gemini.AddInteraction("i3", standin.Interaction{ID: "i3", Status: "failed", ErrorCode: "internal"}.Document())
	get := func(id string) *interactions.Interaction {
		t.Helper()
		answer, err := client.Interactions.Get(t.Context(), operations.GetInteractionByIDRequest{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		return answer.Interaction
	}
	done := get("i1")
	if done.OutputText == nil || *done.OutputText != "Tides follow the moon." || done.Status != "completed" {
		t.Errorf("an interaction that is done has status %s and %d steps", done.Status, len(done.Steps))
	}
	waiting := get("i2").Steps
	if call := waiting[len(waiting)-1].FunctionCallStep; call == nil || call.Name != "get_weather" || call.Arguments["city"] != "Brest" {
		t.Errorf("the last step is %+v, want a function call", waiting[len(waiting)-1])
	}
	if failed := get("i3"); failed.Status != "failed" || len(failed.Errors) != 1 {
		t.Errorf("an interaction that failed has status %s and errors %+v", failed.Status, failed.Errors)
	}
	_, err := client.Interactions.Get(t.Context(), operations.GetInteractionByIDRequest{ID: "missing"})
	var refused *apierrors.GetInteractionByIDClientError
	if !errors.As(err, &refused) || refused.Error_.Code == nil || *refused.Error_.Code != "not_found" {
		t.Errorf("a missing interaction: error %v, want not_found", err)
	}
}

// wantStatus wants the SDK's error for calls other than those of Interactions and webhooks.
func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	var refused genai.APIError
	if !errors.As(err, &refused) || refused.Code != status {
		t.Errorf("error %v, want status %d", err, status)
	}
}
