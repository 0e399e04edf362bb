package receiver_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/topic"
	"github.com/gemhook/gemhook/shared/webhook"
)

// takes is a step that takes so long.
func takes(d time.Duration) func(context.Context) error {
	return func(context.Context) error {
		elapse(d)
		return nil
	}
}

// elapse lets time pass, which in a bubble of package synctest takes none.
func elapse(d time.Duration) { <-time.After(d) }

// slowSecrets takes a while to find the signing secrets.
type slowSecrets struct {
	webhook.Source[webhook.Secrets]
	by time.Duration
}

func (s slowSecrets) Get(ctx context.Context) (*webhook.Secrets, error) {
	elapse(s.by)
	return s.Source.Get(ctx)
}

// TestLogOfSuccess wants one line that says what it was, what came of it, and where the time went.
func TestLogOfSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newLiveFixture(t, func(b *fixture) {
			secrets, err := webhook.ParseSecrets(strings.Join(testKeys().Secrets, " "))
			if err != nil {
				t.Fatal(err)
			}
			b.deps.Static = webhook.NewStatic(slowSecrets{webhook.Fixed(secrets), 15 * time.Millisecond}, nil)
		})
		b.ledger.onClaim, b.publisher.onPublish, b.ledger.onSettle = takes(20*time.Millisecond), takes(250*time.Millisecond), takes(30500*time.Microsecond)
		d := b.v1(b.delivery("msg_1"))
		id := b.succeeded(b.post("/", d), "published", "msg_1")
		b.logged("INFO", map[string]any{
			"outcome": "published", "status": 200.0, "webhook_id": "msg_1", "scheme": "v1", "type": "batch.succeeded",
			"attempt": 1.0, "redelivered": false, "message_id": id,
			"verify_ms": 15.0, "claim_ms": 20.0, "publish_ms": 250.0, "settle_ms": 30.5, "duration_ms": 315.5,
		})
		b.succeeded(b.post("/", d), "duplicate", "msg_1")
		b.logged("INFO", map[string]any{
			"outcome": "duplicate", "status": 200.0, "webhook_id": "msg_1", "scheme": "v1", "type": "batch.succeeded",
			"message_id": id, "verify_ms": 15.0, "claim_ms": 20.0, "duration_ms": 35.0,
		})
	})
}

func TestLogOfADynamicDelivery(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	id := b.succeeded(b.post(dynamicPath, b.jwt(b.delivery("msg_1"))), "published", "msg_1")
	b.logged("INFO", map[string]any{
		"outcome": "published", "status": 200.0, "webhook_id": "msg_1", "tenant": "acme", "scheme": "jwt", "type": "batch.succeeded",
		"attempt": 1.0, "redelivered": false, "message_id": id,
		"verify_ms": 0.0, "claim_ms": 0.0, "publish_ms": 0.0, "settle_ms": 0.0, "duration_ms": 0.0,
	})
}

func TestLogOfADeadLetter(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	d := b.delivery("msg_1")
	d.Body = []byte("[]")
	id := b.succeeded(b.post("/", b.v1(d)), "dead_lettered", "msg_1")
	b.logged("WARN", map[string]any{
		"outcome": "dead_lettered", "status": 200.0, "webhook_id": "msg_1", "scheme": "v1", "type": "",
		"attempt": 1.0, "redelivered": false, "message_id": id,
		"verify_ms": 0.0, "claim_ms": 0.0, "publish_ms": 0.0, "settle_ms": 0.0, "duration_ms": 0.0,
	})
}

// TestLogOfFailures has a failure at each step: the line holds what was known by then, and why.
func TestLogOfFailures(t *testing.T) {
	t.Parallel()
	common := func(outcome string, status float64, more map[string]any) map[string]any {
		line := map[string]any{"outcome": outcome, "status": status, "webhook_id": "msg_1", "duration_ms": 0.0}
		maps.Copy(line, more)
		return line
	}
	for _, test := range []struct {
		name    string
		path    string
		breakIt func(*fixture)
		change  func(*http.Request)
		level   string
		cause   string
		want    map[string]any
	}{
		{"token", "/dynamic/acme/wrong", nil, nil, "WARN", "unknown token",
			common("unknown_token", 401, map[string]any{"tenant": "acme"})},
		{"body", "/", nil, func(r *http.Request) { r.ContentLength = maxBody + 1 }, "WARN", "body too large",
			common("body_too_large", 413, nil)},
		{"verify", "/", nil, func(r *http.Request) { r.Header.Set(standin.HeaderSignature, "v1,forged-forged-forged-forged") }, "WARN",
			"bad signature: No v1 signature matches an active signing secret.",
			common("bad_signature", 401, map[string]any{"verify_ms": 0.0})},
		{"claim", "/", func(b *fixture) { b.ledger.onClaim = fail(errAway) }, nil, "ERROR", "ledger unavailable: the backend is away",
			common("ledger_unavailable", 503, map[string]any{"scheme": "v1", "type": "batch.succeeded", "verify_ms": 0.0, "claim_ms": 0.0})},
		{"publish", "/", func(b *fixture) { b.publisher.onPublish = fail(topic.ErrNotPublished) }, nil, "ERROR", "topic unavailable: surely not published",
			common("topic_unavailable", 503, map[string]any{"scheme": "v1", "type": "batch.succeeded", "attempt": 1.0, "redelivered": false,
				"verify_ms": 0.0, "claim_ms": 0.0, "publish_ms": 0.0})},
	} {
		b := newFixture(t)
		if test.breakIt != nil {
			test.breakIt(b)
		}
		r := request(test.path, b.v1(b.delivery("msg_1")))
		if test.change != nil {
			test.change(r)
		}
		b.do(r)
		test.want["error"] = test.cause
		b.logged(test.level, test.want)
	}
}

