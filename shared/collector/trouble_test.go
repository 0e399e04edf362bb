package collector_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// response is an answer of Gemini's.
func response(status int, body string, header ...string) *http.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// How long after its beginning a collection has stored everything, or gives up, and how long it
// tries to settle its claim.
const (
	storeBy  = 490 * time.Second
	settleBy = 520 * time.Second
)

// TestTricklingDownload has a download that does not end. The check of the token takes nearly all
// of the time that storing has, so that the rest passes in the test.
func TestTricklingDownload(t *testing.T) {
	f := newFixture(t)
	trickling := f.addBatch("b")
	trickling.Open = func() io.Reader { return io.LimitReader(zeros{}, 1<<40) }
	trickling.Size, trickling.Pause = 1<<40, time.Millisecond
	f.gemini.AddFile("files/batch-b", trickling)
	f.checkTook = storeBy - 300*time.Millisecond
	begin := f.now()
	f.wantPush(t, "batch.succeeded", "b", http.StatusServiceUnavailable)
	if took := f.now().Sub(begin); took < storeBy || took > storeBy+50*time.Second {
		t.Errorf("answered after %s, want %s: the function is stopped at 540", took, storeBy)
	}
	if names, err := f.bucket.Names(); err != nil || len(names) > 0 {
		t.Errorf("the bucket has %v, error %v", names, err)
	}

	steady := standin.ResultLines{Count: 100, Text: 4000}.File() // in 13 pieces
	steady.Pause = time.Millisecond
	f.gemini.AddFile("files/batch-b", steady)
	f.checkTook = 0
	f.wantPush(t, "batch.succeeded", "b", http.StatusNoContent)
	if f.objects(t)["static/batches/b/batch.succeeded/responses.jsonl"] != content(t, steady) {
		t.Error("the responses are not the file's bytes")
	}
	if mark := f.last(t, 1).attributes["ce-redelivered"]; mark != "" {
		t.Errorf("ce-redelivered is %q, want none: nothing was published before", mark)
	}
}

// zeros are bytes without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestRetryAfter wants a collection to wait as long as Gemini asks, if that is a minute at most, and
// to leave a longer wait to Pub/Sub.
func TestRetryAfter(t *testing.T) {
	for name, test := range map[string]struct {
		path, after string
		waited      string
		want        int
	}{
		"for the job":  {"/batches/", "7", "[7s]", http.StatusNoContent},
		"for the file": {"/files/", "60", "[1m0s]", http.StatusNoContent},
		"too long":     {"/batches/", "61", "[]", http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.addBatch("b")
			refused := false
			f.transport = func(r *http.Request) *http.Response {
				if refused || !strings.Contains(r.URL.Path, test.path) {
					return nil
				}
				refused = true
				return response(http.StatusTooManyRequests, "", "Retry-After", test.after)
			}
			f.wantPush(t, "batch.succeeded", "b", test.want)
			if got := fmt.Sprint(f.waited); got != test.waited {
				t.Errorf("waited %s, want %s", got, test.waited)
			}
		})
	}
}

// TestJobsOfOtherShapes has Gemini answer with JSON that nobody expects, and with what is none. All
// of it ends with a message, and a second push changes nothing.
func TestJobsOfOtherShapes(t *testing.T) {
	f := newFixture(t)
	var body string
	f.transport = func(r *http.Request) *http.Response {
		if strings.Contains(r.URL.Path, "/files/") {
			return nil // there is no such file
		}
		return response(http.StatusOK, body)
	}
	messages := 0
	for _, body = range []string{
		"", "null", "[]", `"text"`, "7", "{}", "<html>", `{"metadata":7,"response":[],"done":"yes"}`, `{"name":{},"steps":{},"status":[]}`,
		`{"done":true,"metadata":{"state":7,"batchStats":"none"},"response":{"generateVideoResponse":[7]}}`,
		`{"done":true,"metadata":{"state":"BATCH_STATE_SUCCEEDED"},"response":{"responsesFile":{"deep":1}}}`,
		`{"done":true,"response":{"inlinedResponses":{"inlinedResponses":"none"}}}`, strings.Repeat("[", 100_000),
	} {
		for _, eventType := range []string{"batch.succeeded", "interaction.completed", "video.generated"} {
			messages++
			id := fmt.Sprintf("operations/shape%d", messages)
			if eventType != "video.generated" {
				id = fmt.Sprintf("shape%d", messages)
			}
			t.Run(fmt.Sprintf("%s %.40s", eventType, body), func(t *testing.T) {
				f.wantPush(t, eventType, id, http.StatusNoContent)
				f.wantPush(t, eventType, id, http.StatusNoContent)
				if m := f.last(t, messages); m.attributes["ce-type"] != "gemhook.result.unavailable" || m.data["reason"] == nil {
					t.Errorf("message %v, want one that says why there is no result", m)
				}
			})
		}
	}
}

// TestLongTexts has jobs that say more of themselves than Cloud Storage takes as an object's
// metadata, which is 8 KiB. A redelivery before the message is published says the same.
func TestLongTexts(t *testing.T) {
	long := strings.Repeat(`"é<`, 50_000)
	for name, test := range map[string]struct {
		eventType, last string
		add             func(*standin.Server)
	}{
		"an error": {"batch.failed", "static/batches/j/batch.failed/batch.json", func(s *standin.Server) {
			s.AddBatch(standin.Batch{ID: "j", State: "BATCH_STATE_FAILED", Error: &standin.JobError{Code: 3, Message: long}})
		}},
		"media elsewhere": {"interaction.completed", "static/interactions/j/interaction.completed/interaction.json", func(s *standin.Server) {
			media := strings.Repeat(`,{"type":"image","uri":"https://example.com/i"}`, 1000)
			s.AddInteraction("j", []byte(`{"id":"j","status":"completed","steps":[{"type":"model_output","content":[`+media[1:]+`]}]}`))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.add(f.gemini)
			f.documents.unclaimed = errors.New("away")
			f.wantPush(t, test.eventType, "j", http.StatusServiceUnavailable)
			object, err := f.results.Stat(t.Context(), test.last)
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for name, value := range object.Metadata {
				size += len(name) + len(value)
			}
			if size > 8<<10 {
				t.Errorf("the metadata has %d bytes", size)
			}
			f.documents.unclaimed = nil
			f.gemini.FailAPI(http.StatusInternalServerError) // nothing is fetched again
			f.wantPush(t, test.eventType, "j", http.StatusNoContent)
			message := f.last(t, 1).data
			text, _ := message["reason"].(string)
			if failure, there := message["error"].(map[string]any); there {
				text = failure["message"].(string)
			}
			if len(text) < 800 || !strings.HasSuffix(text, "…") {
				t.Errorf("message %v, want the beginning of what Gemini says", message)
			}
		})
	}
}
