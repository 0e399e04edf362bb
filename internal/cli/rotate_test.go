package cli_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/standin"
)

// load is a Gemini that has an event to deliver every 20 ms.
type load struct {
	w       *fixture
	stop    context.CancelFunc
	emitted sync.WaitGroup

	mu      sync.Mutex
	results []standin.Result
}

func (w *fixture) startLoad() *load {
	l := &load{w: w}
	ctx, stop := context.WithCancel(w.t.Context())
	l.stop = stop
	l.emitted.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				l.emitted.Go(l.emit)
			case <-ctx.Done():
				return
			}
		}
	})
	return l
}

func (l *load) emit() {
	results, err := l.w.gemini.Emit(l.w.t.Context(), standin.Event("batch.succeeded"))
	if err != nil {
		l.w.t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results = append(l.results, results...)
}

// atLeast waits until so many more deliveries are done with.
func (l *load) atLeast(more int) {
	l.w.t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.results)
	}
	before := count()
	l.w.eventually("deliveries go on", func() bool { return count() >= before+more })
}

// end stops it, waits until every delivery is done with, and returns those.
func (l *load) end() []standin.Result {
	l.stop()
	l.emitted.Wait()
	return l.results
}

// A clock can be put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func TestRotationUnderLoadRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	at := &clock{}
	var mu sync.Mutex
	refusals := map[string]int{} // of a webhook-id
	w := newTimedFixture(t, at.now, func(attempt standin.Attempt) {
		if attempt.Answer != nil && attempt.Answer.StatusCode == http.StatusUnauthorized {
			mu.Lock()
			defer mu.Unlock()
			refusals[attempt.ID]++
		}
	})
	id := w.register()
	first, _ := w.secrets.Latest(w.signing)

	// Both steps with deliveries going on all the while.
	running := w.startLoad()
	running.atLeast(50)
	w.run("webhooks", "rotate").want(0, "accepts the new secret and the previous one", "--finish")
	both, _ := w.secrets.Latest(w.signing)
	if !strings.HasSuffix(both, " "+first) || both != strings.Join(w.gemini.Secrets(id), " ") {
		t.Error("new and old are not stored together")
	}
	running.atLeast(50)
	w.run("webhooks", "rotate").want(0, "under way")
	w.run("webhooks", "rotate", "--finish").want(1, "still valid until")
	w.run("webhooks", "rotate", "--finish", "--early").want(0, "the new secret alone")
	if alone, _ := w.secrets.Latest(w.signing); alone+" "+first != both {
		t.Error("what is stored is not the new secret alone")
	}
	running.atLeast(50)
	w.run("webhooks", "rotate", "--finish").want(0, "nothing to finish")
	w.run("webhooks", "rotate").want(0)
	results := running.end()

	// And the end of the 24 hours, when Gemini signs with the new secret only.
	at.ahead.Store(int64(25 * time.Hour))
	running = w.startLoad()
	running.atLeast(50)
	w.run("webhooks", "rotate", "--finish").want(0, "the new secret alone")
	if alone, _ := w.secrets.Latest(w.signing); alone != strings.Join(w.gemini.Secrets(id), " ") {
		t.Error("what is stored is not what Gemini signs with")
	}
	running.atLeast(50)
	results = append(results, running.end()...)

	for id, n := range refusals {
		if n > 1 {
			t.Errorf("%s was refused %d times", id, n)
		}
	}
	w.wantEachOnce(results)
	t.Logf("%d deliveries, %d of them refused once", len(results), len(refusals))
}

// wantEachOnce fails the test unless each delivery was acknowledged and is on the topic once.
func (w *fixture) wantEachOnce(results []standin.Result) {
	w.t.Helper()
	on := map[string]int{}
	for _, m := range w.pull(subscription) {
		if m.Attributes["ce-type"] == "batch.succeeded" {
			on[m.Attributes["ce-id"]]++
		}
	}
	for _, result := range results {
		if result.Err != nil || on[result.ID] != 1 {
			w.t.Errorf("%s is on the topic %d times: %v", result.ID, on[result.ID], result.Err)
		}
		delete(on, result.ID)
	}
	if len(on) > 0 {
		w.t.Errorf("messages of no delivery: %v", on)
	}
}

