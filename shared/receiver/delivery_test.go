package receiver_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

func TestPublished(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	d := b.v1a(b.delivery("msg_1"))
	id := b.succeeded(b.post(dynamicPath, d), "published", "msg_1")
	if again := b.succeeded(b.post(dynamicPath, d), "duplicate", "msg_1"); again != id {
		t.Errorf("duplicate of message %s, want %s", again, id)
	}
	messages := b.publisher.all()
	if len(messages) != 1 {
		t.Fatalf("%d messages, want 1", len(messages))
	}
	want := map[string]string{
		"ce-specversion": "1.0", "ce-id": "msg_1", "ce-type": "batch.succeeded", "ce-subject": "sample_123456",
		"ce-source": "//generativelanguage.googleapis.com/webhooks/dynamic/acme", "ce-time": "2026-01-22T12:00:00Z",
		"content-type": "application/json", "ce-datacontenttype": "application/json", "ce-tenant": "acme", "ce-signaturescheme": "v1a",
		"webhook-timestamp": strconv.FormatInt(b.time().Unix(), 10), "webhook-signature": d.Header.Get(standin.HeaderSignature),
	}
	m := messages[0]
	if m.id != id || m.topic != mainTopic || !bytes.Equal(m.data, d.Body) {
		t.Errorf("message %s on %s: %s", m.id, m.topic, m.data)
	}
	if diff := cmp.Diff(want, m.attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	at := b.time()
	wantDocument := &ledger.Document{
		State: ledger.Published, Attempt: 1, MessageID: id, Topic: mainTopic,
		WebhookID: "msg_1", Tenant: "acme", Scheme: "v1a", Type: "batch.succeeded", ResourceID: "sample_123456",
		Payload: d.Body, Attributes: want,
		ReceivedAt: at, SettledAt: &at, LeaseExpiresAt: at.Add(lease), ExpiresAt: at.Add(retention),
	}
	if diff := cmp.Diff(wantDocument, b.document("dynamic!acme!msg_1")); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

// TestIDs has webhook-ids of every kind that HTTP lets through, each its own delivery.
func TestIDs(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	ids := []string{
		"msg_1", "MSG_1", "a/b", "../..", ".", "..", `"quoted"`, "'", "`", "__x__", "static!msg_1", "sha256:x", "%2F", "a b", "a+b", "{}", "[*]~\\",
		"größe", "日本語", "🎬", "\xff", "\xfe", "\xff\xfe/", "\uFFFD", strings.Repeat("x", 4096), strings.Repeat("x", 4095) + "y", strings.Repeat("\xff", 4096),
	}
	seen := map[string]string{}
	for _, id := range ids {
		for _, path := range []string{"/", dynamicPath} {
			sign := b.v1
			if path == dynamicPath {
				sign = b.v1a
			}
			shown := string([]rune(id)) // as JSON has it: text
			first := b.succeeded(b.post(path, sign(b.delivery(id))), "published", shown)
			if other, again := seen[first]; again {
				t.Errorf("%.40q and %.40q are the same message", id, other)
			}
			seen[first] = id
			if again := b.succeeded(b.post(path, sign(b.delivery(id))), "duplicate", shown); again != first {
				t.Errorf("%.40q: message %s the second time, %s the first", id, again, first)
			}
		}
	}
	if messages := b.publisher.all(); len(messages) != 2*len(ids) {
		t.Errorf("%d messages for %d deliveries", len(messages), 2*len(ids))
	}
}

// TestUserMetadata sends what breaks every limit of an attribute. The body is published whole.
func TestUserMetadata(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	metadata := map[string]any{
		"": "no name", "empty": "", "größe": "日本語", "goog": "g", "zero": "\x00", "nested": map[string]any{"a": 1}, "list": []int{1}, "null": nil,
		"number": json.RawMessage("1e400"), "yes": true, strings.Repeat("k", 300): "name too long", "long": strings.Repeat("v", 5000),
	}
	for i := range 300 {
		metadata[fmt.Sprintf("z%d", i)] = i
	}
	body, err := json.Marshal(map[string]any{"type": "video.generated", "data": map[string]any{"id": strings.Repeat("i", 2000), "user_metadata": metadata}})
	if err != nil {
		t.Fatal(err)
	}
	d := b.delivery("msg_1")
	d.Body = body
	b.succeeded(b.post("/", b.v1(d)), "published", "msg_1")
	m := b.publisher.all()[0]
	if !bytes.Equal(m.data, body) {
		t.Error("the body was not published whole")
	}
	if len(m.attributes) != 99 { // one is left for the mark
		t.Errorf("%d attributes", len(m.attributes))
	}
	for name, want := range map[string]string{"größe": "日本語", "number": "1e400", "yes": "true", "empty": "", "goog": "g"} {
		if got, there := m.attributes["user_metadata."+name]; !there || got != want {
			t.Errorf("user_metadata.%s is %q, want %q", name, got, want)
		}
	}
	for name, value := range m.attributes {
		if len(name) > 256 || len(value) > 1024 || strings.HasPrefix(name, "goog") {
			t.Errorf("Pub/Sub refuses the attribute %.40q", name)
		}
	}
}

// TestToken is about what a token does not sign: the body, the webhook-id and the
// webhook-timestamp.
func TestToken(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	d := b.jwt(b.delivery("msg_1"))
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(d.Header.Get(standin.HeaderSignature), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	d.Body = []byte(`{"type":"batch.failed","data":{"id":"forged"}}`)
	first := b.succeeded(b.post(dynamicPath, d), "published", "msg_1")
	m := b.publisher.all()[0]
	if !bytes.Equal(m.data, claims) || m.attributes["ce-type"] != "batch.succeeded" || m.attributes["ce-subject"] != "sample_123456" || m.attributes["ce-signaturescheme"] != "jwt" {
		t.Errorf("published %s with %v, want the signed claims", m.data, m.attributes)
	}

	replay := d
	replay.Header = d.Header.Clone()
	replay.Header.Set(standin.HeaderID, "msg_replayed")
	replay.Header.Set(standin.HeaderTimestamp, "1") // fresh or not: the token's own times count
	if again := b.succeeded(b.post(dynamicPath, replay), "duplicate", "msg_replayed"); again != first {
		t.Errorf("replay is a duplicate of %s, want %s", again, first)
	}
	other := b.jwt(standin.Delivery{ID: "msg_1", Time: b.time(), Body: standin.EventAt("batch.succeeded", "batch_2", b.time())})
	b.succeeded(b.post(dynamicPath, other), "published", "msg_1")
	if n := len(b.publisher.all()); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

// TestTenantsAndSchemesKeepApart delivers the same event with the same webhook-id in every way:
// each is a delivery.
func TestTenantsAndSchemesKeepApart(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	other := keyOf(dynamicKey).Path("umbrella")
	v1, v1a, jwt := b.v1(b.delivery("msg_1")), b.v1a(b.delivery("msg_1")), b.jwt(b.delivery("msg_1"))
	for _, to := range []struct {
		path string
		d    standin.Delivery
	}{{"/", v1}, {dynamicPath, v1a}, {other, v1a}, {dynamicPath, jwt}, {other, jwt}} {
		b.succeeded(b.post(to.path, to.d), "published", "msg_1")
	}
	if n := len(b.publisher.all()); n != 5 {
		t.Errorf("%d messages, want 5", n)
	}
}

// TestAtOnce posts one delivery many times at the same moment. It is published once; nobody gets
// another 2xx before.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	const posts = 50
	b := newLiveFixture(t)
	d := b.v1(b.delivery("msg_1"))
	answers := make([]*answer, posts)
	var running sync.WaitGroup
	for i := range posts {
		running.Go(func() { answers[i] = b.post("/", d) })
	}
	running.Wait()
	published := 0
	for _, a := range answers {
		switch {
		case a.Code == http.StatusOK && a.Status == "published":
			published++
		case a.Code == http.StatusOK:
			b.succeeded(a, "duplicate", "msg_1")
		default:
			b.failed(a, http.StatusConflict, "in_flight", "10")
		}
	}
	if n := len(b.publisher.all()); published != 1 || n != 1 {
		t.Errorf("%d answers of published, %d messages, want one", published, n)
	}
}

// TestWhileInFlight posts a delivery again while it is being published.
func TestWhileInFlight(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	publishing, goOn := make(chan struct{}), make(chan struct{})
	d := b.v1(b.delivery("msg_1"))
	b.publisher.onPublish = gate(publishing, goOn)
	first := make(chan *answer, 1)
	go func() { first <- b.post("/", d) }()
	<-publishing
	b.failed(b.post("/", d), http.StatusConflict, "in_flight", "10")
	close(goOn)
	id := b.succeeded(<-first, "published", "msg_1")
	if again := b.succeeded(b.post("/", d), "duplicate", "msg_1"); again != id {
		t.Errorf("duplicate of %s, want %s", again, id)
	}
}

// TestTokenReplayedUnderOtherIDs posts captured tokens again with webhook-ids that they do not
// sign. An event is published once, however little of it identifies it.
func TestTokenReplayedUnderOtherIDs(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"whole event":       `{"type":"batch.succeeded","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batch_1"}}`,
		"without data.id":   `{"type":"batch.succeeded","timestamp":"2026-01-22T12:00:00Z"}`,
		"without timestamp": `{"type":"batch.succeeded","data":{"id":"batch_1"}}`,
		"type alone":        `{"type":"batch.succeeded"}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newFixture(t)
			d := b.delivery("msg_1")
			d.Body = []byte(body)
			d = b.jwt(d)
			b.succeeded(b.post(dynamicPath, d), "published", "msg_1")
			for _, id := range []string{"msg_2", "msg_3"} {
				d.Header = d.Header.Clone()
				d.Header.Set(standin.HeaderID, id)
				b.succeeded(b.post(dynamicPath, d), "duplicate", id)
			}
			if messages := b.publisher.all(); len(messages) != 1 {
				t.Errorf("%d messages, want one", len(messages))
			}
		})
	}
}
