// Package examples_test runs the subscribers of these folders against the Pub/Sub emulator, over a
// stream with copies that are marked, crashes of the subscriber, and redeliveries. Each job must be
// acted on once.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
)

const (
	jobs     = 24 // whose messages make two equal parts
	patience = 90 * time.Second
)

// fixture is a project with one subscription and the program that reads it.
type fixture struct {
	t       *testing.T
	project *backend.Project
	command func() *exec.Cmd // the subscriber, not started
	lines   chan string      // what every run of it says
	stop    func()           // kills the run
	end     func()           // asks the run to end, and waits until it has
	errors  *testkit.Buffer
}

func newFixture(t *testing.T, name string) *fixture {
	t.Helper()
	t.Parallel()
	project, err := backend.Open(t.Context(), "example-"+name, testkit.FirestoreHost(t), testkit.PubSubHost(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = project.Close() })
	topic := &pubsubpb.Topic{Name: project.Topic("events")}
	if _, err := project.Messages.TopicAdminClient.CreateTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	return &fixture{t: t, project: project, lines: make(chan string, 1000), errors: new(testkit.Buffer)}
}

// subscribe makes the subscription. It keeps what is acknowledged, so that all of it can be
// delivered again.
func (f *fixture) subscribe(name string, push *pubsubpb.PushConfig) {
	f.t.Helper()
	if _, err := f.project.Messages.SubscriptionAdminClient.CreateSubscription(f.t.Context(), &pubsubpb.Subscription{
		Name: f.project.Subscription(name), Topic: f.project.Topic("events"), AckDeadlineSeconds: 10, PushConfig: push, RetainAckedMessages: true,
	}); err != nil {
		f.t.Fatal(err)
	}
}

// start starts the subscriber.
func (f *fixture) start(environment ...string) {
	f.t.Helper()
	ctx, kill := context.WithCancel(f.t.Context())
	command := f.command()
	running := exec.CommandContext(ctx, command.Path, command.Args[1:]...)
	running.Dir = command.Dir
	running.Env = append(os.Environ(), "GOOGLE_CLOUD_PROJECT="+f.project.ID, "SUBSCRIPTION=events")
	running.Env = append(append(running.Env, command.Env...), environment...)
	running.Stderr = f.errors
	output, err := running.StdoutPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := running.Start(); err != nil {
		f.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			f.lines <- scanner.Text()
		}
		_ = running.Wait() // it is killed
	}()
	f.stop = func() { kill(); <-ended }
	f.end = func() {
		if err := running.Process.Signal(syscall.SIGTERM); err != nil {
			f.t.Fatal(err)
		}
		<-ended
	}
}

// publish publishes messages and returns their ids.
func (f *fixture) publish(messages []*pubsubpb.PubsubMessage) map[string]bool {
	f.t.Helper()
	response, err := f.project.Messages.TopicAdminClient.Publish(f.t.Context(), &pubsubpb.PublishRequest{Topic: f.project.Topic("events"), Messages: messages})
	if err != nil {
		f.t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, id := range response.GetMessageIds() {
		ids[id] = true
	}
	return ids
}

// deliverAgain has Pub/Sub deliver everything since a time again.
func (f *fixture) deliverAgain(since time.Time) {
	f.t.Helper()
	if _, err := f.project.Messages.SubscriptionAdminClient.Seek(f.t.Context(), &pubsubpb.SeekRequest{
		Subscription: f.project.Subscription("events"), Target: &pubsubpb.SeekRequest_Time{Time: timestamppb.New(since)},
	}); err != nil {
		f.t.Fatal(err)
	}
}

var handled = regexp.MustCompile(`^(acted on|done before:) (.*) \(message (\d+)\)$`)

// await reads what the subscriber says until enough says that it is.
func (f *fixture) await(what string, enough func(verb, id string) bool) {
	f.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line := <-f.lines:
			match := handled.FindStringSubmatch(line)
			if match == nil {
				f.t.Fatalf("the subscriber says %q", line)
			}
			if enough(match[1], match[3]) {
				return
			}
		case <-timeout:
			f.t.Fatalf("waited %s for %s, which did not come; the subscriber's errors:\n%s", patience, what, f.errors)
		}
	}
}

// run takes the subscriber through the stream, a part at a time: killed as soon as it has acted on
// something of the part, which is before or after it acknowledged, and started again, while Pub/Sub
// delivers everything again. At the end it sees all of it once more.
func (f *fixture) run(messages []*pubsubpb.PubsubMessage) {
	f.t.Helper()
	defer func() { f.stop() }()
	begin := time.Now().Add(-time.Minute)
	f.start()
	ids := map[string]bool{}
	for part := range slices.Chunk(messages, len(messages)/2) {
		fresh := f.publish(part)
		maps.Copy(ids, fresh)
		f.await("the subscriber to act", func(verb, id string) bool { return verb == "acted on" && fresh[id] })
		f.stop()
		f.deliverAgain(begin)
		f.start()
	}
	f.awaitAll(ids)
	f.end() // what it has acknowledged must not arrive after the next line
	f.deliverAgain(begin)
	f.start()
	f.awaitAll(ids)
}

