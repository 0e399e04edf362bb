package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/internal/testkit/process"
	"github.com/gemhook/gemhook/internal/testkit/proxy"
	"github.com/gemhook/gemhook/shared/ledger"
)

var collectFaults = flag.Int("collectfaults", 16, "how many faults to have in collections: kills and cut connections")

// collectSlots is how many collectors run at once.
const collectSlots = 3

// places are where a collection is hit: on its way to each of the services, before it has acted or
// after. At each the collector is killed and the connection cut, in turn.
var places = []string{
	"Gemini before", "Gemini after", "bucket before", "bucket after",
	"ledger before", "ledger after", "topic before", "topic after",
}

// A faultPlan hits one call in five at each place, until there were enough faults.
type faultPlan struct {
	mu    sync.Mutex
	left  map[string]int
	calls map[string]int
	seen  map[string]int
}

func newFaultPlan(faults int) *faultPlan {
	p := &faultPlan{left: map[string]int{}, calls: map[string]int{}, seen: map[string]int{}}
	for i := range faults {
		p.left[places[i%len(places)]]++
	}
	return p
}

// next reports whether a call at a place is hit, and whether that kills the collector.
func (p *faultPlan) next(place string) (hit, kill bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[place]++
	if p.left[place] == 0 || p.calls[place]%5 != 3 {
		return false, false
	}
	p.left[place]--
	kill = p.left[place]%2 == 0
	p.seen[fmt.Sprintf("%s: kill %t", place, kill)]++
	return true, kill
}

func (p *faultPlan) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, left := range p.left {
		if left > 0 {
			return false
		}
	}
	return true
}

// A slot runs collectors, one after another, which reach the services through proxies of the slot's
// own.
type slot struct {
	t           *testing.T
	plan        *faultPlan
	environment map[string]string

	mu      sync.Mutex
	running *process.Process
	url     string
}

// newSlot starts the proxies.
func newSlot(t *testing.T, p *project, g *gemini.Gemini, results *bucket.Server, plan *faultPlan, certs string) *slot {
	t.Helper()
	s := &slot{t: t, plan: plan}
	api := httptest.NewServer(s.hit("Gemini", g.Server))
	t.Cleanup(api.Close)
	storage := httptest.NewServer(s.hit("bucket", results.Config.Handler))
	t.Cleanup(storage.Close)
	s.environment = map[string]string{
		"GOOGLE_CLOUD_PROJECT": p.ID, "GEMHOOK_LEASE": ledger.MinLease.String(), "LOG_LEVEL": "error",
		"FIRESTORE_EMULATOR_HOST": s.way("ledger", p.FirestoreHost), "PUBSUB_EMULATOR_HOST": s.way("topic", p.PubSubHost),
		"STORAGE_EMULATOR_HOST": strings.TrimPrefix(storage.URL, "http://"),
		"GEMHOOK_API_KEYS":      apiKey, "GOOGLE_GEMINI_BASE_URL": api.URL,
		"GEMHOOK_RESULTS_BUCKET": bucket.Name, "GEMHOOK_RESULTS_TOPIC": resultsTopicID,
		"GEMHOOK_PUSH_AUDIENCE": collectURL, "GEMHOOK_PUSH_ACCOUNT": pushAccount, "GEMHOOK_PUSH_CERTS_URL": certs,
	}
	t.Cleanup(s.kill)
	return s
}

// hit serves like a service, but for the requests that are hit.
func (s *slot) hit(service string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hit, kill := s.plan.next(service + " before"); hit {
			s.fail(kill)
			panic(http.ErrAbortHandler)
		}
		if hit, kill := s.plan.next(service + " after"); hit {
			handler.ServeHTTP(httptest.NewRecorder(), r)
			s.fail(kill)
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	})
}

// way returns the address of a proxy to an emulator, whose connections break during the calls that
// are hit.
func (s *slot) way(service, target string) string {
	s.t.Helper()
	between, err := proxy.New(target, &proxy.Options{Choose: func(string) *proxy.Fault {
		for place, moment := range map[string]proxy.Moment{" before": proxy.BeforeServer, " after": proxy.AfterServer} {
			hit, kill := s.plan.next(service + place)
			switch {
			case hit && kill:
				// The collector hears nothing more, so that it is killed before it acts on an
				// answer.
				time.AfterFunc(100*time.Millisecond, s.kill)
				return &proxy.Fault{Kind: proxy.BlackHole, Moment: moment}
			case hit:
				return &proxy.Fault{Kind: proxy.Cut, Moment: moment}
			}
		}
		return nil
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(between.Close)
	return between.Address()
}

func (s *slot) fail(kill bool) {
	if kill {
		s.kill()
	}
}

func (s *slot) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		_ = s.running.Stop()
	}
}

// up returns the address of a collector that runs, starting one if need be.
func (s *slot) up(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		select {
		case <-s.running.Done():
		default:
			return s.url, nil
		}
	}
	port, err := process.FreePort()
	if err != nil {
		return "", err
	}
	command := exec.Command(binary(s.t, "collect"+framework))
	command.Env = process.Environ(s.environment, "PORT="+port)
	if s.running, err = process.Start(context.WithoutCancel(ctx), command); err != nil {
		return "", err
	}
	s.url = "http://127.0.0.1:" + port
	return s.url, s.running.AwaitHTTP(ctx, s.url)
}

