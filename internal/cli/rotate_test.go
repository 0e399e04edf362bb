package cli_test

import (
	"context"
	"fmt"
	"io"
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
	f       *fixture
	stop    context.CancelFunc
	emitted sync.WaitGroup

	mu      sync.Mutex
	results []standin.Result
}

func (f *fixture) startLoad() *load {
	l := &load{f: f}
	ctx, stop := context.WithCancel(f.t.Context())
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
	results, err := l.f.gemini.Emit(l.f.t.Context(), standin.Event("batch.succeeded"))
	if err != nil {
		l.f.t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results = append(l.results, results...)
}

// atLeast waits until a number of further deliveries are done.
func (l *load) atLeast(more int) {
	l.f.t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.results)
	}
	before := count()
	l.f.eventually("deliveries go on", func() bool { return count() >= before+more })
}

// end stops it, waits until every delivery is done, and returns those.
func (l *load) end() []standin.Result {
	l.stop()
	l.emitted.Wait()
	return l.results
}

// A clock can be put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// While deliveries come in, a rotation from begin to finish has none refused.
func TestRotationUnderLoadRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	at := &clock{}
	var mu sync.Mutex
	refusals := map[string]int{} // of a webhook-id
	f := newTimedFixture(t, at.now, func(attempt standin.Attempt) {
		if attempt.Answer != nil && attempt.Answer.StatusCode == http.StatusUnauthorized {
			mu.Lock()
			defer mu.Unlock()
			refusals[attempt.ID]++
		}
	})
	id := f.register()
	first, _ := f.secrets.Latest(f.signing)

	// Both steps with deliveries going on all the while.
	running := f.startLoad()
	running.atLeast(50)
	f.run("webhooks", "rotate").want(0, "accepts the new secret and the previous one", "--finish")
	both, _ := f.secrets.Latest(f.signing)
	if !strings.HasSuffix(both, " "+first) || both != strings.Join(f.gemini.Secrets(id), " ") {
		t.Error("new and old are not stored together")
	}
	running.atLeast(50)
	f.run("webhooks", "rotate").want(0, "under way")
	f.run("webhooks", "rotate", "--finish").want(1, "still valid until")
	f.run("webhooks", "rotate", "--finish", "--early").want(0, "the new secret alone")
	if alone, _ := f.secrets.Latest(f.signing); alone+" "+first != both {
		t.Error("what is stored is not the new secret alone")
	}
	running.atLeast(50)
	f.run("webhooks", "rotate", "--finish").want(0, "nothing to finish")
	f.run("webhooks", "rotate").want(0)
	results := running.end()

	// And the end of the 24 hours, when Gemini signs with the new secret only.
	at.ahead.Store(int64(25 * time.Hour))
	running = f.startLoad()
	running.atLeast(50)
	f.run("webhooks", "rotate", "--finish").want(0, "the new secret alone")
	if alone, _ := f.secrets.Latest(f.signing); alone != strings.Join(f.gemini.Secrets(id), " ") {
		t.Error("what is stored is not what Gemini signs with")
	}
	running.atLeast(50)
	results = append(results, running.end()...)

	for id, n := range refusals {
		if n > 1 {
			t.Errorf("%s was refused %d times", id, n)
		}
	}
	f.wantEachOnce(results)
	t.Logf("%d deliveries, %d of them refused once", len(results), len(refusals))
}

// wantEachOnce fails the test unless each delivery was acknowledged and is on the topic once.
func (f *fixture) wantEachOnce(results []standin.Result) {
	f.t.Helper()
	on := map[string]int{}
	for _, m := range f.pull(subscription) {
		if m.Attributes["ce-type"] == "batch.succeeded" {
			on[m.Attributes["ce-id"]]++
		}
	}
	for _, result := range results {
		if result.Err != nil || on[result.ID] != 1 {
			f.t.Errorf("%s is on the topic %d times: %v", result.ID, on[result.ID], result.Err)
		}
		delete(on, result.ID)
	}
	if len(on) > 0 {
		f.t.Errorf("messages of no delivery: %v", on)
	}
}

// A rotation that fails has changed nothing.
func TestRotateFailures(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.run("webhooks", "rotate").want(66, "gemhook webhooks create")
	f.run("webhooks", "rotate", "--early").want(64)
	id := f.register()
	stored, _ := f.secrets.Latest(f.signing)
	unchanged := func() {
		t.Helper()
		if now, _ := f.secrets.Latest(f.signing); now != stored || strings.Join(f.gemini.Secrets(id), " ") != stored {
			t.Error("a rotation that failed has changed something")
		}
	}
	f.run("webhooks", "rotate", "unknown").want(66)
	f.secrets.Deny("AddSecretVersion")
	f.run("webhooks", "rotate").want(77, "secretmanager.versions.add")
	f.secrets.Deny()
	unchanged()
	f.env["GEMINI_API_KEY"] = "wrong"
	f.run("webhooks", "rotate").want(77)
	f.env["GEMINI_API_KEY"] = apiKey
	unchanged()
	interrupted, stop := context.WithCancelCause(t.Context())
	stop(failure.Interruption{Signal: syscall.SIGTERM})
	f.runWith(interrupted, "", "webhooks", "rotate").want(143)
	unchanged()
	documents := f.ledgerSize()
	if documents != 0 {
		t.Errorf("%d probes are left in the ledger", documents)
	}
	f.run("webhooks", "create", "--another").want(0)
	f.run("webhooks", "rotate", id, "--finish").want(1, "2 webhooks deliver to")
	f.run("webhooks", "rotate").want(64, "name one by its ID")
}

