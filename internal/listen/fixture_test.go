package listen_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/listen"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/backend"
)

var long = flag.Bool("long", false, "run the long form: a handler that is away for a minute, connections that are silent")

// pauseInLong waits in the long form, whose tests are about how long something lasts.
func pauseInLong(d time.Duration) {
	if *long {
		time.Sleep(d)
	}
}

const (
	topic = "events"
	// patient is how long an event may take: what was on its way over a dead connection comes again
	// only when Pub/Sub has waited for its acknowledgement.
	patient = 100 * time.Second
)

// A fixture is a topic on the emulator, a handler, and a listener between them.
type fixture struct {
	*backend.Project
	t       *testing.T
	address string // of Pub/Sub, for the listener
	url     string // of the handler
	options listen.Options

	// answer is what the handler does; nil accepts. number counts an event's requests, from 1.
	answer func(w http.ResponseWriter, id string, number int)

	mu       sync.Mutex
	requests map[string]int // at the handler, by ce-id
	attempts map[string][]*listen.Attempt
	changed  chan struct{} // closed by the next attempt
	follows  chan struct{} // closed when the listener follows the topic
	notes    []string
	working  atomic.Int64
	mostBusy int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	project, err := backend.Open(t.Context(), "listen", testkit.FirestoreHost(t), testkit.PubSubHost(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = project.Close() })
	f := &fixture{
		Project: project, t: t, address: project.PubSubHost,
		requests: map[string]int{}, attempts: map[string][]*listen.Attempt{}, changed: make(chan struct{}),
		follows: make(chan struct{}),
	}
	if err := f.CreateTopic(t.Context(), topic, time.Minute); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(f.handle))
	t.Cleanup(server.Close)
	f.url = server.URL
	f.options = listen.Options{
		Open: f.open, Topic: topic, Attempted: f.attempted, Note: f.noted,
		Following: func() { close(f.follows) },
		Call: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, testkit.Patience)
		},
		Backoff: 50 * time.Millisecond, MaxBackoff: 200 * time.Millisecond, CheckEvery: 200 * time.Millisecond,
	}
	f.deliverWithin(testkit.Patience)
	return f
}

// deliverWithin has attempts end after a timeout.
func (f *fixture) deliverWithin(timeout time.Duration) {
	f.t.Helper()
	local, err := handler.New(handler.Options{URL: f.url, Timeout: timeout})
	if err != nil {
		f.t.Fatal(err)
	}
	f.options.Deliver = local.Deliver
}

func (f *fixture) open(context.Context) (*pubsub.Client, error) {
	connection, err := grpc.NewClient(f.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return pubsub.NewClient(context.Background(), f.ID, option.WithGRPCConn(connection))
}

func (f *fixture) handle(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("ce-id")
	f.mu.Lock()
	f.requests[id]++
	number := f.requests[id]
	f.mostBusy = max(f.mostBusy, f.working.Add(1))
	f.mu.Unlock()
	defer f.working.Add(-1)
	if f.answer != nil {
		f.answer(w, id, number)
	}
}

func (f *fixture) attempted(a *listen.Attempt) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := a.Attributes["ce-id"]
	f.attempts[id] = append(f.attempts[id], a)
	close(f.changed)
	f.changed = make(chan struct{})
	return nil
}

func (f *fixture) noted(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes = append(f.notes, line)
}

// listening is a listener that runs.
type listening struct {
	*listen.Listener
	f    *fixture
	stop func() listen.Summary
}

// start starts a listener and waits until it follows the topic.
func (f *fixture) start() *listening {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	type ended struct {
		summary listen.Summary
		err     error
	}
	end := make(chan ended, 1)
	l := listen.New(f.options)
	go func() {
		summary, err := l.Run(ctx)
		end <- ended{summary, err}
	}()
	stop := sync.OnceValue(func() listen.Summary {
		cancel()
		e := <-end
		if e.err != nil {
			f.t.Errorf("the listener ends with %v", e.err)
		}
		if left := f.subscriptions(); len(left) > 0 {
			f.t.Errorf("subscriptions are left: %v", left)
		}
		return e.summary
	})
	f.t.Cleanup(func() { stop() })
	f.awaitFollowing()
	return &listening{l, f, stop}
}