func TestRotateFailures(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.run("webhooks", "rotate").want(66, "gemhook webhooks create")
	w.run("webhooks", "rotate", "--early").want(64)
	id := w.register()
	stored, _ := w.secrets.Latest(w.signing)
	unchanged := func() {
		t.Helper()
		if now, _ := w.secrets.Latest(w.signing); now != stored || strings.Join(w.gemini.Secrets(id), " ") != stored {
			t.Error("a rotation that failed has changed something")
		}
	}
	w.run("webhooks", "rotate", "unknown").want(66)
	w.secrets.Deny("AddSecretVersion")
	w.run("webhooks", "rotate").want(77, "secretmanager.versions.add")
	w.secrets.Deny()
	unchanged()
	w.env["GEMINI_API_KEY"] = "wrong"
	w.run("webhooks", "rotate").want(77)
	w.env["GEMINI_API_KEY"] = apiKey
	unchanged()
	interrupted, stop := context.WithCancelCause(t.Context())
	stop(failure.Interruption{Signal: syscall.SIGTERM})
	w.runWith(interrupted, "", "webhooks", "rotate").want(143)
	unchanged()
	documents := w.ledgerSize()
	if documents != 0 {
		t.Errorf("%d probes are left in the ledger", documents)
	}
	w.run("webhooks", "create", "--another").want(0)
	w.run("webhooks", "rotate", id, "--finish").want(1, "2 webhooks deliver to")
	w.run("webhooks", "rotate").want(64, "name one by its ID")
}

// Storing fails after Gemini has made a secret: the old one stays good, and the next run makes up
// for it.
func TestRotateMakesUpForASecretThatCouldNotBeStored(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	id := w.register()
	stored, _ := w.secrets.Latest(w.signing)
	w.secrets.Fail(func(method string) error {
		if method == "AddSecretVersion" {
			return status.Error(codes.Internal, "out of order")
		}
		return nil
	})
	w.run("webhooks", "rotate").want(1, "could not be stored", "stays valid")
	if now, _ := w.secrets.Latest(w.signing); now != stored {
		t.Error("what is stored has changed")
	}
	emitted := func() {
		t.Helper()
		results, err := w.gemini.Emit(t.Context(), standin.Event("batch.succeeded"))
		if err != nil || len(results) != 1 || results[0].Err != nil || results[0].Attempts > 2 {
			t.Errorf("emit: %+v, %v", results, err)
		}
	}
	emitted()
	w.secrets.Fail(nil)
	w.run("webhooks", "rotate").want(0)
	emitted()
	w.run("webhooks", "rotate", "--finish", "--early").want(0)
	emitted()
	if now, _ := w.secrets.Latest(w.signing); now != w.gemini.Secrets(id)[0] {
		t.Error("what is stored is not the newest secret")
	}
}

func TestRotateRefusesAReceiverThatReadsAnotherSecret(t *testing.T) {
	t.Parallel()
	w := newFixtureWithoutReceiver(t)
	elsewhere := fmt.Sprintf("projects/%s/secrets/elsewhere", w.project)
	secret, err := standin.NewSecret(strings.NewReader(strings.Repeat("e", 32)))
	if err != nil {
		t.Fatal(err)
	}
	w.secrets.Create(elsewhere, secret)
	w.env["GEMHOOK_URL"] = w.startReceiver(map[string]string{"GEMHOOK_SIGNING_SECRETS": elsewhere})
	w.run("webhooks", "create").want(0)
	stored, _ := w.secrets.Latest(w.signing)
	// A clock on which fifteen seconds are over soon.
	var calls atomic.Int64
	w.now = func() time.Time { return time.Now().Add(time.Duration(calls.Add(1)) * 100 * time.Millisecond) }
	w.run("webhooks", "rotate").want(1, "does not accept what is stored", "gemhook doctor")
	if now, _ := w.secrets.Latest(w.signing); now != stored {
		t.Error("what is stored has changed")
	}
}

// newTimedFixture returns a fixture of which every part goes by one clock.
func newTimedFixture(t *testing.T, now func() time.Time, observe func(standin.Attempt)) *fixture {
	t.Helper()
	w := newFixtureWithoutReceiver(t)
	w.now = now
	w.gemini = standin.NewServerWithOptions(keys(), &standin.ServerOptions{APIKeys: []string{apiKey}, Now: now, Observe: observe})
	listening := httptest.NewServer(w.gemini)
	t.Cleanup(listening.Close)
	w.env["GOOGLE_GEMINI_BASE_URL"] = listening.URL
	w.receiver = w.startReceiver(nil)
	w.env["GEMHOOK_URL"] = w.receiver
	return w
}
