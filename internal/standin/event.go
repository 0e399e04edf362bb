package standin

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// EventTypes returns the types of event that Gemini's webhook guide lists. The enum is open: Gemini
// may send others.
func EventTypes() []string {
	return []string{
		"batch.succeeded",
		"batch.cancelled",
		"batch.expired",
		"batch.failed",
		"interaction.requires_action",
		"interaction.completed",
		"interaction.failed",
		"interaction.cancelled",
		"video.generated",
	}
}

// SubscribableTypes returns the types of event that Gemini lets a webhook subscribe to: those of
// EventTypes without the two that its SDKs dropped, and that its API is reported to refuse.
func SubscribableTypes() []string {
	return slices.DeleteFunc(EventTypes(), func(eventType string) bool { return strings.HasSuffix(eventType, ".cancelled") })
}

// Event returns the body of an event of a type, the same bytes every time, with the members of data
// that the guide lists for it. A type that it does not list has data.id only.
func Event(eventType string) []byte {
	return EventAt(eventType, "sample_123456", time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC))
}

// EventAt returns the body of an event as Event does, about the resource id and at a time.
func EventAt(eventType, id string, at time.Time) []byte {
	type data struct {
		ID            string `json:"id"`
		OutputFileURI string `json:"output_file_uri,omitempty"`
		FileName      string `json:"file_name,omitempty"`
		ErrorCode     string `json:"error_code,omitempty"`
		ErrorMessage  string `json:"error_message,omitempty"`
	}
	event := struct {
		Type      string `json:"type"`
		Version   string `json:"version"`
		Timestamp string `json:"timestamp"`
		Data      data   `json:"data"`
	}{eventType, "v1", at.UTC().Format(time.RFC3339Nano), data{ID: id}}

	switch eventType {
	case "batch.succeeded":
		event.Data.OutputFileURI = "gs://my-bucket/results.jsonl"
	case "batch.failed":
		event.Data.ErrorCode = "INVALID_ARGUMENT"
		event.Data.ErrorMessage = "Line 17 of the input is not a request."
	case "interaction.failed":
		event.Data.ErrorCode = "DEADLINE_EXCEEDED"
		event.Data.ErrorMessage = "The interaction did not finish in time."
	case "video.generated":
		event.Data.OutputFileURI = "https://generativelanguage.googleapis.com/v1beta/files/abc123:download?alt=media"
		event.Data.FileName = "files/abc123"
	}
	body, err := json.Marshal(event)
	if err != nil {
		panic(err) // texts always marshal
	}
	return body
}