// runStreaming is run for a subscriber that holds a stream open. After a crash the emulator goes on
// delivering to the broken stream for up to half a minute. So each run has a subscription of its
// own, which delivers every message again.
func (f *fixture) runStreaming(messages []*pubsubpb.PubsubMessage) {
	f.t.Helper()
	const crashes = 3
	for run := range crashes + 1 {
		f.subscribe(fmt.Sprint("run-", run), nil)
	}
	ids := f.publish(messages)
	for run := range crashes {
		f.start(fmt.Sprint("SUBSCRIPTION=run-", run))
		acted := 0
		f.await("the subscriber to act", func(verb, _ string) bool {
			acted++
			return verb == "acted on" || acted > len(messages)/2
		})
		f.stop()
	}
	f.start(fmt.Sprint("SUBSCRIPTION=run-", crashes))
	defer f.stop()
	f.awaitAll(ids)
}

// awaitAll waits until the subscriber has said of each message that it is done.
func (f *fixture) awaitAll(ids map[string]bool) {
	f.t.Helper()
	missing := maps.Clone(ids)
	f.await("every message", func(_, id string) bool {
		delete(missing, id)
		return len(missing) == 0
	})
}

// stream returns messages about jobs, as gemhook publishes them: most unmarked; of some a marked
// copy follows, of some the marked one is the only one, and some batches are found by reconcile as
// well, before or after Gemini's own event.
func stream(make func(i int, id string) *pubsubpb.PubsubMessage) []*pubsubpb.PubsubMessage {
	var messages []*pubsubpb.PubsubMessage
	mark := func(m *pubsubpb.PubsubMessage) *pubsubpb.PubsubMessage {
		m.Attributes["ce-redelivered"] = "true"
		return m
	}
	for i := range jobs {
		id := fmt.Sprintf("msg_%d", i)
		found := func() *pubsubpb.PubsubMessage {
			m := mark(make(i, fmt.Sprintf("gemhook-found-%d", i)))
			m.Attributes["ce-signaturescheme"] = "none"
			return m
		}
		switch i % 6 {
		case 1:
			messages = append(messages, make(i, id), mark(make(i, id)), mark(make(i, id)))
		case 2:
			messages = append(messages, mark(make(i, id)))
		case 3:
			messages = append(messages, make(i, id), found())
		case 4:
			messages = append(messages, found(), make(i, id))
		default:
			messages = append(messages, make(i, id))
		}
	}
	return messages
}

// eventMessage is the message of an event. Those that are found are of batches; every fifth job is
// an interaction.
func eventMessage(i int, id string) *pubsubpb.PubsubMessage {
	eventType, subject := "batch.succeeded", fmt.Sprintf("batches/job%d", i)
	if i%6 == 0 {
		eventType, subject = "interaction.completed", fmt.Sprintf("v1_job%d", i)
	}
	return &pubsubpb.PubsubMessage{
		Data: []byte(`{"type":"` + eventType + `","data":{"id":"` + subject + `","output_file_uri":"files/` + fmt.Sprint(i) + `"}}`),
		Attributes: map[string]string{
			"ce-specversion": "1.0", "ce-id": id, "ce-type": eventType, "ce-subject": subject, "content-type": "application/json", "ce-datacontenttype": "application/json",
			"ce-source": "//generativelanguage.googleapis.com/webhooks/static", "ce-signaturescheme": "v1",
		},
	}
}

// wantJobs fails the test unless each job was acted on once, by the documents that the work left.
func (f *fixture) wantJobs() {
	f.t.Helper()
	documents, err := f.project.Documents.Collection("jobs").Documents(f.t.Context()).GetAll()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, document := range documents {
		var job struct {
			Times  int    `firestore:"times"`
			Output string `firestore:"output"`
		}
		if err := document.DataTo(&job); err != nil {
			f.t.Fatal(err)
		}
		if job.Times != 1 || !strings.HasPrefix(job.Output, "files/") {
			f.t.Errorf("%s was acted on %d times, output %q; want once, and where the result is", document.Ref.ID, job.Times, job.Output)
		}
	}
	if len(documents) != jobs {
		f.t.Errorf("%d jobs were acted on, want %d", len(documents), jobs)
	}
}

// A subscriber that pulls acts once on each job, through redeliveries and kills.
func TestGoPull(t *testing.T) {
	f := newFixture(t, "go")
	program := filepath.Join(t.TempDir(), "subscriber")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	f.command = func() *exec.Cmd { return exec.Command(program) }
	f.runStreaming(stream(eventMessage))
	f.wantJobs()
}

