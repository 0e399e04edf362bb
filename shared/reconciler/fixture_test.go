package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/listing"
	"github.com/gemhook/gemhook/shared/notes"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/reconciler"
	"github.com/gemhook/gemhook/shared/topic"
	"github.com/gemhook/gemhook/shared/webhook"
)

const (
	events      = "gemini-events"
	deadLetters = "gemini-dead-letters"
	lease       = time.Minute
	retention   = 168 * time.Hour
)

// A message is one on a topic.
type message struct {
	topic      string
	data       string
	attributes map[string]string
}

func (m message) marked() bool { return m.attributes[ledger.RedeliveredAttribute] == "true" }

// Topics are a project's. They keep what is published.
type topics struct {
	mu       sync.Mutex
	messages []message
	refuse   map[string]bool // topics that refuse
	gone     map[string]bool // topics that are not there
}

func (p *topics) Publish(_ context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse[topicID] || p.gone[topicID] {
		return "", fmt.Errorf("publish to %s: %w", topicID, topic.ErrNotPublished)
	}
	p.messages = append(p.messages, message{topicID, string(data), attributes})
	return fmt.Sprint("m-", len(p.messages)), nil
}

func (p *topics) GetTopic(_ context.Context, request *pubsubpb.GetTopicRequest, _ ...gax.CallOption) (*pubsubpb.Topic, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id := request.Topic[strings.LastIndex(request.Topic, "/")+1:]; p.gone[id] {
		return nil, status.Error(codes.NotFound, "as the test says")
	}
	return &pubsubpb.Topic{}, nil
}

// of returns the messages about a resource or of a webhook-id.
func (p *topics) of(id string) []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.messages), func(m message) bool {
		return strings.TrimPrefix(m.attributes["ce-subject"], "batches/") != id && m.attributes["ce-id"] != id
	})
}

// A fixture is a deployment in this process: a receiver that is registered at a stand-in for
// Gemini, and a reconciler. All have the same clock, which waiting moves.
type fixture struct {
	*testing.T
	clock     *testkit.Clock
	documents *documents
	notes     *notes.Memory
	topics    *topics
	gemini    *standin.Server
	client    *http.Client // to both
	receiver  http.Handler
	api       *geminiapi.Client
	url       string // of the receiver
	webhook   string // its id
	options   reconciler.Options
	log       *testkit.Buffer

	books   func(reconciler.Books) reconciler.Books // changes what a reconciler works with; may be nil
	tenant  string                                  // of the API key
	checker reconciler.Checker

	mu     sync.Mutex
	down   bool
	secret webhook.Secrets
}

// documents are a ledger's, of which listing by time can be off.
type documents struct {
	*memoryledger.Store
	unlisted, unreadable bool
}

func (d *documents) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	if d.unreadable {
		return nil, ledger.Version{}, errAway
	}
	return d.Store.Read(ctx, key)
}

func (d *documents) ListSince(ctx context.Context, since time.Time, limit int) ([]listing.Entry, error) {
	if d.unlisted {
		return nil, listing.ErrNotListed
	}
	return d.Store.ListSince(ctx, since, limit)
}

func newFixture(t *testing.T, changes ...func(*standin.ServerOptions)) *fixture {
	t.Helper()
	f := &fixture{
		T: t, clock: &testkit.Clock{}, documents: &documents{Store: memoryledger.New()}, notes: notes.NewMemory(),
		topics: &topics{refuse: map[string]bool{}, gone: map[string]bool{}}, log: &testkit.Buffer{},
	}
	f.client = &http.Client{Transport: f}
	options := standin.ServerOptions{Client: f.client, Now: f.clock.Now, Wait: f.wait, PingDelay: time.Millisecond}
	for _, change := range changes {
		change(&options)
	}
	f.gemini = standin.NewServerWithOptions(&standin.Keys{}, &options)
	f.api = geminiapi.New("key", &geminiapi.Options{
		BaseURL: "https://" + geminiHost, HTTPClient: f.client, PageSize: 3, Now: f.clock.Now, Wait: f.wait, MaxAttempts: 2,
	})
	f.startReceiver()
	f.options = reconciler.Options{
		CloudProject: "p", Topic: events, DeadLetterTopic: deadLetters, Database: "(default)", Lease: lease, Retention: retention,
		ReceiverURL: f.url, FindAfter: 25 * time.Hour, FinishRate: 100_000, Now: f.clock.Now, Wait: f.wait, Version: "1.2.3",
	}
	return f
}

// Where the fixture's servers are.
const (
	geminiHost   = "gemini.example.com"
	receiverHost = "receiver.example.com"
)

// RoundTrip has the fixture's servers answer without a network.
func (f *fixture) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		defer request.Body.Close()
	}
	received := request.Clone(request.Context())
	if received.Body == nil {
		received.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	switch {
	case request.URL.Host == geminiHost:
		f.gemini.ServeHTTP(answer, received)
	case request.URL.Host != receiverHost:
		return nil, errAway
	case f.isDown():
		answer.WriteHeader(http.StatusBadGateway)
	default:
		f.receiver.ServeHTTP(answer, received)
	}
	return answer.Result(), nil
}

