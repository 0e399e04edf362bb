package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/explain"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/page"
	"github.com/gemhook/gemhook/internal/inspect/tap"
	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/shared/jwks"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

const maxBody = 1 << 20

// fixture is a receiver on a ledger in memory, whose deliveries a page shows and sends again.
type fixture struct {
	t         *testing.T
	keys      *standin.Keys
	log       *inspect.Log
	receiver  string         // URL
	elsewhere *ledger.Ledger // another instance's, whose changes the log does not see
	page      *page.Page
	published atomic.Int64
	topicAway atomic.Bool
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	keys, err := gemini.PublishedKeys()
	if err != nil {
		t.Fatal(err)
	}
	g := gemini.Start(keys, nil)
	t.Cleanup(g.Close)
	f := &fixture{t: t, keys: keys, log: inspect.NewLog(nil)}
	known := f.explainKeys(g.JWKSURL())
	verifying := &webhook.Options{Tolerance: 5 * time.Minute, Audience: gemini.Audience}
	store, leases := memoryledger.New(), ledger.Options{Lease: time.Minute, Retention: time.Hour, Now: time.Now}
	f.elsewhere = ledger.New(store, leases)
	handler := receiver.New(receiver.Deps{
		Static:    webhook.NewStatic(webhook.Fixed(known.Secrets), verifying),
		Dynamic:   webhook.NewDynamic(webhook.Fixed(*known.KeySet), verifying),
		Gate:      tenant.NewGate(webhook.Fixed(known.Tenants)),
		Ledger:    ledger.New(tap.Store(f.log, store), leases),
		Publisher: topic{f},
		Log:       slog.New(tap.LogHandler(f.log, slog.DiscardHandler)),
	}, receiver.Options{ServeStatic: true, ServeDynamic: true, Topic: "gemini-events", DeadLetterTopic: "gemini-dead-letters", MaxBody: maxBody})
	server := httptest.NewServer(tap.Handler(f.log, handler))
	t.Cleanup(server.Close)
	f.receiver = server.URL

	ctx, stop := context.WithCancel(t.Context())
	served, wait, err := page.Serve(ctx, "127.0.0.1:0", f.log, page.Options{
		Title: "dev", Receiver: f.receiver, Send: f.sendAgain,
		Verify: func(ctx context.Context, r *inspect.Record) *explain.Report {
			return explain.Deliver(ctx, explain.Capture{Path: r.Request.Path, Header: r.Request.Header, Body: r.Request.Body}, known,
				explain.Options{At: r.At, Tolerance: 5 * time.Minute, Audience: gemini.Audience, MaxBody: maxBody})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.page = served
	t.Cleanup(func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) explainKeys(keySetURL string) explain.Keys {
	f.t.Helper()
	secrets, err := webhook.ParseSecrets(f.keys.Secrets[0])
	if err != nil {
		f.t.Fatal(err)
	}
	tenants, err := tenant.ParseKeys(gemini.DynamicKey)
	if err != nil {
		f.t.Fatal(err)
	}
	set, err := jwks.Fetch(f.t.Context(), http.DefaultClient, keySetURL)
	if err != nil {
		f.t.Fatal(err)
	}
	return explain.Keys{Secrets: secrets, Tenants: tenants, KeySet: set}
}

// topic adds what is published to the log.
type topic struct{ f *fixture }

func (t topic) Publish(_ context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	if t.f.topicAway.Load() {
		return "", errors.New("the topic is away")
	}
	id := strconv.FormatInt(t.f.published.Add(1), 10)
	tap.Message(t.f.log, inspect.Message{ID: id, Topic: topicID, PublishTime: time.Now(), Data: data, Attributes: attributes})
	return id, nil
}

// sendAgain signs a record's delivery again, as "gemhook dev" does.
func (f *fixture) sendAgain(ctx context.Context, r *inspect.Record, edit page.Edit) (string, error) {
	d := standin.Delivery{ID: r.WebhookID, Time: time.Now(), Body: r.Request.Body}
	if edit.Body != nil {
		d.Body = edit.Body
	}
	if edit.NewID {
		d.ID = gemini.NewDelivery(nil).ID
	}
	d, err := f.keys.SignV1(d, f.keys.Secrets[0])
	if err != nil {
		return "", err
	}
	answer, err := standin.Send(ctx, nil, f.receiver+"/", d)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("The receiver answered %d %s.", answer.StatusCode, answer.Status+answer.Error), nil
}

// signed returns a delivery of a static webhook.
func (f *fixture) signed(body []byte) standin.Delivery {
	f.t.Helper()
	d, err := f.keys.SignV1(gemini.NewDelivery(body), f.keys.Secrets[0])
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// post posts a delivery and returns its record.
func (f *fixture) post(path string, d standin.Delivery) *inspect.Record {
	f.t.Helper()
	if _, err := standin.Send(f.t.Context(), nil, f.receiver+path, d); err != nil {
		f.t.Fatal(err)
	}
	records := f.log.List()
	return records[len(records)-1]
}

// event posts an event about a resource.
func (f *fixture) event(eventType, id string) *inspect.Record {
	f.t.Helper()
	return f.post("/", f.signed(standin.EventAt(eventType, id, time.Now())))
}

// refusals posts a delivery of each kind that the receiver refuses, and returns their codes.
func (f *fixture) refusals() []string {
	f.t.Helper()
	body := standin.Event("batch.succeeded")
	forged := f.signed(body)
	forged.Body = append(forged.Body, ' ')
	old := gemini.NewDelivery(body)
	old.Time = time.Now().Add(-time.Hour)
	old, err := f.keys.SignV1(old, f.keys.Secrets[0])
	if err != nil {
		f.t.Fatal(err)
	}
	bare, malformed := f.signed(body), f.signed(body)
	bare.Header.Del(standin.HeaderSignature)
	malformed.Header.Set(standin.HeaderTimestamp, "yesterday")
	token := gemini.Sign(f.keys, gemini.NewDelivery(body), standin.SchemeJWT)
	token.Header.Set(standin.HeaderSignature, "a.b.c")
	want := []string{"bad_signature", "stale_timestamp", "missing_header", "malformed_header", "dynamic_url_required", "unknown_token", "bad_token", "body_too_large", "in_flight", "topic_unavailable"}
	f.post("/", forged)
	f.post("/", old)
	f.post("/", bare)
	f.post("/", malformed)
	f.post("/", gemini.Sign(f.keys, gemini.NewDelivery(body), standin.SchemeV1a))
	f.post("/dynamic/acme/AAAA", f.signed(body))
	f.post(gemini.DynamicPath(), token)
	f.post("/", f.signed(make([]byte, maxBody+1)))
	claimed := f.signed(body)
	if _, err := f.elsewhere.Claim(f.t.Context(), ledger.Message{Key: deliveries.KeyOf(claimed.ID, "")}); err != nil {
		f.t.Fatal(err)
	}
	f.post("/", claimed)
	f.topicAway.Store(true)
	f.event("batch.failed", "batches/away")
	f.topicAway.Store(false)
	return want
}

// json reads data of the page.
func (f *fixture) json(path string, into any) {
	f.t.Helper()
	status, body := f.request(http.MethodGet, path, "", nil)
	if status != http.StatusOK {
		f.t.Fatalf("GET %s: %d %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		f.t.Fatal(err)
	}
}
