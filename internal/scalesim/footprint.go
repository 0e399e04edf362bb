package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"time"

	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/geminitest"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/webhook"
)

// A footprint is what one delivery leaves behind, in bytes.
type footprint struct {
	Body     float64 // what Gemini posts
	Message  float64 // what Pub/Sub bills a message as
	Document float64 // the settled document in Firestore
	Index    float64 // its entries in the indexes that terraform/modules/backend makes by default
	Line     float64 // the log line
}

// at is when everything happens, so that the same bytes come out every time.
var at = time.Date(2026, 1, 22, 12, 0, 0, 123456789, time.UTC)

// resourceID has the length of those that Gemini gives its batches, more or less.
const resourceID = "batches/k3v9x0q7m2r8t5w1y6z4b0c1"

// measure takes a delivery of every type of event through the real receiver and returns the mean of what they leave.
func measure(ctx context.Context, rand io.Reader) (footprint, error) {
	secret, err := geminitest.NewSecret(rand)
	if err != nil {
		return footprint{}, err
	}
	secrets, err := webhook.ParseSecrets(secret)
	if err != nil {
		return footprint{}, err
	}
	var left remains
	store := &recorder{Memory: ledger.NewMemory(), left: &left}
	now := clock(at)
	handler := receiver.New(receiver.Deps{
		Static:    webhook.NewStatic(webhook.Fixed(secrets), &webhook.Options{Now: now}),
		Ledger:    ledger.New(store, ledger.Options{Lease: time.Minute, Retention: retention, Now: now}),
		Publisher: &left,
		Log:       slog.New(punctual{cloudlog.NewHandler(&left.line, nil)}),
	}, receiver.Options{Topic: "gemhook-events", DeadLetterTopic: "gemhook-dead-letters", MaxBody: 262144, Now: now})

	var sum footprint
	types := geminitest.EventTypes()
	for _, eventType := range types {
		id, err := geminitest.NewID(rand)
		if err != nil {
			return footprint{}, err
		}
		body := geminitest.EventAt(eventType, resourceID, at)
		keys := geminitest.Keys{Secrets: []string{secret}}
		signed, err := keys.SignV1(geminitest.Delivery{ID: id, Time: at, Body: body})
		if err != nil {
			return footprint{}, err
		}
		left.reset()
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(body))
		request.Header = signed.Header
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK {
			return footprint{}, fmt.Errorf("a delivery of %s was answered %d: %s", eventType, answer.Code, answer.Body)
		}
		sum.Body += float64(len(body))
		sum.Message += float64(left.message)
		sum.Document += float64(left.document)
		sum.Index += float64(left.index)
		sum.Line += float64(left.line.Len())
	}
	n := float64(len(types))
	return footprint{sum.Body / n, sum.Message / n, sum.Document / n, sum.Index / n, sum.Line / n}, nil
}

// clock moves on by a little more than two milliseconds every time it is looked at.
func clock(start time.Time) func() time.Time {
	return func() time.Time {
		start = start.Add(2345 * time.Microsecond)
		return start
	}
}

// punctual dates every record alike, for a line's length depends on its time.
type punctual struct{ slog.Handler }

func (p punctual) Handle(ctx context.Context, record slog.Record) error {
	record.Time = at
	return p.Handler.Handle(ctx, record)
}

// remains are what one delivery has left.
type remains struct {
	message, document, index int
	line                     bytes.Buffer
}

func (r *remains) reset() {
	r.message, r.document, r.index = 0, 0, 0
	r.line.Reset()
}

// messageID is as long as those of Pub/Sub.
const messageID = "12345678901234567"

// Publish implements receiver.Publisher. A message counts as its data, its attributes, its id and 20 bytes for the time
// (https://cloud.google.com/pubsub/pricing).
func (r *remains) Publish(_ context.Context, _ string, data []byte, attributes map[string]string) (string, error) {
	r.message = len(data) + len(messageID) + 20
	for key, value := range attributes {
		r.message += len(key) + len(value)
	}
	return messageID, nil
}

// recorder is a store that measures what it keeps.
type recorder struct {
	*ledger.Memory
	left *remains
}

// Finish implements ledger.Store.
func (r *recorder) Finish(ctx context.Context, key ledger.Key, version ledger.Version, outcome ledger.Outcome) error {
	if err := r.Memory.Finish(ctx, key, version, outcome); err != nil {
		return err
	}
	document, _, err := r.Read(ctx, key)
	if err != nil {
		return err
	}
	r.left.document, r.left.index = stored(key, document)
	return nil
}

// collection is the one the receiver uses by default.
const collection = "deliveries"

// stored returns the size of a document in Firestore and that of its index entries, as
// https://firebase.google.com/docs/firestore/storage-size reckons them.
func stored(key ledger.Key, document *ledger.Document) (size, index int) {
	name := len(collection) + 1 + len(key) + 1 + 16
	sizes := map[string]int{}
	size = name + 32
	value := reflect.ValueOf(*document)
	for i := range value.NumField() {
		field := value.Type().Field(i).Tag.Get("firestore")
		sizes[field] = valueSize(value.Field(i).Interface())
		size += len(field) + 1 + sizes[field]
	}
	const received = "received_at"
	index = name + len(received) + 1 + sizes[received] + 32
	for _, first := range []string{"state", "tenant", "type"} {
		index += name + sizes[first] + sizes[received] + 32
	}
	return size, index
}

func valueSize(value any) int {
	switch v := value.(type) {
	case []byte:
		return len(v)
	case map[string]string:
		size := 0
		for key, text := range v {
			size += len(key) + 1 + len(text) + 1
		}
		return size
	case *time.Time:
		if v == nil {
			return 1
		}
		return 8
	case int, time.Time:
		return 8
	default: // a text of some type
		return reflect.ValueOf(value).Len() + 1
	}
}