// wait moves the clock and lets others have their turn.
func (f *fixture) wait(ctx context.Context, d time.Duration) error {
	f.clock.Advance(d)
	return testkit.WaitBriefly(ctx, min(d, 5*time.Millisecond))
}

func (f *fixture) ledger() *ledger.Ledger {
	return ledger.New(f.documents, ledger.Options{Lease: lease, Retention: retention, Now: f.clock.Now})
}

// startReceiver serves a receiver and registers its webhook.
func (f *fixture) startReceiver() {
	f.Helper()
	f.url = "https://" + receiverHost
	registered, err := f.api.Create(f.Context(), geminiapi.Webhook{URI: f.url + "/", SubscribedEvents: geminiapi.EventTypes()})
	if err != nil {
		f.Fatal(err)
	}
	f.webhook = registered.ID
	if f.secret, err = webhook.ParseSecrets(registered.NewSigningSecret.Reveal()); err != nil {
		f.Fatal(err)
	}
	f.receiver = receiver.New(receiver.Deps{
		Static: webhook.NewStatic(f, &webhook.Options{Now: f.clock.Now}), Ledger: f.ledger(), Publisher: f.topics, Log: slog.New(slog.DiscardHandler),
	}, receiver.Options{ServeStatic: true, Topic: events, DeadLetterTopic: deadLetters, MaxBody: 1 << 20, Version: "1.2.3", Now: f.clock.Now})
}

// Get returns the receiver's secrets.
func (f *fixture) Get(context.Context) (*webhook.Secrets, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &f.secret, nil
}

// Refresh returns the same.
func (f *fixture) Refresh(ctx context.Context, _ *webhook.Secrets) *webhook.Secrets {
	secrets, _ := f.Get(ctx)
	return secrets
}

// setDown takes the receiver out of service.
func (f *fixture) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *fixture) isDown() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down
}

// loseSecret has the receiver know another secret than Gemini's.
func (f *fixture) loseSecret() {
	other, err := webhook.ParseSecrets(standin.SecretPrefix + "YW5vdGhlciBzZWNyZXQgb2YgYSB0ZXN0Lg==")
	if err != nil {
		f.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secret = other
}

func (f *fixture) reconciler() *reconciler.Reconciler {
	return reconciler.New(reconciler.Deps{
		Books: func(context.Context) (reconciler.Books, error) {
			books := reconciler.Books{Ledger: f.ledger(), Documents: f.documents, Notes: f.notes}
			if f.books != nil {
				books = f.books(books)
			}
			return books, nil
		},
		Publisher: f.topics,
		Projects: func(context.Context) ([]reconciler.Project, error) {
			return []reconciler.Project{{Tenant: f.tenant, Gemini: f.api}}, nil
		},
		HTTP: f.client, Checker: f.checker, Log: slog.New(slog.NewJSONHandler(f.log, nil)),
	}, f.options)
}

// run does a run and returns the report of a job.
func (f *fixture) run(job string) reconciler.JobReport {
	f.Helper()
	report := f.reconciler().Run(f.Context())
	f.gemini.WaitForPings()
	for _, r := range report.Jobs {
		if r.Job == job {
			return r
		}
	}
	f.Fatalf("there is no job %s", job)
	return reconciler.JobReport{}
}

// wantCounts compares what a job did.
func (f *fixture) wantCounts(got reconciler.JobReport, done, skipped, failed int) {
	f.Helper()
	if got.Done != done || got.Skipped != skipped || got.Failed != failed {
		f.Errorf("%s: %d done, %d skipped, %d failed, want %d, %d, %d: %+v", got.Job, got.Done, got.Skipped, got.Failed, done, skipped, failed, got)
	}
}

func (f *fixture) state() string {
	f.Helper()
	w, err := f.api.Get(f.Context(), f.webhook)
	if err != nil {
		f.Fatal(err)
	}
	return string(w.State)
}

// claim claims a delivery of that webhook-id and leaves it there.
func (f *fixture) claim(id string) *ledger.Claim {
	f.Helper()
	result, err := f.ledger().Claim(f.Context(), ledger.Message{
		Key: ledger.StaticKey(id), WebhookID: id, Scheme: "v1", Type: "batch.succeeded", ResourceID: id, Topic: events,
		Payload: []byte(id), Attributes: map[string]string{"ce-id": id, "ce-type": "batch.succeeded", "ce-subject": id},
	})
	if err != nil || result.Standing != ledger.Mine {
		f.Fatalf("claim: %+v, %v", result, err)
	}
	return result.Claim
}

func (f *fixture) release(claim *ledger.Claim) {
	f.Helper()
	if err := f.ledger().Release(f.Context(), claim); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) wantState(id string, want ledger.State) {
	f.Helper()
	document, _, err := f.documents.Read(f.Context(), ledger.StaticKey(id))
	if err != nil || document.State != want {
		f.Errorf("%s: %+v, %v, want it %s", id, document, err, want)
	}
}

var errAway = errors.New("away")