func (f *fixture) awaitFollowing() {
	f.t.Helper()
	select {
	case <-f.follows:
	case <-time.After(patient):
		f.t.Fatal("the listener does not follow the topic")
	}
}

func (f *fixture) subscriptions() (names []string) {
	f.t.Helper()
	all := f.Messages.SubscriptionAdminClient.ListSubscriptions(context.Background(), &pubsubpb.ListSubscriptionsRequest{Project: "projects/" + f.ID})
	for found, err := range all.All() {
		if err != nil {
			f.t.Fatal(err)
		}
		names = append(names, found.GetName())
	}
	return names
}

func attributes(id string) map[string]string {
	return map[string]string{"ce-specversion": "1.0", "ce-id": id, "ce-type": "batch.succeeded", "ce-source": "//g/webhooks/static"}
}

// publish publishes an event with some attributes set otherwise, and returns the message's id.
func (f *fixture) publish(id string, set ...string) string {
	f.t.Helper()
	message := &pubsubpb.PubsubMessage{Data: []byte(`{"type":"batch.succeeded"}`), Attributes: attributes(id)}
	for i := 0; i < len(set); i += 2 {
		message.Attributes[set[i]] = set[i+1]
	}
	response, err := f.Messages.TopicAdminClient.Publish(f.t.Context(), &pubsubpb.PublishRequest{
		Topic: f.Topic(topic), Messages: []*pubsubpb.PubsubMessage{message},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return response.GetMessageIds()[0]
}

// accepted returns how many attempts at an event were accepted, and a channel that the next attempt
// at any event closes.
func (f *fixture) accepted(id string) (n int, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.attempts[id] {
		if handler.Accepted(&a.Attempt) {
			n++
		}
	}
	return n, f.changed
}

// awaitAccepted waits until so many attempts at an event were accepted.
func (f *fixture) awaitAccepted(id string, want int) {
	f.t.Helper()
	limit := time.After(patient)
	for {
		n, changed := f.accepted(id)
		if n >= want {
			return
		}
		select {
		case <-changed:
		case <-limit:
			f.t.Fatalf("%s was handled %d times, want %d; notes: %q", id, n, want, f.saidNotes())
		}
	}
}

// wantHandled waits until each event is handled, and fails the test if one was handled more than
// once, or was handed over again without a reason, or without a report.
func (f *fixture) wantHandled(ids ...string) {
	f.t.Helper()
	for _, id := range ids {
		f.awaitAccepted(id, 1)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		attempts := f.attempts[id]
		if n := f.requests[id]; n > len(attempts) {
			f.t.Errorf("%s: %d requests at the handler, and %d attempts reported", id, n, len(attempts))
		}
		for i, a := range attempts {
			last := i == len(attempts)-1
			if handler.Accepted(&a.Attempt) != last || (a.Reason == "") != (i == 0) || (a.Retry == 0) != last || a.Number != i+1 {
				f.t.Errorf("%s: attempt %d of %d is number %d, for %q: %s, next in %v",
					id, i+1, len(attempts), a.Number, a.Reason, handler.Outcome(&a.Attempt), a.Retry)
			}
		}
	}
}

// awaitRequests waits until the handler has had so many requests with an event.
func (f *fixture) awaitRequests(id string, n int) {
	f.t.Helper()
	testkit.AwaitTrue(f.t, fmt.Sprintf("%d requests with %s", n, id), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.requests[id] >= n
	})
}

// awaitAttempts waits until so many attempts at an event are reported.
func (f *fixture) awaitAttempts(id string, n int) {
	f.t.Helper()
	testkit.AwaitTrue(f.t, fmt.Sprintf("%d attempts at %s", n, id), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.attempts[id]) >= n
	})
}

func (f *fixture) saidNotes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.notes)
}

// wantNotes fails the test unless that was said, in this order.
func (f *fixture) wantNotes(want ...string) {
	f.t.Helper()
	notes := f.saidNotes()
	for _, note := range notes {
		if len(want) > 0 && strings.Contains(note, want[0]) {
			want = want[1:]
		}
	}
	if len(want) > 0 {
		f.t.Errorf("noted %q, want %q", notes, want)
	}
}
