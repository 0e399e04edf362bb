package e2e

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

var floodFor = flag.Duration("flood", 15*time.Second, "for how long TestFlood sends forgeries")

const (
	genuineEvery = 50 * time.Millisecond
	warmUp       = 40 // genuine deliveries before the flood
	slowSenders  = 100
)

// TestFlood has forgers of every kind send to one receiver as much as they can while genuine
// deliveries come in.
func TestFlood(t *testing.T) {
	b, g := newProject(t), newGemini(t)
	foreign, err := standin.NewKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	calls, log := &callCounter{calls: map[string]int{}}, &errorLines{}
	receiver := startLogging(t, "receive", environment(b, g, map[string]string{
		"FIRESTORE_EMULATOR_HOST": calls.inFrontOf(t, b.FirestoreHost),
		"PUBSUB_EMULATOR_HOST":    calls.inFrontOf(t, b.PubSubHost),
	}), log)

	begin := time.Now()
	genuine := &genuineSender{url: receiver.url, gemini: g}
	for range warmUp {
		genuine.send(t)
	}
	going, stop := context.WithCancel(t.Context())
	defer stop()
	var senders, forgers sync.WaitGroup
	senders.Go(func() { genuine.keepSending(going, t) })

	flood, over := context.WithTimeout(t.Context(), *floodFor)
	defer over()
	half := time.After(*floodFor / 2)
	var mu sync.Mutex
	forged := map[string]forgedOutcome{}
	for kind, forgery := range forgeries {
		forger := newForger(t, receiver.url, g, foreign)
		for range connections(kind) {
			forgers.Go(func() {
				outcome := forgery.sendUntil(flood, forger)
				mu.Lock()
				defer mu.Unlock()
				forged[kind] = forged[kind].with(outcome)
			})
		}
	}
	<-half
	firstPeak := peakMemoryOf(t, receiver)
	forgers.Wait()
	secondPeak := peakMemoryOf(t, receiver)
	stop()
	senders.Wait()

	report := &floodReport{
		took: time.Since(begin), genuine: genuine.all(), calls: calls.counted(), fetches: g.JWKSFetches(),
		peaks: [2]int64{firstPeak, secondPeak}, errors: log.all(), forged: forged, topic: map[string]int{},
	}
	for _, message := range append(b.received(topicID, len(report.genuine)), b.received(deadLetterTopicID, 0)...) {
		report.topic[message.Attributes["ce-id"]]++
	}
	t.Log(report)
	for name, check := range floodChecks {
		t.Run(name, func(t *testing.T) {
			if name == "memory stays flat" && !process.PeakMemoryKnown {
				t.Skip("a process's peak memory is known on Linux only")
			}
			if err := check(report); err != nil {
				t.Error(err)
			}
		})
	}
}

func peakMemoryOf(t *testing.T, p *receiverProcess) int64 {
	t.Helper()
	peak, err := process.PeakMemory(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	return peak
}

// connections is how many forgers of a kind there are at any time.
func connections(kind string) int {
	if kind == "slow body" || kind == "silent body" {
		return slowSenders
	}
	return 2
}

// sendUntil sends one forgery after the other until ctx has ended, at least one.
func (f forgery) sendUntil(ctx context.Context, by *forger) forgedOutcome {
	outcome := forgedOutcome{statuses: map[int]int{}}
	for {
		begin := time.Now()
		outcome.statuses[f.send(by)]++
		outcome.slowest = max(outcome.slowest, time.Since(begin))
		if ctx.Err() != nil {
			return outcome
		}
	}
}

// with adds up two outcomes.
func (o forgedOutcome) with(other forgedOutcome) forgedOutcome {
	sum := forgedOutcome{statuses: map[int]int{}, slowest: max(o.slowest, other.slowest)}
	for _, statuses := range []map[int]int{o.statuses, other.statuses} {
		for status, n := range statuses {
			sum.statuses[status] += n
		}
	}
	return sum
}

// genuineSender delivers once, as Gemini would, in each scheme in turn.
type genuineSender struct {
	url    string
	gemini *gemini.Gemini

	mu       sync.Mutex
	sent     int
	outcomes []genuineOutcome
}

func (s *genuineSender) send(t *testing.T) {
	s.mu.Lock()
	s.sent++
	number := s.sent
	s.mu.Unlock()
	scheme := []string{standin.SchemeV1, standin.SchemeV1a, standin.SchemeJWT}[number%3]
	// Each is about its own resource, since a token does not sign the webhook-id.
	event := standin.EventAt("batch.succeeded", fmt.Sprintf("batch_%d", number), time.Now())
	d, path := signed(s.gemini, gemini.NewDelivery(event), scheme)
	begin := time.Now()
	answer, err := standin.Send(context.WithoutCancel(t.Context()), nil, s.url+path, d)
	outcome := genuineOutcome{id: d.ID, took: time.Since(begin)}
	if err != nil {
		outcome.answer = err.Error()
	} else {
		outcome.answer = fmt.Sprintf("%d %s%s", answer.StatusCode, answer.Status, answer.Error)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes = append(s.outcomes, outcome)
}

// keepSending sends at a steady pace, whether or not the last one has been answered.
func (s *genuineSender) keepSending(ctx context.Context, t *testing.T) {
	var sending sync.WaitGroup
	defer sending.Wait()
	next := time.NewTicker(genuineEvery)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			sending.Go(func() { s.send(t) })
		case <-ctx.Done():
			return
		}
	}
}

func (s *genuineSender) all() []genuineOutcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.outcomes)
}

// TestForgersSeeAcceptance sends a forgery of each kind to a receiver that accepts everything, and
// wants each to count as accepted.
func TestForgersSeeAcceptance(t *testing.T) {
	t.Parallel()
	entrance := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = w.Write([]byte(`{"status":"published"}`))
	}))
	entrance.Config.ReadTimeout = time.Second // or it would wait for the slow ones' bodies, to throw them away
	entrance.Start()
	t.Cleanup(entrance.Close)
	g := newGemini(t)
	for kind, forgery := range forgeries {
		if forgery.server {
			continue // it never gets as far as the entrance
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if status := forgery.send(newForger(t, entrance.URL, g, testKeys())); status != http.StatusOK {
				t.Errorf("the forger has seen %s", statusText(status))
			}
		})
	}
}
