package e2e

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	handler "github.com/gemhook/gemhook/shared/receiver"
)

// wantUnavailable posts a delivery once and wants a 503 of that code, with Retry-After, within the
// receiver's deadline.
func wantUnavailable(t *testing.T, url string, d standin.Delivery, code string) {
	t.Helper()
	begin := time.Now()
	answer := post(t, url, d)
	if answer.StatusCode != 503 || answer.Error != code || answer.Header.Get("Retry-After") == "" {
		t.Errorf("answer %d %s with Retry-After %q, want 503 %s", answer.StatusCode, answer.Body, answer.Header.Get("Retry-After"), code)
	}
	if took := time.Since(begin); took > handler.Deadline+time.Second/2 {
		t.Errorf("answered after %s, want at most %s", took, handler.Deadline)
	}
}

// wantDelivered sends a delivery as Gemini would until it is acknowledged, and wants it on the
// topic once.
func wantDelivered(t *testing.T, b *project, url string, d standin.Delivery, marked bool) {
	t.Helper()
	answer, err := standin.Deliver(t.Context(), nil, url, d, &standin.DeliverOptions{Attempts: 1000, Wait: testkit.WaitBriefly})
	if err != nil {
		t.Fatalf("not delivered: %v", err)
	}
	if answer.Status != "published" {
		t.Errorf("answer %s, want published", answer.Body)
	}
	messages := b.received(topicID, 1)
	if len(messages) != 1 || messages[0].Attributes["ce-id"] != d.ID {
		t.Fatalf("%d messages on the topic, want the one of %s", len(messages), d.ID)
	}
	if got := messages[0].Attributes["ce-redelivered"] == "true"; got != marked {
		t.Errorf("message marked as a redelivery: %t, want %t", got, marked)
	}
}

func newSigned(t *testing.T, g *gemini.Gemini) standin.Delivery {
	t.Helper()
	d, _ := signed(g, gemini.NewDelivery(standin.Event("batch.succeeded")), standin.SchemeV1)
	return d
}

// samePort are the options to start an emulator again where it was.
func samePort(t *testing.T, host string) *emulator.Options {
	t.Helper()
	_, text, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return &emulator.Options{Port: port}
}

// While Firestore is stopped deliveries are answered 503, and accepted once it is back.
func TestFirestoreStoppedAndStarted(t *testing.T) {
	firestore := testkit.StartFirestore(t, nil)
	b, g := openProject(t, firestore.Host(), testkit.PubSubHost(t)), newGemini(t)
	p := startProcess(t, environment(b, g, nil))

	if answer := post(t, p.url, newSigned(t, g)); answer.Status != "published" {
		t.Fatalf("before: %d %s", answer.StatusCode, answer.Body)
	}
	b.received(topicID, 1)

	if err := firestore.Stop(); err != nil {
		t.Fatal(err)
	}
	d := newSigned(t, g)
	wantUnavailable(t, p.url, d, "ledger_unavailable")
	if messages := b.received(topicID, 0); len(messages) != 0 {
		t.Errorf("%d messages on the topic of a delivery that was not claimed", len(messages))
	}

	testkit.StartFirestore(t, samePort(t, firestore.Host()))
	wantDelivered(t, b, p.url, d, false)
}

// While Pub/Sub is stopped deliveries are answered 503, their claims released, and accepted later.
func TestPubSubStoppedAndStarted(t *testing.T) {
	pubsub := testkit.StartPubSub(t, nil)
	b, g := openProject(t, testkit.FirestoreHost(t), pubsub.Host()), newGemini(t)
	p := startProcess(t, environment(b, g, nil))

	if err := pubsub.Stop(); err != nil {
		t.Fatal(err)
	}
	d := newSigned(t, g)
	wantUnavailable(t, p.url, d, "topic_unavailable")
	if document := b.document("static!" + d.ID); document["state"] != "released" {
		t.Errorf("ledger has %v, want released: nothing was sent", document["state"])
	}

	testkit.StartPubSub(t, samePort(t, pubsub.Host()))
	b.createTopics() // the emulator forgets
	wantDelivered(t, b, p.url, d, false)
}

// A receiver that starts before its backends works once they are there.
func TestBackendsAwayAtStart(t *testing.T) {
	t.Parallel()
	b, g := newProject(t), newGemini(t)
	firestore, pubsub := newProxy(t, ""), newProxy(t, "")
	p := startProcess(t, environment(b, g, map[string]string{
		"FIRESTORE_EMULATOR_HOST": firestore.Address(), "PUBSUB_EMULATOR_HOST": pubsub.Address(),
	}))
	d := newSigned(t, g)
	wantUnavailable(t, p.url, d, "ledger_unavailable")
	firestore.Forward(b.FirestoreHost)
	wantUnavailable(t, p.url, d, "topic_unavailable")
	pubsub.Forward(b.PubSubHost)
	wantDelivered(t, b, p.url, d, false)
}

