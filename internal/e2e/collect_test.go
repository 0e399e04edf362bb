package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
)

const (
	resultsTopicID = "gemini-results"
	collectURL     = "https://collect.example.com/"
	apiKey         = "AIza-e2e"
)

// A collector takes pushes, and answers with a status.
type collector func(t *testing.T, header [][2]string, body []byte) int

// collectors start a collector on each platform.
var collectors = map[string]func(*testing.T, map[string]string) collector{
	"cloud function": func(t *testing.T, env map[string]string) collector {
		p := startLogging(t, "collect", env, &logBuffer{})
		return func(t *testing.T, header [][2]string, body []byte) int {
			t.Helper()
			request, err := push.NewRequest(t.Context(), p.url, "", body)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range header {
				request.Header.Set(line[0], line[1])
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			_, _ = io.Copy(io.Discard, response.Body)
			return response.StatusCode
		}
	},
	"lambda": func(t *testing.T, env map[string]string) collector {
		invoke := startBootstrap(t, "collect", env)
		return func(t *testing.T, header [][2]string, body []byte) int {
			t.Helper()
			status, _ := invoke(t, lambdaEvent(t, "$default", "/", header, body))
			return status
		}
	},
}

// A job is one that an event is about: what the stand-in has, and what is to come of it.
type job struct {
	eventType, id string
	objects       map[string]string // name below the event's folder to content; "" is anything
	data          map[string]any    // part of the result message's
}

// addJobs gives the stand-in a job for each of the nine types of event.
func addJobs(t *testing.T, g *gemini.Gemini) []job {
	t.Helper()
	file := standin.ResultLines{Count: 100, Text: 400, FailEvery: 50}.File()
	responses, err := io.ReadAll(file.Open())
	if err != nil {
		t.Fatal(err)
	}
	g.AddFile("files/batch-b1", file)
	g.AddBatch(standin.Batch{ID: "b1", File: "files/batch-b1", Stats: &standin.BatchStats{Total: 100, Succeeded: 98, Failed: 2}})
	g.AddFile("files/video-1", standin.TextFile(strings.Repeat("video ", 50_000), "video/mp4"))
	g.AddVideo(standin.Video{Name: "operations/v1", Files: []string{"files/video-1"}})
	jobs := []job{
		{"batch.succeeded", "batches/b1", map[string]string{"batch.json": "", "failures.jsonl": "", "responses.jsonl": string(responses)},
			map[string]any{"state": "BATCH_STATE_SUCCEEDED", "requests": map[string]any{"total": 100.0, "succeeded": 98.0, "failed": 2.0, "duplicate_keys": 0.0}}},
		{"video.generated", "operations/v1", map[string]string{"0.mp4": strings.Repeat("video ", 50_000), "operation.json": ""}, nil},
	}
	for _, state := range []string{"failed", "expired", "cancelled"} {
		id := "b-" + state
		g.AddBatch(standin.Batch{ID: id, State: "BATCH_STATE_" + strings.ToUpper(state)})
		jobs = append(jobs, job{"batch." + state, "batches/" + id, map[string]string{"batch.json": ""},
			map[string]any{"state": "BATCH_STATE_" + strings.ToUpper(state)}})
	}
	for _, state := range []string{"completed", "failed", "cancelled", "requires_action"} {
		id, text := "i-"+state, "The answer of "+state+"."
		g.AddInteraction(id, standin.Interaction{ID: id, Status: state, Texts: []string{text}}.Document())
		jobs = append(jobs, job{"interaction." + state, id, map[string]string{"interaction.json": "", "output.md": text},
			map[string]any{"state": state, "text": text}})
	}
	return jobs
}

// TestCollectEveryType takes an event of each type through the real chain: the stand-in signs it,
// the receiver publishes it, it is pushed from its topic to the collector, and the result is in the
// bucket, with a message about it on the results topic.
func TestCollectEveryType(t *testing.T) {
	t.Parallel()
	for platform, start := range collectors {
		t.Run(platform, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			p.createTopic(resultsTopicID)
			g := gemini.Start(testKeys(), &standin.ServerOptions{APIKeys: []string{apiKey}})
			t.Cleanup(g.Close)
			jobs := addJobs(t, g)
			results, err := bucket.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(results.Close)
			token, certs := newCaller(t, collectURL)
			receiver := newReceiver(t, environment(p, g, nil), nil)
			collect := start(t, map[string]string{
				"GOOGLE_CLOUD_PROJECT":    p.ID,
				"FIRESTORE_EMULATOR_HOST": p.FirestoreHost, "PUBSUB_EMULATOR_HOST": p.PubSubHost, "STORAGE_EMULATOR_HOST": results.Host(),
				"GEMHOOK_API_KEYS": apiKey, "GOOGLE_GEMINI_BASE_URL": g.URL,
				"GEMHOOK_RESULTS_BUCKET": bucket.Name, "GEMHOOK_RESULTS_TOPIC": resultsTopicID,
				"GEMHOOK_PUSH_AUDIENCE": collectURL, "GEMHOOK_PUSH_ACCOUNT": pushAccount, "GEMHOOK_PUSH_CERTS_URL": certs,
			})

			for _, job := range jobs {
				signed := gemini.Sign(g.Keys, gemini.NewDelivery(standin.EventAt(job.eventType, job.id, time.Now())), standin.SchemeV1)
				if answer, err := standin.Send(t.Context(), nil, receiver.url, signed); err != nil || answer.StatusCode != http.StatusOK {
					t.Fatalf("%s: answered %+v, %v", job.eventType, answer, err)
				}
			}
			events := p.received(topicID, len(jobs))
			if len(events) != len(jobs) {
				t.Fatalf("%d events on the topic, want %d", len(events), len(jobs))
			}
			for _, event := range append(events, events[0]) { // one is pushed twice
				body, err := push.Body(event.GetMessageId(), event.GetData(), event.GetAttributes())
				if err != nil {
					t.Fatal(err)
				}
				if status := collect(t, [][2]string{{"Authorization", "Bearer " + token}}, body); status != http.StatusNoContent {
					t.Errorf("%s: the push is answered %d, want 204", event.GetAttributes()["ce-type"], status)
				}
			}
			if status := collect(t, nil, []byte("{}")); status != http.StatusUnauthorized {
				t.Errorf("a push without a token is answered %d, want 401", status)
			}

			stored, err := results.Objects()
			if err != nil {
				t.Fatal(err)
			}
			messages := map[string]*pubsubpb.PubsubMessage{}
			published := p.received(resultsTopicID, len(jobs))
			for _, message := range published {
				messages[message.GetAttributes()["ce-eventtype"]] = message
			}
			if len(published) != len(jobs) {
				t.Errorf("%d result messages, want %d", len(published), len(jobs))
			}
			for _, job := range jobs {
				wantResult(t, job, stored, messages[job.eventType])
			}
		})
	}
}

