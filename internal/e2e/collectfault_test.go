package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
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
