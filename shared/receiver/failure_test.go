package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/once"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/topic"
	"github.com/gemhook/gemhook/shared/webhook"
)

var errAway = errors.New("the backend is away")

// fail is a step that fails.
func fail(err error) func(context.Context) error { return func(context.Context) error { return err } }

// works is a step without a fault.
var works func(context.Context) error

func TestLedgerAway(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.ledger.onClaim = fail(errAway)
	d := b.v1(b.delivery("msg_1"))
	b.failed(b.post("/", d), http.StatusServiceUnavailable, "ledger_unavailable", "10")
	if messages := b.publisher.all(); len(messages) != 0 {
		t.Errorf("%d messages without a claim", len(messages))
	}
	b.ledger.onClaim = works
	b.succeeded(b.post("/", d), "published", "msg_1")
}

// TestInFlightNoLonger has the other claim end at this very moment: the sender is still asked to
// wait.
func TestInFlightNoLonger(t *testing.T) {
	t.Parallel()
	b := newFixture(t, func(b *fixture) { b.deps.Ledger = heldLedger{} })
	b.failed(b.post("/", b.v1(b.delivery("msg_1"))), http.StatusConflict, "in_flight", "1")
}

// heldLedger is a ledger in which another claim ends right now.
type heldLedger struct{ once.Ledger }

func (heldLedger) Claim(context.Context, ledger.Message) (ledger.ClaimResult, error) {
	return ledger.ClaimResult{Standing: ledger.InFlight}, nil
}

// TestSurelyNotPublished wants the claim to be released: the next delivery need not wait, and is no
// redelivery.
func TestSurelyNotPublished(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.publisher.onPublish = fail(fmt.Errorf("publish: %w: %w", topic.ErrNotPublished, errAway))
	d := b.v1(b.delivery("msg_1"))
	b.failed(b.post("/", d), http.StatusServiceUnavailable, "topic_unavailable", "10")
	if document := b.document("static!msg_1"); document.State != ledger.Released {
		t.Errorf("the claim is %s, want released", document.State)
	}
	b.publisher.onPublish = works
	b.succeeded(b.post("/", d), "published", "msg_1")
	b.checkMessage(1, 2, false)
}

// TestPerhapsPublished wants the claim to be kept until its lease ends, and the message after it to
// be marked.
func TestPerhapsPublished(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.publisher.onPublish = fail(errAway)
	d := b.v1a(b.delivery("msg_1"))
	b.failed(b.post(dynamicPath, d), http.StatusServiceUnavailable, "topic_unavailable", "10")
	if b.ledger.releases != 0 {
		t.Error("the claim was released, though the message may be on the topic")
	}
	b.publisher.onPublish = works
	for _, step := range []struct {
		by         time.Duration
		retryAfter string
	}{{0, "10"}, {lease - 10*time.Second, "10"}, {7500 * time.Millisecond, "3"}, {1500 * time.Millisecond, "1"}, {time.Second - time.Nanosecond, "1"}} {
		b.clock.advance(step.by)
		b.failed(b.post(dynamicPath, d), http.StatusConflict, "in_flight", step.retryAfter)
	}
	b.clock.advance(time.Nanosecond)
	b.succeeded(b.post(dynamicPath, d), "published", "msg_1")
	b.checkMessage(1, 2, true)
}

// TestMarkedOnceMarkedAlways fails surely after a failure that was not sure.
func TestMarkedOnceMarkedAlways(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	d := b.v1(b.delivery("msg_1"))
	b.publisher.onPublish = fail(errAway)
	b.failed(b.post("/", d), http.StatusServiceUnavailable, "topic_unavailable", "10")
	b.clock.advance(lease)
	b.publisher.onPublish = fail(topic.ErrNotPublished)
	b.failed(b.post("/", d), http.StatusServiceUnavailable, "topic_unavailable", "10")
	b.publisher.onPublish = works
	b.succeeded(b.post("/", d), "published", "msg_1")
	b.checkMessage(2, 3, true)
}

// checkMessage wants the i-th publish to have been of that attempt, which the last log line says
// too, and marked or not.
func (b *fixture) checkMessage(i, attempt int, marked bool) {
	b.Helper()
	messages := b.publisher.all()
	if len(messages) != i+1 {
		b.Fatalf("%d publishes, want %d", len(messages), i+1)
	}
	mark, there := messages[i].attributes["ce-redelivered"]
	if there != marked || marked && mark != "true" {
		b.Errorf("ce-redelivered is %q, want marked: %t", mark, marked)
	}
	if line := b.log.last(); line["attempt"] != float64(attempt) || line["redelivered"] != marked {
		b.Errorf("logged as attempt %v, redelivered %v; want %d, %t", line["attempt"], line["redelivered"], attempt, marked)
	}
}