// folders are where the results of events are.
var folders = map[string]string{"batch": "batches", "interaction": "interactions", "video": "videos"}

// wantResult wants the objects of a job to be stored, and to be named in its message.
func wantResult(t *testing.T, job job, stored map[string]string, message *pubsubpb.PubsubMessage) {
	t.Helper()
	if message == nil {
		t.Errorf("%s: there is no result message", job.eventType)
		return
	}
	kind, _, _ := strings.Cut(job.eventType, ".")
	id := strings.ReplaceAll(strings.TrimPrefix(job.id, "batches/"), "/", "%2F")
	prefix := fmt.Sprintf("static/%s/%s/%s/", folders[kind], id, job.eventType)
	var data map[string]any
	if err := json.Unmarshal(message.GetData(), &data); err != nil {
		t.Errorf("%s: %v", job.eventType, err)
		return
	}
	attributes := message.GetAttributes()
	if attributes["ce-type"] != "gemhook.result.collected" || attributes["ce-subject"] != job.id || attributes["ce-redelivered"] != "" ||
		attributes["ce-source"] != "//generativelanguage.googleapis.com/webhooks/static/results" {
		t.Errorf("%s: attributes %v", job.eventType, attributes)
	}
	named := map[string]bool{}
	for _, object := range data["objects"].([]any) {
		uri := object.(map[string]any)["uri"].(string)
		name := strings.TrimPrefix(uri, "gs://"+bucket.Name+"/"+prefix)
		named[name] = true
		content, found := stored[prefix+name]
		if !found || float64(len(content)) != object.(map[string]any)["bytes"] {
			t.Errorf("%s: %s has %d bytes, the message says %v", job.eventType, uri, len(content), object)
		}
		if want := job.objects[name]; want != "" && content != want {
			t.Errorf("%s: %s has other bytes than Gemini has", job.eventType, name)
		}
	}
	for name := range job.objects {
		if !named[name] {
			t.Errorf("%s: %s is not in the message, which names %v", job.eventType, name, named)
		}
	}
	for member, want := range job.data {
		if diff := cmp.Diff(want, data[member]); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", job.eventType, member, diff)
		}
	}
}