// So does one that gets pushes without Pub/Sub's wrapper.
func TestNodeUnwrappedPush(t *testing.T) {
	node := testkit.Program(t, testkit.JavaScript, "node")
	f := newFixture(t, "node")
	port := testkit.FreePort(t)
	f.command = func() *exec.Cmd {
		command := exec.Command(node, "node/server.mjs")
		command.Env = []string{"PORT=" + port}
		return command
	}
	f.subscribe("events", &pubsubpb.PushConfig{
		PushEndpoint: "http://127.0.0.1:" + port + "/",
		Wrapper:      &pubsubpb.PushConfig_NoWrapper_{NoWrapper: &pubsubpb.PushConfig_NoWrapper{WriteMetadata: true}},
	})
	f.run(stream(eventMessage))
	f.wantJobs()
}

// resultMessage is the result message of a batch, whose responses are in the bucket; every sixth is
// not available.
func resultMessage(i int, id string) *pubsubpb.PubsubMessage {
	subject, eventType := fmt.Sprintf("batches/job%d", i), "gemhook.result.collected"
	object := map[string]any{"uri": "gs://" + bucket.Name + "/" + responses(i), "content_type": "application/jsonl", "bytes": 1, "crc32c": "AAAAAA=="}
	result := map[string]any{
		"event": map[string]string{"id": id, "type": "batch.succeeded", "subject": subject}, "state": "BATCH_STATE_SUCCEEDED",
		"objects": []any{object}, "requests": map[string]int{"total": 2, "succeeded": 1, "failed": 1},
	}
	if i%6 == 0 {
		eventType, result["objects"], result["reason"] = "gemhook.result.unavailable", []any{}, "The file with the result is gone."
	}
	data, err := json.Marshal(result)
	if err != nil {
		panic(err) // maps of texts and numbers marshal
	}
	return &pubsubpb.PubsubMessage{Data: data, Attributes: map[string]string{
		"ce-specversion": "1.0", "ce-id": id, "ce-type": eventType, "ce-eventtype": "batch.succeeded", "ce-subject": subject,
		"ce-source": "//generativelanguage.googleapis.com/webhooks/static/results", "content-type": "application/json", "ce-datacontenttype": "application/json",
	}}
}

func responses(i int) string {
	return fmt.Sprintf("static/batches/job%d/batch.succeeded/responses.jsonl", i)
}

// So does one that loads the collected responses into a database.
func TestPythonResults(t *testing.T) {
	python := testkit.Program(t, testkit.Python, "python3")
	f := newFixture(t, "python")
	objects, err := bucket.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(objects.Close)
	for i := range jobs {
		objects.Put(responses(i), `{"key":"a","response":{"candidates":[]}}`+"\n"+`{"key":"b","error":{"code":13}}`+"\n")
	}
	database := filepath.Join(t.TempDir(), "answers.db")
	f.command = func() *exec.Cmd {
		command := exec.Command(python, "python/worker.py")
		command.Env = []string{"DATABASE=" + database, "STORAGE_EMULATOR_HOST=" + objects.URL, "PYTHONDONTWRITEBYTECODE=1"}
		return command
	}
	f.subscribe("events", nil)
	f.run(stream(resultMessage))

	var saw struct {
		Jobs    map[string]int    // times by subject
		Answers map[string]int    // by subject
		Reasons map[string]string // by subject
	}
	dump := exec.CommandContext(t.Context(), python, "-c", `import json, sqlite3, sys
d = sqlite3.connect(sys.argv[1])
print(json.dumps({"jobs": dict(d.execute("SELECT subject, times FROM jobs")),
  "reasons": dict(d.execute("SELECT subject, reason FROM jobs WHERE reason IS NOT NULL")),
  "answers": dict(d.execute("SELECT subject, count(*) FROM answers GROUP BY subject"))}))`, database)
	var output bytes.Buffer
	dump.Stdout = &output
	if err := dump.Run(); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output.Bytes(), &saw); err != nil {
		t.Fatal(err)
	}
	for _, subject := range slices.Sorted(maps.Keys(saw.Jobs)) {
		unavailable := saw.Reasons[subject] != ""
		if saw.Jobs[subject] != 1 || !unavailable && saw.Answers[subject] != 2 {
			t.Errorf("%s was acted on %d times and has %d answers, want once and 2", subject, saw.Jobs[subject], saw.Answers[subject])
		}
	}
	if len(saw.Jobs) != jobs || len(saw.Reasons) != jobs/6 {
		t.Errorf("%d jobs, %d of them unavailable; want %d and %d", len(saw.Jobs), len(saw.Reasons), jobs, jobs/6)
	}
}
