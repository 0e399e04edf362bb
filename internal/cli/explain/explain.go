// Package explain says, step by step, why a captured delivery is or is not accepted.
//
// The verdict is the receiver's own: it gets the delivery, with a ledger and a topic in this
// process that are dropped afterwards. The steps come from package webhook. It also verifies the
// delivery with the changes undone that a capture often makes, so that a step can name the cause.
package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// A Capture is a delivery as it came in.
type Capture struct {
	Path   string // where it was posted
	Header http.Header
	Body   []byte
}

// Keys are what the receiver verifies with. An error in place of a key says why it is not at hand,
// and fails only those deliveries that need it.
type Keys struct {
	Secrets    webhook.Secrets
	SecretsErr error
	Tenants    tenant.Keys // none: there are no dynamic endpoints
	TenantsErr error
	KeySet     *webhook.KeySet
	KeySetErr  error
}

// Options are the receiver's settings, and the time to verify as of.
type Options struct {
	At        time.Time // the time to verify as of
	Tolerance time.Duration
	Audience  string
	MaxBody   int64         // bytes
	Retention time.Duration // of the ledger; 0: a token may outlive it
}

// maxTokenLife is how far ahead the expiry of a token may be; 0 is no limit.
func (o Options) maxTokenLife() time.Duration {
	if o.Retention == 0 {
		return 0
	}
	return receiver.MaxTokenLife(o.Retention)
}

// An Outcome is how a step went.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped" // it does not apply, or cannot be checked
)

// A Step is one thing that is looked at.
type Step struct {
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"`
}

// A Report says whether a delivery is accepted, and why.
type Report struct {
	Accepted   bool   `json:"accepted"`    // the receiver answers 2xx
	StatusCode int    `json:"status_code"` // what it answers
	Status     string `json:"status,omitempty"`
	Code       string `json:"error,omitempty"`
	Message    string `json:"message,omitempty"`
	Steps      []Step `json:"steps"`
	// Attributes of the message that would be published.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Deliver verifies a capture as the receiver does, and reports each step.
func Deliver(ctx context.Context, capture Capture, keys Keys, options Options) *Report {
	report := answer(ctx, capture, keys, options)
	e := &explanation{capture, keys, options, report}
	e.explain(ctx)
	return report
}

// answer has the receiver answer the delivery.
func answer(ctx context.Context, capture Capture, keys Keys, options Options) *Report {
	verifying := &webhook.Options{Tolerance: options.Tolerance, Audience: options.Audience, MaxTokenLife: options.maxTokenLife(), Now: options.now}
	published := &sink{}
	handler := receiver.New(receiver.Deps{
		Static:    webhook.NewStatic(source(&keys.Secrets, keys.SecretsErr), verifying),
		Dynamic:   webhook.NewDynamic(source(keys.KeySet, keys.KeySetErr), verifying),
		Gate:      tenant.NewGate(source(&keys.Tenants, keys.TenantsErr)),
		Ledger:    ledger.New(memoryledger.New(), ledger.Options{Lease: time.Minute, Retention: time.Hour, Now: options.now}),
		Publisher: published,
		Log:       slog.New(slog.DiscardHandler),
	}, receiver.Options{
		ServeStatic: true, ServeDynamic: !keys.Tenants.IsZero() || keys.TenantsErr != nil,
		Topic: "events", DeadLetterTopic: "dead-letters", MaxBody: options.MaxBody, Now: options.now,
	})
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(capture.Body))
	request.URL.Path = capture.Path
	request.Header = capture.Header.Clone()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)

	report := &Report{StatusCode: recorder.Code, Attributes: published.attributes}
	var said struct{ Status, Error, Message string }
	_ = json.Unmarshal(recorder.Body.Bytes(), &said) // the receiver's answers are always JSON
	report.Status, report.Code, report.Message = said.Status, said.Error, said.Message
	report.Accepted = recorder.Code == http.StatusOK
	return report
}

func (o Options) now() time.Time { return o.At }

// sink is a topic that keeps the attributes of the last message.
type sink struct{ attributes map[string]string }

func (s *sink) Publish(_ context.Context, _ string, _ []byte, attributes map[string]string) (string, error) {
	s.attributes = attributes
	return "none", nil
}

// source returns a source of keys, or of an error in their place. With neither, nothing verifies.
func source[T any](keys *T, err error) webhook.Source[T] {
	if err != nil {
		return absent[T]{err}
	}
	if keys == nil {
		keys = new(T)
	}
	return webhook.Fixed(*keys)
}

type absent[T any] struct{ err error }

func (a absent[T]) Get(context.Context) (*T, error)        { return nil, a.err }
func (a absent[T]) Refresh(_ context.Context, stale *T) *T { return stale }

// payload describes what is signed.
func (e *explanation) payload(signed []byte) {
	parsed, err := event.Parse(signed)
	if err != nil {
		e.step("event", Failed, "%v: it goes to the dead-letter topic, and is acknowledged", err)
		return
	}
	detail := parsed.Type
	if parsed.ResourceID != "" {
		detail += " of " + parsed.ResourceID
	}
	e.step("event", Passed, "%s, %d bytes", detail, len(signed))
}

func (e *explanation) step(name string, outcome Outcome, format string, args ...any) {
	e.report.Steps = append(e.report.Steps, Step{name, outcome, fmt.Sprintf(format, args...)})
}
