package tap_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/tap"
	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/ledger"
)

// fixture is a receiver with a tap, over a ledger in memory and a topic that does not answer.
type fixture struct {
	log    *inspect.Log
	gemini *gemini.Gemini
	url    string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	keys, err := gemini.PublishedKeys()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{log: inspect.NewLog(nil), gemini: gemini.Start(keys, nil)}
	t.Cleanup(f.gemini.Close)
	configuration, err := config.Load(config.Receive, config.Map(f.gemini.Environment("tap-tests")))
	if err != nil {
		t.Fatal(err)
	}
	app := receive.New(configuration, slog.New(tap.LogHandler(f.log, slog.DiscardHandler)), &backend.Options{
		Store: tap.Store(f.log, memoryledger.New()), Anonymous: true,
	})
	t.Cleanup(func() { _ = app.Close() })
	server := httptest.NewServer(tap.Handler(f.log, app))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// post sends a delivery and returns its record.
func (f *fixture) post(t *testing.T, path string, d standin.Delivery) *inspect.Record {
	t.Helper()
	if _, err := standin.Send(t.Context(), nil, f.url+path, d); err != nil {
		t.Fatal(err)
	}
	records := f.log.List()
	return records[len(records)-1]
}

// A refused delivery is on record with its body, also where the receiver did not read that, and
// with nothing of the ledger.
func TestRefusalsAreOnRecord(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signed := gemini.Sign(f.gemini.Keys, gemini.NewDelivery(standin.Event("batch.succeeded")), standin.SchemeV1)
	forged := signed
	forged.Body = append(forged.Body, ' ')
	old := gemini.NewDelivery(standin.Event("batch.succeeded"))
	old.Time = time.Now().Add(-time.Hour)
	old = gemini.Sign(f.gemini.Keys, old, standin.SchemeV1)
	bare := signed
	bare.Header = http.Header{}

	for _, test := range []struct {
		outcome, path string
		delivery      standin.Delivery
	}{
		{"bad_signature", "/", forged},
		{"stale_timestamp", "/", old},
		{"missing_header", "/", bare},
		{"unknown_token", "/dynamic/acme/AAAA", signed},
	} {
		t.Run(test.outcome, func(t *testing.T) {
			record := f.post(t, test.path, test.delivery)
			if record.Outcome != test.outcome || record.Key != "" || len(record.Documents) != 0 {
				t.Errorf("outcome %q, key %q, %d documents; want %q without key and documents", record.Outcome, record.Key, len(record.Documents), test.outcome)
			}
			if !cmp.Equal(record.Request.Body, test.delivery.Body) {
				t.Errorf("%d bytes of the body are on record, want %d", len(record.Request.Body), len(test.delivery.Body))
			}
		})
	}
}

// The document, the message and the result of a delivery are in its record, whatever its scheme; a
// message that comes twice counts once.
func TestDocumentsMessagesAndObjects(t *testing.T) {
	t.Parallel()
	for _, scheme := range gemini.Schemes {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			log := inspect.NewLog(nil)
			id := log.Add(inspect.Record{WebhookID: "msg_1", Request: &inspect.Request{Path: "/"}})
			key := ledger.Key("key of " + scheme)
			for i, state := range []ledger.State{ledger.Claimed, ledger.Published} {
				tap.Document(log, key, inspect.Document{
					At:       time.Unix(int64(i), 0),
					Document: ledger.Document{State: state, WebhookID: "msg_1", Scheme: scheme, MessageID: "7"},
				})
			}
			message := inspect.Message{ID: "7", Attributes: map[string]string{"ce-id": "msg_1", "ce-signaturescheme": scheme}}
			tap.Message(log, message)
			tap.Message(log, message)
			result := inspect.Message{
				ID: "8", Attributes: map[string]string{"ce-id": "msg_1", "ce-source": "//…/static/results"},
				Data: []byte(`{"objects": [{"uri": "gs://b/batch.json", "content_type": "application/json", "bytes": 12}]}`),
			}
			tap.Message(log, result)

			record := log.Get(id)
			if len(log.List()) != 1 || record.Key != key || record.State() != ledger.Published {
				t.Fatalf("%d records; key %q, state %q", len(log.List()), record.Key, record.State())
			}
			if got, want := fmt.Sprint(len(record.Documents), len(record.Messages), record.Objects), "2 2 [{gs://b/batch.json application/json 12}]"; got != want {
				t.Errorf("documents, messages, objects: %s, want %s", got, want)
			}
		})
	}
}

