package interleavings

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/once"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/webhook"
)

const (
	topicID           = "gemini-events"
	deadLetterTopicID = "gemini-dead-letters"
	webhookID         = "msg_1"
	key               = ledger.Key("static!" + webhookID)
)

// A fixture is what all executions of an exploration have in common.
type fixture struct {
	Settings
	verified verified
}

// verified is a verifier that accepts one delivery, which a real verifier has accepted before.
type verified struct{ delivery webhook.Delivery }

func (verified) CheckHeaders(http.Header) error { return nil }

func (v verified) Verify(context.Context, http.Header, []byte) (webhook.Delivery, error) {
	return v.delivery, nil
}

func newFixture(t *testing.T, settings Settings) *fixture {
	t.Helper()
	body := settings.Body
	if body == nil {
		body = []byte(`{"type":"batch.succeeded"}`)
	}
	keys := &standin.Keys{Secrets: []string{standin.SecretPrefix + "dGhlIGtleSBvZiB0aGUgZXhwbG9yYXRpb24="}}
	signed, err := keys.SignV1(standin.Delivery{ID: webhookID, Time: time.Now(), Body: body})
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := webhook.ParseSecrets(keys.Secrets[0])
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := webhook.NewStatic(webhook.Fixed(secrets), nil).Verify(t.Context(), signed.Header, signed.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{settings, verified{delivery}}
}

// An execution is one order of the steps of its deliveries.
type execution struct {
	*fixture
	memory     *memoryledger.Store
	store      ledger.Store     // memory, unless a defect is in the way
	stored     *ledger.Document // what memory has
	read       bool             // stored is up to date
	topic      []message
	deliveries []*delivery
	late       []*call // given up by their callers, the effects still to come
	faults     int
	path       []label // of the steps taken
	violations []*Violation

	// mu is held by what is at work: the exploration, or a delivery between two calls. Package
	// synctest makes them take turns; mu is for the race detector, which does not know that a timer
	// orders two goroutines.
	mu      sync.Mutex
	calm    bool          // the faults are over
	over    bool          // a delivery that makes another call is to end
	rested  chan struct{} // receives when a delivery has come to rest
	running sync.WaitGroup
}

// A message is one on a topic.
type message struct {
	id, topic string
	marked    bool
	by        *delivery
}

// A delivery is one request to an instance of its own.
type delivery struct {
	execution *execution
	name      string
	kind      kind
	skew      time.Duration // of the instance's clock
	ledger    *ledger.Ledger
	outlet    once.Outlet
	receiver  *receiver.Receiver
	takeOver  func() // instead of a request: finish or replay

	begun    time.Time                  // zero: not yet
	history  []*call                    // that have come back
	call     *call                      // that it waits for
	failed   int                        // settles that failed
	troubled bool                       // something went wrong that can explain a copy
	answer   *httptest.ResponseRecorder // nil: none so far
	gone     bool                       // answered or dead
	checked  bool                       // its answer has been
}

func (f *fixture) newExecution() *execution {
	w := &execution{fixture: f, memory: memoryledger.New(), rested: make(chan struct{}, 1)}
	w.store = w.memory
	if f.Broken != nil && f.Broken.Store != nil {
		w.store = f.Broken.Store(w.memory)
	}
	for i := range f.Deliveries {
		w.deliveries = append(w.deliveries, w.newDelivery(string(rune('A'+i)), time.Duration(i%2)*f.Skew))
	}
	for range f.Finishes {
		w.deliveries = append(w.deliveries, w.newTakeOver(finish))
	}
	for range f.Replays {
		w.deliveries = append(w.deliveries, w.newTakeOver(replay))
	}
	return w
}

func (w *execution) newDelivery(name string, skew time.Duration) *delivery {
	d := &delivery{execution: w, name: name, kind: request, skew: skew}
	now := func() time.Time { return time.Now().Add(skew) }
	d.ledger = ledger.New(gatedStore{d}, ledger.Options{Lease: w.Lease, Retention: 168 * time.Hour, Now: now})
	var books once.Ledger = d.ledger
	var publisher once.Publisher = gatedTopic{d}
	if w.Broken != nil && w.Broken.Ledger != nil {
		books = w.Broken.Ledger(books)
	}
	if w.Broken != nil && w.Broken.Publisher != nil {
		publisher = w.Broken.Publisher(publisher)
	}
	d.outlet = once.Outlet{Ledger: books, Publisher: publisher, Now: now}
	d.receiver = receiver.New(receiver.Deps{
		Static: w.verified, Ledger: books, Publisher: publisher, Log: slog.New(slog.DiscardHandler),
	}, receiver.Options{ServeStatic: true, Topic: topicID, DeadLetterTopic: deadLetterTopicID, MaxBody: 1 << 20, Now: now})
	return d
}

// start posts the delivery.
func (d *delivery) start() {
	d.begun = time.Now()
	d.execution.running.Go(func() {
		recorder := httptest.NewRecorder()
		answered := false
		defer func() {
			d.execution.mu.Lock()
			defer d.execution.mu.Unlock()
			if d.gone = true; answered {
				d.answer = recorder
			}
			d.rest()
		}()
		if d.kind != request {
			d.takeOver()
			return
		}
		post, err := http.NewRequest(http.MethodPost, "/", bytes.NewReader(d.execution.verified.delivery.Payload()))
		if err != nil {
			panic(err) // it is the same each time
		}
		d.receiver.ServeHTTP(recorder, post)
		answered = true
	})
}

// rest informs the exploration that this delivery waits or has ended.
func (d *delivery) rest() {
	select {
	case d.execution.rested <- struct{}{}:
	default:
	}
}

// resume ends the wait for a call.
func (d *delivery) resume(v verdict) {
	c := d.call
	d.call = nil
	if v != answered {
		d.troubled = true
	}
	c.verdict <- v
}

// publish puts a message on a topic.
func (w *execution) publish(by *delivery, topic string, marked bool) string {
	w.checkPublish(by, marked)
	id := fmt.Sprint("m-", len(w.topic)+1)
	w.topic = append(w.topic, message{id, topic, marked, by})
	return id
}

// await returns when every delivery is at rest.
func (w *execution) await() {
	w.mu.Unlock()
	defer w.mu.Lock()
	synctest.Wait()
}

// take takes a step and waits until every delivery is at rest.
func (w *execution) take(s step) {
	w.path = append(w.path, s.label)
	if s.fault {
		w.faults++
	}
	s.do()
	w.await()
	w.checkSimultaneous()
	for _, d := range w.deliveries {
		w.checkAnswer(d)
	}
}

// end ends every delivery, wherever it is, and the exploration's turn.
func (w *execution) end() {
	w.over = true
	for _, d := range w.deliveries {
		if d.call != nil {
			d.resume(crashed)
		}
	}
	w.mu.Unlock()
	w.running.Wait()
}

// status is the answer's, 0 if there is none.
func (d *delivery) status() int {
	if d.answer == nil {
		return 0
	}
	return d.answer.Code
}

// calmDown checks what every final state must lead to, once the faults are over and the sender
// retries.
func (w *execution) calmDown() {
	w.calm = true
	w.path = append(w.path, label{what: "the faults are over"})
	for _, d := range w.deliveries {
		w.retry(d)
	}
	// The acknowledged ones may all have failed to settle; the next one does not.
	w.retry(w.deliver("another", 0))
	before := len(w.topic)
	if last := w.deliver("yet another", 0); last.status() != http.StatusOK || len(w.topic) != before {
		w.violate(G2, fmt.Sprintf("%s gets %d, and there are %d messages instead of %d", last.name, last.status(), len(w.topic), before))
	}
}

// retryPause is what lies between two attempts of the sender.
const retryPause = 10 * time.Second

// retry delivers again, as the answers ask for, until there is an acknowledgement or an abandoned
// lease must have ended.
func (w *execution) retry(d *delivery) {
	last := d
	for range w.Lease/retryPause + 2 {
		if last.status() == http.StatusOK {
			return
		}
		w.mu.Unlock()
		time.Sleep(retryPause) // in the bubble
		w.mu.Lock()
		last = w.deliver(d.name+" again", d.skew)
	}
	if last.status() != http.StatusOK {
		w.violate(Liveness, fmt.Sprintf("%s still gets %d", last.name, last.status()))
	}
}

// deliver delivers without faults.
func (w *execution) deliver(name string, skew time.Duration) *delivery {
	w.path = append(w.path, label{name, "", "is delivered"})
	d := w.newDelivery(name, skew)
	d.start()
	w.await()
	w.checkAnswer(d)
	return d
}

// document returns what the ledger has, nil if nothing.
func (w *execution) document() *ledger.Document {
	if !w.read {
		w.stored, _, _ = w.memory.Read(context.Background(), key) // nil with an error: there is none
		w.read = true
	}
	return w.stored
}
