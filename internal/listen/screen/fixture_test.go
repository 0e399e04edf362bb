package screen_test

import (
	"context"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/listen"
	"github.com/gemhook/gemhook/internal/listen/screen"
	"github.com/gemhook/gemhook/internal/testkit/terminal"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "NO_COLOR": ""} {
		_ = os.Setenv(name, value)
	}
	os.Exit(m.Run())
}

// A fixture is a screen on a terminal.
type fixture struct {
	*terminal.Terminal
	shown *screen.Screen
	stop  context.CancelFunc
	ended chan error
	sent  chan *listen.Event // gets what is sent again
	sends chan struct{}      // each sending ends when it has taken one
}

func newFixture(t *testing.T, columns, rows int, header ...string) *fixture {
	t.Helper()
	return newFixtureWith(t, terminal.New(t, columns, rows), screen.Options{Header: header})
}

func newFixtureWith(t *testing.T, term *terminal.Terminal, options screen.Options) *fixture {
	t.Helper()
	f := &fixture{Terminal: term, ended: make(chan error, 1), sent: make(chan *listen.Event, 10), sends: make(chan struct{})}
	options.Console = term
	options.Now = func() time.Time { return at }
	options.Again = func(ctx context.Context, event *listen.Event) {
		f.sent <- event
		select {
		case <-f.sends:
		case <-ctx.Done():
		}
	}
	var err error
	if f.shown, err = screen.Open(options); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	f.stop = stop
	go func() { f.ended <- f.shown.Run(ctx) }()
	t.Cleanup(func() { stop(); _ = f.shown.Wait() })
	return f
}

var at = time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)

// newEvent returns an event with attributes beside those that all have.
func newEvent(id string, attributes map[string]string) *listen.Event {
	all := map[string]string{"ce-id": id, "ce-type": "batch.succeeded"}
	for name, value := range attributes {
		all[name] = value
	}
	return &listen.Event{Event: handler.Event{
		ID: "4711", PublishTime: at, Data: []byte(`{"type":"batch.succeeded","data":{"id":"batches/cats"}}`), Attributes: all,
	}}
}

// attempt returns an attempt that was answered with a status.
func attempt(event *listen.Event, number, status int, body string) *listen.Attempt {
	return &listen.Attempt{Event: event, Number: number, Attempt: inspect.Attempt{
		At: at.Add(time.Duration(number) * time.Second), URL: "http://localhost:3000/hook",
		Request: inspect.Request{Header: http.Header{"Ce-Id": {event.Attributes["ce-id"]}}, Body: event.Data},
		Answer: inspect.Answer{
			StatusCode: status, Header: http.Header{"X-Local": {"yes"}}, Body: []byte(body), Took: 4 * time.Millisecond,
		},
	}}
}