// logged wants the last line to be of that level and to hold those fields and no other.
func (b *fixture) logged(level string, want map[string]any) {
	b.Helper()
	line := b.log.last()
	if line["level"] != level || line["msg"] != "delivery" {
		b.Errorf("line %v, want level %s", line, level)
	}
	for _, name := range []string{"time", "level", "msg"} {
		delete(line, name)
	}
	if !maps.Equal(line, want) {
		b.Errorf("fields %v\nwant %v", line, want)
	}
}

// contextual records whether log records come with the context of their request.
type contextual struct {
	slog.Handler
	key   any
	found *bool
}

func (c contextual) Handle(ctx context.Context, record slog.Record) error {
	*c.found = ctx.Value(c.key) != nil
	return c.Handler.Handle(ctx, record)
}

// TestLogWithTheContextOfTheRequest wants the line to come with what the request's context says of
// its trace.
func TestLogWithTheContextOfTheRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	found := false
	b := newFixture(t, func(b *fixture) { b.deps.Log = slog.New(contextual{b.deps.Log.Handler(), key{}, &found}) })
	r := request("/", b.v1(b.delivery("msg_1")))
	b.succeeded(b.do(r.WithContext(context.WithValue(r.Context(), key{}, "trace"))), "published", "msg_1")
	if !found {
		t.Error("the line has another context than the request")
	}
}

// TestLogOfALongID wants what nobody may have signed to be cut short.
func TestLogOfALongID(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	id := strings.Repeat("i", 8000)
	b.succeeded(b.post("/", b.v1(b.delivery(id))), "published", id)
	if got, _ := b.log.last()["webhook_id"].(string); got == "" || len(got) > 256 || !strings.HasPrefix(id, got) {
		t.Errorf("logged webhook-id of %d bytes", len(got))
	}
}

// TestLogHoldsNoSecret has every answer there is, with the signature where it does not belong as
// well; the fixture looks for secrets when it is done.
func TestLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.secrets = append(b.secrets, "guessguess")
	for _, path := range []string{"/", dynamicPath, "/dynamic/acme/" + strings.Repeat("guess", 8)} {
		for _, sign := range []func(standin.Delivery) standin.Delivery{b.v1, b.v1a, b.jwt} {
			d := sign(b.delivery("msg_1"))
			b.post(path, d)
			for _, header := range []string{standin.HeaderID, standin.HeaderTimestamp, standin.HeaderSignature} {
				altered := d
				altered.Header = d.Header.Clone()
				altered.Header.Del(header)
				b.post(path, altered)
			}
			altered := d
			altered.Header = d.Header.Clone()
			altered.Header.Set(standin.HeaderTimestamp, d.Header.Get(standin.HeaderSignature))
			b.post(path, altered)
			altered.Header = d.Header.Clone()
			altered.Header.Add(standin.HeaderSignature, d.Header.Get(standin.HeaderSignature))
			b.post(path, altered)
			altered.Header = d.Header.Clone()
			altered.Body = []byte("forged")
			b.post(path, altered)
		}
	}
	if text := b.log.String(); !strings.Contains(text, "published") || !strings.Contains(text, "bad_signature") || !strings.Contains(text, "unknown_token") {
		t.Error("the deliveries did not get far enough for this to prove something")
	}
}

// TestLedgerTakesWhatFitsAnAttribute has a type or id that is longer than an attribute: it is in
// the payload, and left out of the ledger's own fields, whose document would outgrow Firestore's
// limit.
func TestLedgerTakesWhatFitsAnAttribute(t *testing.T) {
	t.Parallel()
	const limit = 1024
	for name, test := range map[string]struct {
		eventType, id         string
		wantType, wantSubject bool
	}{
		"both fit":  {strings.Repeat("t", limit), strings.Repeat("i", limit), true, true},
		"long id":   {"batch.succeeded", strings.Repeat("i", limit+1), true, false},
		"long type": {strings.Repeat("t", limit+1), "batch_1", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			d := b.delivery("msg_1")
			d.Body = fmt.Appendf(nil, `{"type":%q,"data":{"id":%q}}`, test.eventType, test.id)
			b.post("/", b.v1(d))
			document := b.document(ledger.StaticKey("msg_1"))
			if (document.Type == test.eventType) != test.wantType || !test.wantType && len(document.Type) > limit {
				t.Errorf("the ledger has a type of %d bytes", len(document.Type))
			}
			if (document.ResourceID == test.id) != test.wantSubject || !test.wantSubject && document.ResourceID != "" {
				t.Errorf("the ledger has an id of %d bytes", len(document.ResourceID))
			}
			if string(document.Payload) != string(d.Body) {
				t.Error("the payload is not whole")
			}
		})
	}
}