// TestCollectKilledAndCut pushes events to collectors that are killed, and whose connections are
// cut, at every step, until each event is answered 204. No result may be lost or half stored, and
// only the first message of an event may be unmarked.
func TestCollectKilledAndCut(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.createTopic(resultsTopicID)
	g := gemini.Start(testKeys(), &standin.ServerOptions{APIKeys: []string{apiKey}})
	t.Cleanup(g.Close)
	results, err := bucket.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(results.Close)
	token, certs := newCaller(t, collectURL)
	plan := newFaultPlan(*collectFaults)
	var slots []*slot
	for range collectSlots {
		slots = append(slots, newSlot(t, p, g, results, plan, certs))
	}

	content := string(contentOf(t, standin.ResultLines{Count: 50, Text: 2000, FailEvery: 25}.File()))
	var pushed sync.WaitGroup
	limit := make(chan struct{}, 12)
	events := 0
	for ; events < 30 || !plan.over() && events < 10*(*collectFaults); events++ {
		id := fmt.Sprintf("b%d", events)
		g.AddFile("files/batch-"+id, standin.ResultLines{Count: 50, Text: 2000, FailEvery: 25}.File())
		g.AddBatch(standin.Batch{ID: id, File: "files/batch-" + id})
		first := events
		limit <- struct{}{}
		pushed.Go(func() {
			defer func() { <-limit }()
			if err := pushUntilTaken(t.Context(), slots, first, token, id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	pushed.Wait()
	if !plan.over() {
		t.Errorf("there were faults %v, want %d", plan.seen, *collectFaults)
	}
	stored, err := results.Objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faultsOf(events, content, stored, p.received(resultsTopicID, events)) {
		t.Error(fault)
	}
	t.Logf("%d events, faults %v", events, plan.seen)
}

func contentOf(t *testing.T, file standin.File) []byte {
	t.Helper()
	content, err := io.ReadAll(file.Open())
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// pushUntilTaken pushes the event of a batch to one collector after another until it is answered
// 204.
func pushUntilTaken(ctx context.Context, slots []*slot, first int, token, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	attributes := map[string]string{
		"ce-specversion": "1.0", "ce-id": "msg_" + id, "ce-type": "batch.succeeded", "ce-subject": id, "ce-time": "2026-01-22T12:00:00Z",
		"ce-source": "//generativelanguage.googleapis.com/webhooks/static",
	}
	body, err := push.Body(id, standin.EventAt("batch.succeeded", id, time.Now()), attributes)
	if err != nil {
		return err
	}
	for attempt := first; ; attempt++ {
		status, err := pushOnce(ctx, slots[attempt%len(slots)], token, body)
		if status == http.StatusNoContent {
			return nil
		}
		if waitErr := testkit.WaitBriefly(ctx, 250*time.Millisecond); waitErr != nil {
			return fmt.Errorf("the last attempt was answered %d, %w", status, err)
		}
	}
}

func pushOnce(ctx context.Context, s *slot, token string, body []byte) (status int, err error) {
	url, err := s.up(ctx)
	if err != nil {
		return 0, err
	}
	request, err := push.NewRequest(ctx, url, token, body)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, nil
}

// faultsOf returns what is wrong with the results of batches b0, b1, …, all with the same content.
func faultsOf(events int, content string, stored map[string]string, messages []*pubsubpb.PubsubMessage) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	byEvent := map[string][]*pubsubpb.PubsubMessage{}
	for _, message := range messages {
		id := message.GetAttributes()["ce-id"]
		byEvent[id] = append(byEvent[id], message)
	}
	for i := range events {
		id := fmt.Sprintf("b%d", i)
		prefix := "static/batches/" + id + "/batch.succeeded/"
		if stored[prefix+"responses.jsonl"] != content {
			fault("%s: the responses are not those that Gemini has", id)
		}
		if lines := strings.Count(stored[prefix+"failures.jsonl"], "\n"); lines != 2 {
			fault("%s: %d failures, want 2", id, lines)
		}
		if !json.Valid([]byte(stored[prefix+"batch.json"])) {
			fault("%s: batch.json is not whole", id)
		}
		published := byEvent["msg_"+id]
		if len(published) == 0 {
			fault("%s: there is no result message", id)
		}
		first, unmarked := earliest(published), 0
		for _, message := range published {
			if message.GetAttributes()[ledger.RedeliveredAttribute] == "true" {
				continue
			}
			if unmarked++; unmarked > 1 || message != first {
				fault("%s: a message that is not the first is unmarked", id)
			}
			if !bytes.Contains(message.GetData(), []byte(prefix+"responses.jsonl")) {
				fault("%s: its message does not name the responses: %s", id, message.GetData())
			}
		}
	}
	return faults
}

func earliest(messages []*pubsubpb.PubsubMessage) *pubsubpb.PubsubMessage {
	var first *pubsubpb.PubsubMessage
	for _, message := range messages {
		if first == nil || message.GetPublishTime().AsTime().Before(first.GetPublishTime().AsTime()) {
			first = message
		}
	}
	return first
}