// A Firestore that does not answer is given up in time for a 503.
func TestFirestoreHangs(t *testing.T) {
	t.Parallel()
	b, g := newProject(t), newGemini(t)
	firestore := newProxy(t, b.FirestoreHost)
	p := startProcess(t, environment(b, g, map[string]string{"FIRESTORE_EMULATOR_HOST": firestore.Address()}))
	firestore.Silence()
	d := newSigned(t, g)
	wantUnavailable(t, p.url, d, "ledger_unavailable")
	firestore.Forward(b.FirestoreHost)
	wantDelivered(t, b, p.url, d, false)
}

// A publish that was sent and never answered may have landed. The claim stays until its lease ends,
// and whoever takes it over marks the message.
func TestPubSubHangs(t *testing.T) {
	t.Parallel()
	b, g := newProject(t), newGemini(t)
	pubsub := newProxy(t, b.PubSubHost)
	p := startProcess(t, environment(b, g, map[string]string{
		"PUBSUB_EMULATOR_HOST": pubsub.Address(), "GEMHOOK_LEASE": "20s",
	}))
	if answer := post(t, p.url, newSigned(t, g)); answer.Status != "published" {
		t.Fatalf("before: %d %s", answer.StatusCode, answer.Body)
	}
	b.received(topicID, 1)

	sink := newSink(t)
	pubsub.Forward(sink)
	d := newSigned(t, g)
	wantUnavailable(t, p.url, d, "topic_unavailable")
	if answer := post(t, p.url, d); answer.StatusCode != 409 || answer.Error != "in_flight" || answer.Header.Get("Retry-After") == "" {
		t.Errorf("answer %d %s, want 409 in_flight with Retry-After while the lease lasts", answer.StatusCode, answer.Body)
	}
	pubsub.Forward(b.PubSubHost)
	wantDelivered(t, b, p.url, d, true)
}

// Without the topic the answer is 503, and the event is published unmarked once it is there.
func TestTopicMissing(t *testing.T) {
	t.Parallel()
	b, g := newProject(t), newGemini(t)
	p := startProcess(t, environment(b, g, map[string]string{"GEMHOOK_TOPIC": "made-later"}))
	d := newSigned(t, g)
	wantUnavailable(t, p.url, d, "topic_unavailable")
	b.createTopic("made-later")
	answer := post(t, p.url, d)
	messages := b.received("made-later", 1)
	if answer.Status != "published" || len(messages) != 1 || messages[0].Attributes["ce-redelivered"] != "" {
		t.Errorf("answer %d %s and %d messages, want one, unmarked, once the topic is there", answer.StatusCode, answer.Body, len(messages))
	}
}

// A permission that is missing is a 503, and the delivery is accepted once it is given.
func TestPermissionDenied(t *testing.T) {
	t.Parallel()
	b, g := newProject(t), newGemini(t)
	denying := newDenyingServer(t, codes.PermissionDenied)
	firestore, pubsub := newProxy(t, denying), newProxy(t, denying)
	p := startProcess(t, environment(b, g, map[string]string{
		"FIRESTORE_EMULATOR_HOST": firestore.Address(), "PUBSUB_EMULATOR_HOST": pubsub.Address(),
	}))
	d := newSigned(t, g)
	wantUnavailable(t, p.url, d, "ledger_unavailable")
	firestore.Forward(b.FirestoreHost)
	wantUnavailable(t, p.url, d, "topic_unavailable")
	if document := b.document("static!" + d.ID); document["state"] != "released" {
		t.Errorf("ledger has %v, want released: Pub/Sub said no", document["state"])
	}
	pubsub.Forward(b.PubSubHost)
	wantDelivered(t, b, p.url, d, false)
}

// newDenyingServer answers every gRPC call with that code.
func newDenyingServer(t *testing.T, code codes.Code) string {
	t.Helper()
	return serveGRPC(t, func(any, grpc.ServerStream) error { return status.Error(code, "for the test") })
}

// newSink takes every gRPC call and answers none.
func newSink(t *testing.T) string {
	t.Helper()
	return serveGRPC(t, func(_ any, stream grpc.ServerStream) error {
		<-stream.Context().Done()
		return stream.Context().Err()
	})
}

func serveGRPC(t *testing.T, handle grpc.StreamHandler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(handle))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // it may be stopped before it serves
			t.Error(fmt.Errorf("serve: %w", err))
		}
	})
	return listener.Addr().String()
}
