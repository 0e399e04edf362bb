package listen_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/listen"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/proxy"
)

func TestEachEventIsHandledOnceAndNotTooManyAtATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.options.Parallel = 2
	// Long enough for a third request to arrive meanwhile, were there one.
	f.answer = func(http.ResponseWriter, string, int) { time.Sleep(20 * time.Millisecond) }
	l := f.start()
	var ids []string
	for i := range 20 {
		ids = append(ids, fmt.Sprintf("msg_%d", i))
		f.publish(ids[i])
	}
	f.wantHandled(ids...)
	if s := l.stop(); s.Handled != 20 || len(s.Unhandled) > 0 {
		t.Errorf("%d handled and %d not, want 20 and none", s.Handled, len(s.Unhandled))
	}
	if f.mostBusy != 2 {
		t.Errorf("the handler had %d requests at the same time, want 2", f.mostBusy)
	}
}

func TestWhatIsNotAcceptedIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, number int, over <-chan struct{})
		reason string
	}{
		"answering 500": {func(w http.ResponseWriter, number int, _ <-chan struct{}) {
			if number <= 3 {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}, "500 Internal Server Error"},
		"hanging": {func(_ http.ResponseWriter, number int, over <-chan struct{}) {
			if number <= 2 {
				<-over
			}
		}, "no answer within 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, over := newFixture(t), make(chan struct{})
			t.Cleanup(func() { close(over) })
			f.answer = func(w http.ResponseWriter, _ string, number int) { test.answer(w, number, over) }
			f.deliverWithin(300 * time.Millisecond)
			f.start()
			f.publish("msg_1")
			f.wantHandled("msg_1")
			if reason := f.attempts["msg_1"][1].Reason; reason != test.reason {
				t.Errorf("the second attempt is for %q, want %q", reason, test.reason)
			}
		})
	}
}

func TestAHandlerThatIsDownAndComesUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.url = "http://127.0.0.1:" + testkit.FreePort(t)
	f.deliverWithin(time.Second)
	f.start()
	f.publish("msg_1")
	f.publish("msg_2")
	f.awaitAttempts("msg_1", 2)
	f.awaitAttempts("msg_2", 2)
	pauseInLong(time.Minute)
	listener, err := net.Listen("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(f.handle)}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	f.wantHandled("msg_1", "msg_2")
	if reason := f.attempts["msg_1"][1].Reason; !strings.HasPrefix(reason, "nothing listens at") {
		t.Errorf("the second attempt is for %q", reason)
	}
}

// Events that the handler cannot cope with do not keep others from it.
func TestOneThatIsNeverAcceptedIsInNobodysWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.options.Parallel = 1
	f.answer = func(w http.ResponseWriter, id string, _ int) {
		if id == "poison" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}
	l := f.start()
	f.publish("poison")
	f.awaitRequests("poison", 2)
	f.publish("msg_1")
	f.wantHandled("msg_1")
	if s := l.stop(); len(s.Unhandled) != 1 || s.Unhandled[0].Attributes["ce-id"] != "poison" || s.Handled != 1 {
		t.Errorf("the summary is %+v, want poison unhandled", s)
	}
}

func TestTheConnectionIsCut(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*proxy.Proxy){"refused": (*proxy.Proxy).Refuse}
	if *long {
		ways["silent"] = (*proxy.Proxy).Silence
	}
	for name, cut := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			between, err := proxy.New(f.PubSubHost, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(between.Close)
			f.address = between.Address()
			release := make(chan struct{})
			f.answer = func(_ http.ResponseWriter, id string, _ int) {
				if id == "during" {
					<-release
				}
			}
			l := f.start()
			f.publish("before")
			f.publish("during")
			f.wantHandled("before")
			f.awaitRequests("during", 1)

			cut(between)
			f.publish("meanwhile")
			testkit.AwaitTrue(t, "the cut is noticed", func() bool {
				return strings.Contains(strings.Join(f.saidNotes(), ""), "connection to Pub/Sub is lost")
			})
			close(release)
			f.wantHandled("during")
			between.Forward(f.PubSubHost)
			f.publish("after")
			f.wantHandled("before", "during", "meanwhile", "after")
			// What could not be acknowledged comes again, and is known.
			pauseInLong(15 * time.Second)
			f.wantHandled("before", "during", "meanwhile", "after")
			l.stop()
			f.wantNotes("connection to Pub/Sub is lost", "connected again")
		})
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.options.Filter = messages.Filter{Type: "batch.failed", Tenant: "acme"}
	f.start()
	f.publish("other type", "ce-tenant", "acme")
	f.publish("other tenant", "ce-type", "batch.failed")
	f.publish("msg_1", "ce-type", "batch.failed", "ce-tenant", "acme")
	f.wantHandled("msg_1")
	if len(f.attempts) != 1 {
		t.Errorf("%d events were handed over, want one", len(f.attempts))
	}
}

func TestAMarkedCopyComesWithItsReasonAndAnyOtherIsKnown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.publish("msg_1")
	f.wantHandled("msg_1")
	f.publish("msg_1", "ce-redelivered", "true")
	f.awaitAccepted("msg_1", 2)
	f.publish("msg_1") // which gemhook's receiver never does
	f.publish("msg_2")
	f.wantHandled("msg_2")
	if got := f.attempts["msg_1"]; len(got) != 2 || !strings.Contains(got[1].Reason, "may be a copy") {
		t.Errorf("%d attempts, the second for %q", len(got), got[1].Reason)
	}
}

func TestSentAgainByHand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	l := f.start()
	f.publish("msg_1")
	f.wantHandled("msg_1")
	l.Again(t.Context(), f.attempts["msg_1"][0].Event)
	if got := f.attempts["msg_1"]; len(got) != 2 || got[1].Reason != listen.ByHand || !handler.Accepted(&got[1].Attempt) {
		t.Errorf("attempts %+v, want another one by hand", got)
	}
}

func TestWhatEndsAListener(t *testing.T) {
	t.Parallel()
	closed := errors.New("nobody reads")
	for name, test := range map[string]struct {
		change func(*fixture)
		want   error
	}{
		"nobody reads": {func(f *fixture) { f.options.Attempted = func(*listen.Attempt) error { return closed } }, closed},
		"the subscription is deleted": {func(f *fixture) {
			f.answer = func(http.ResponseWriter, string, int) {
				for _, name := range f.subscriptions() {
					_ = messages.Unsubscribe(f.t.Context(), f.Messages, name)
				}
			}
		}, listen.ErrGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.change(f)
			ended := make(chan error, 1)
			l := listen.New(f.options)
			go func() { _, err := l.Run(t.Context()); ended <- err }()
			f.awaitFollowing()
			f.publish("msg_1")
			if err := <-ended; !errors.Is(err, test.want) {
				t.Errorf("the listener ends with %v, want %v", err, test.want)
			}
			if left := f.subscriptions(); len(left) > 0 {
				t.Errorf("subscriptions are left: %v", left)
			}
		})
	}
}