// A refused delivery may name the id of a genuine one. The genuine one's message is not shown as
// the refused one's.
func TestAMessageIsNotWithARefusedDelivery(t *testing.T) {
	t.Parallel()
	log := inspect.NewLog(nil)
	log.Add(inspect.Record{WebhookID: "msg_1", Answer: &inspect.Answer{StatusCode: 401}})
	tap.Message(log, inspect.Message{ID: "7", Attributes: map[string]string{"ce-id": "msg_1", "ce-type": "batch.failed", "ce-signaturescheme": "v1"}})
	records := log.List()
	if len(records) != 2 || records[1].Key != ledger.StaticKey("msg_1") || records[1].Type != "batch.failed" || len(records[0].Messages) != 0 {
		t.Errorf("%d records, want 2: the message has its own, apart from the refused delivery's", len(records))
	}
}

// Attempts at a message are with the delivery that was published, not with a duplicate: at most the
// latest hundred. Where the delivery is not on record they get a record.
func TestAttemptsAreWithTheDeliveryThatWasPublished(t *testing.T) {
	t.Parallel()
	log := inspect.NewLog(nil)
	message := inspect.Message{ID: "17", Attributes: map[string]string{"ce-id": "msg_1"}}
	tap.Message(log, message)
	log.Add(inspect.Record{WebhookID: "msg_1", Outcome: "duplicate", Messages: []inspect.Message{message}})
	for range 120 {
		tap.Attempt(log, message, inspect.Attempt{URL: "http://localhost/"})
	}
	tap.Attempt(log, inspect.Message{ID: "18", Attributes: map[string]string{"ce-id": "msg_2"}}, inspect.Attempt{})
	var got []int
	for _, r := range log.List() {
		got = append(got, len(r.Attempts))
	}
	if diff := cmp.Diff([]int{100, 0, 1}, got); diff != "" {
		t.Errorf("attempts of the published, the duplicate and the unknown one (-want +got):\n%s", diff)
	}
}

// A message may be at the local handler while a duplicate of its delivery is not answered yet.
func TestAttemptsAreNotWithADuplicateUnderWay(t *testing.T) {
	t.Parallel()
	log := inspect.NewLog(nil)
	message := inspect.Message{ID: "17", Attributes: map[string]string{"ce-id": "msg_1"}}
	answers := []string{"published", "duplicate"}
	server := httptest.NewServer(tap.Handler(log, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answers[0] == "duplicate" {
			tap.Attempt(log, message, inspect.Attempt{URL: "http://localhost/"})
		}
		fmt.Fprintf(w, `{"status":%q}`, answers[0])
		answers = answers[1:]
	})))
	defer server.Close()
	for range 2 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("webhook-id", "msg_1")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	got := map[string]int{}
	for _, r := range log.List() {
		got[r.Outcome] = len(r.Attempts)
	}
	if diff := cmp.Diff(map[string]int{"published": 1, "duplicate": 0}, got); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

// The topic and the local handler bring the same message at the same time.
func TestAMessageThatComesTwiceAtOnceGetsOneRecord(t *testing.T) {
	t.Parallel()
	log := inspect.NewLog(nil)
	var bring sync.WaitGroup
	for i := range 200 {
		message := inspect.Message{ID: strconv.Itoa(i), Attributes: map[string]string{"ce-id": "msg_" + strconv.Itoa(i)}}
		for range 2 {
			bring.Go(func() { tap.Message(log, message) })
		}
	}
	bring.Wait()
	if got := len(log.List()); got != 200 {
		t.Errorf("%d records of 200 messages", got)
	}
}