// TestReleaseFails wants a claim that could not be released to be left to its lease.
func TestReleaseFails(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.publisher.onPublish = fail(topic.ErrNotPublished)
	b.ledger.onRelease = fail(errAway)
	d := b.v1(b.delivery("msg_1"))
	b.failed(b.post("/", d), http.StatusServiceUnavailable, "topic_unavailable", "10")
	if text, _ := b.log.last()["error"].(string); !strings.Contains(text, errAway.Error()) {
		t.Errorf("the log does not tell of the release: %q", text)
	}
	b.failed(b.post("/", d), http.StatusConflict, "in_flight", "10")
}

func TestSettleFailsOnce(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	failures := 1
	b.ledger.onSettle = func(context.Context) error {
		if failures--; failures >= 0 {
			return errAway
		}
		return nil
	}
	d := b.v1(b.delivery("msg_1"))
	id := b.succeeded(b.post("/", d), "published", "msg_1")
	if document := b.document("static!msg_1"); document.State != ledger.Published || document.MessageID != id {
		t.Errorf("document %+v, want it settled", document)
	}
	if line := b.log.last(); line["settle_error"] != nil || line["level"] != "INFO" {
		t.Errorf("log line %v of a delivery that is settled", line)
	}
	b.succeeded(b.post("/", d), "duplicate", "msg_1")
}

// TestLeaseLost wants a delivery that somebody else took over meanwhile to be acknowledged all the
// same: it is on the topic.
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.ledger.onSettle = fail(ledger.ErrLost)
	b.succeeded(b.post("/", b.v1(b.delivery("msg_1"))), "published", "msg_1")
	if b.ledger.settles != 1 {
		t.Errorf("settled %d times without success, want once: a lost lease does not come back", b.ledger.settles)
	}
	if line := b.log.last(); line["settle_error"] != ledger.ErrLost.Error() || line["level"] != "WARN" || line["outcome"] != "published" {
		t.Errorf("log line %v", line)
	}
}

// TestTakenOverWhilePublishing has one delivery outlive its lease while another takes over. Both
// are on the topic, and the ledger says what the owner did.
func TestTakenOverWhilePublishing(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	publishing, goOn := make(chan struct{}), make(chan struct{})
	b.publisher.onPublish = gate(publishing, goOn)
	d := b.v1(b.delivery("msg_1"))
	first := make(chan *answer, 1)
	go func() { first <- b.post("/", d) }()
	<-publishing
	b.publisher.onPublish = works
	b.clock.advance(lease)
	second := b.succeeded(b.post("/", d), "published", "msg_1")
	b.checkMessage(1, 2, true)
	close(goOn)
	b.succeeded(<-first, "published", "msg_1")
	if document := b.document("static!msg_1"); document.MessageID != second || document.Attempt != 2 {
		t.Errorf("document %+v, want the one of message %s", document, second)
	}
}

func TestKeysUnavailable(t *testing.T) {
	t.Parallel()
	b := newFixture(t, func(b *fixture) {
		b.deps.Static = webhook.NewStatic(broken[webhook.Secrets]{errAway}, &webhook.Options{Now: b.clock.Now})
		b.deps.Dynamic = webhook.NewDynamic(broken[webhook.KeySet]{errAway}, &webhook.Options{Now: b.clock.Now, Audience: audience})
	})
	b.failed(b.post("/", b.v1(b.delivery("msg_1"))), http.StatusServiceUnavailable, "keys_unavailable", "10")
	b.failed(b.post(dynamicPath, b.v1a(b.delivery("msg_1"))), http.StatusServiceUnavailable, "keys_unavailable", "10")
	b.failed(b.post(dynamicPath, b.jwt(b.delivery("msg_1"))), http.StatusServiceUnavailable, "keys_unavailable", "10")
	b.untouched()

	noTenants := newFixture(t, func(b *fixture) { b.deps.Gate = tenant.NewGate(broken[tenant.Keys]{errAway}) })
	noTenants.failed(noTenants.post(dynamicPath, b.v1a(b.delivery("msg_1"))), http.StatusServiceUnavailable, "keys_unavailable", "10")
	noTenants.untouched()
}

func TestPanic(t *testing.T) {
	t.Parallel()
	boom := func(context.Context) error { panic("boom") }
	for name, breakIt := range map[string]func(*fixture){
		"verifier":  func(b *fixture) { b.deps.Static = verifierFunc(func() { panic("boom") }) },
		"ledger":    func(b *fixture) { b.ledger.onClaim = boom },
		"publisher": func(b *fixture) { b.publisher.onPublish = boom },
		"settle":    func(b *fixture) { b.ledger.onSettle = boom },
	} {
		b := newFixture(t, breakIt)
		b.failed(b.post("/", b.v1(b.delivery("msg_1"))), http.StatusInternalServerError, "internal", "10")
		line := b.log.last()
		if text, _ := line["error"].(string); line["level"] != "ERROR" || line["outcome"] != "internal" || !strings.Contains(text, "boom") {
			t.Errorf("%s: log line %v", name, line)
		}
	}
}