// Storing fails after Gemini has made a secret: the old one stays valid, and the next run makes
// another.
func TestRotateMakesUpForASecretThatCouldNotBeStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.register()
	stored, _ := f.secrets.Latest(f.signing)
	f.secrets.Fail(func(method string) error {
		if method == "AddSecretVersion" {
			return status.Error(codes.Internal, "out of order")
		}
		return nil
	})
	f.run("webhooks", "rotate").want(1, "could not be stored", "stays valid")
	if now, _ := f.secrets.Latest(f.signing); now != stored {
		t.Error("what is stored has changed")
	}
	emitted := func() {
		t.Helper()
		results, err := f.gemini.Emit(t.Context(), standin.Event("batch.succeeded"))
		if err != nil || len(results) != 1 || results[0].Err != nil || results[0].Attempts > 2 {
			t.Errorf("emit: %+v, %v", results, err)
		}
	}
	emitted()
	f.secrets.Fail(nil)
	f.run("webhooks", "rotate").want(0)
	emitted()
	f.run("webhooks", "rotate", "--finish", "--early").want(0)
	emitted()
	if now, _ := f.secrets.Latest(f.signing); now != f.gemini.Secrets(id)[0] {
		t.Error("what is stored is not the newest secret")
	}
}

// No secret is made where the receiver would not read it.
func TestRotateRefusesAReceiverThatReadsAnotherSecret(t *testing.T) {
	t.Parallel()
	f := newFixtureWithoutReceiver(t)
	elsewhere := fmt.Sprintf("projects/%s/secrets/elsewhere", f.project)
	secret, err := standin.NewSecret(strings.NewReader(strings.Repeat("e", 32)))
	if err != nil {
		t.Fatal(err)
	}
	f.secrets.Create(elsewhere, secret)
	f.env["GEMHOOK_URL"] = f.startReceiver(map[string]string{"GEMHOOK_SIGNING_SECRETS": elsewhere})
	f.run("webhooks", "create").want(0)
	stored, _ := f.secrets.Latest(f.signing)
	// A clock on which fifteen seconds are over soon.
	var calls atomic.Int64
	f.now = func() time.Time { return time.Now().Add(time.Duration(calls.Add(1)) * 100 * time.Millisecond) }
	f.run("webhooks", "rotate").want(1, "does not accept what is stored", "gemhook doctor")
	if now, _ := f.secrets.Latest(f.signing); now != stored {
		t.Error("what is stored has changed")
	}
}

// newTimedFixture returns a fixture of which every part goes by one clock.
func newTimedFixture(t *testing.T, now func() time.Time, observe func(standin.Attempt)) *fixture {
	t.Helper()
	f := newFixtureWithoutReceiver(t)
	f.now = now
	f.gemini = standin.NewServerWithOptions(keys(), &standin.ServerOptions{APIKeys: []string{apiKey}, Now: now, Observe: observe})
	listening := httptest.NewServer(f.gemini)
	t.Cleanup(listening.Close)
	f.env["GOOGLE_GEMINI_BASE_URL"] = listening.URL
	f.receiver = f.startReceiver(nil)
	f.env["GEMHOOK_URL"] = f.receiver
	return f
}

// TestAnOlderSecretsDeliveryProvesNothing wants a rotation to stay unfinished where Gemini's own
// delivery does not come, although somebody who has the leaked secret delivers all the while.
func TestAnOlderSecretsDeliveryProvesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	leaked, _ := f.secrets.Latest(f.signing)
	f.awaitAccepted(leaked)
	f.run("webhooks", "rotate").want(0)
	both, _ := f.secrets.Latest(f.signing)
	lossy := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if strings.HasSuffix(request.URL.Path, ":ping") {
			_, _ = io.WriteString(out, "{}") // and its delivery is lost
			return
		}
		f.gemini.ServeHTTP(out, request)
	}))
	t.Cleanup(lossy.Close)
	f.env["GOOGLE_GEMINI_BASE_URL"] = lossy.URL
	f.pingFor = 2 * time.Second
	stop := f.attack(leaked)
	defer stop()
	f.run("webhooks", "rotate", "--finish", "--early").want(1, "no delivery signed with the new secret has come in", "others came in")
	if now, _ := f.secrets.Latest(f.signing); now != both {
		t.Error("what is stored has changed")
	}
}
