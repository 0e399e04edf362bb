package receiver_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// sized returns an event of a number of bytes.
func sized(size int) []byte {
	event := standin.Event("batch.succeeded")
	return append(event, bytes.Repeat([]byte(" "), size-len(event))...)
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]func(size int) int64{
		"declared": func(size int) int64 { return int64(size) },
		"chunked":  func(int) int64 { return -1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			send := func(size int) *answer {
				d := b.delivery("msg_1")
				d.Body = sized(size)
				r := request("/", b.v1(d))
				r.ContentLength = length(size)
				return b.do(r)
			}
			for _, size := range []int{maxBody + 1, 10 * maxBody} {
				b.failed(send(size), http.StatusRequestEntityTooLarge, "body_too_large", "")
			}
			b.untouched()
			b.succeeded(send(maxBody), "published", "msg_1")
			if got := b.publisher.all()[0].data; !bytes.Equal(got, sized(maxBody)) {
				t.Errorf("%d bytes published, not the %d sent", len(got), maxBody)
			}
		})
	}
}

// TestDeclaredTooLarge wants a body that says it is too large not to be read at all.
func TestDeclaredTooLarge(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := request("/", b.v1(b.delivery("msg_1")))
	r.ContentLength = maxBody + 1
	r.Body = io.NopCloser(readerFunc(func() { t.Error("the body was read") }))
	b.failed(b.do(r), http.StatusRequestEntityTooLarge, "body_too_large", "")
	b.untouched()
}

func TestBodyCutOff(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	d := b.v1(b.delivery("msg_1"))
	r := request("/", d)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(d.Body), iotest.ErrReader(io.ErrUnexpectedEOF)))
	a := b.do(r)
	b.failed(a, http.StatusBadRequest, "malformed_header", "")
	if want := "The body ended before the length its headers declare, or did not arrive in time."; a.Message != want {
		t.Errorf("message %q", a.Message)
	}
	b.untouched()
}

// TestDeadLetters has genuine deliveries that no retry can make an event. They are kept, and
// acknowledged once and again.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":              "",
		"white space":        " \n",
		"not JSON":           "batch.succeeded",
		"not UTF-8":          "\xff\xfe\x00",
		"UTF-16":             "\xff\xfe{\x00}\x00",
		"cut off":            `{"type":"batch.succeeded"`,
		"two objects":        `{"type":"batch.succeeded"}{}`,
		"array":              `[{"type":"batch.succeeded"}]`,
		"string":             `"batch.succeeded"`,
		"number":             `1`,
		"true":               `true`,
		"null":               `null`,
		"empty object":       `{}`,
		"no type":            `{"version":"v1","data":{"id":"batch_1"}}`,
		"type null":          `{"type":null}`,
		"type empty":         `{"type":""}`,
		"type number":        `{"type":1}`,
		"type object":        `{"type":{"type":"batch.succeeded"}}`,
		"type in capitals":   `{"Type":"batch.succeeded"}`,
		"nested too deep":    strings.Repeat("[", 60_000),
		"deep within":        `{"type":"batch.succeeded","data":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		"type without quote": `{type:"batch.succeeded"}`,
	} {
		t.Run(name+", static", func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			wantDeadLetter(b, "/", b.v1, body, ledger.StaticKey("msg_1"), "static")
		})
		t.Run(name+", dynamic", func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			wantDeadLetter(b, dynamicPath, b.v1a, body, ledger.DynamicKey(tenantName, "msg_1"), "dynamic/acme")
		})
	}
}

// wantDeadLetter delivers a body twice, and wants one dead letter of it, on the topic and on
// record.
func wantDeadLetter(b *fixture, path string, sign func(standin.Delivery) standin.Delivery, body string, key ledger.Key, source string) {
	b.Helper()
	d := b.delivery("msg_1")
	d.Body = []byte(body)
	id := b.succeeded(b.post(path, sign(d)), "dead_lettered", "msg_1")
	if again := b.succeeded(b.post(path, sign(d)), "duplicate", "msg_1"); again != id {
		b.Errorf("message %s the second time, %s the first", again, id)
	}
	messages := b.publisher.all()
	if len(messages) != 1 {
		b.Fatalf("%d messages", len(messages))
	}
	m := messages[0]
	if m.topic != deadLetterTopic || string(m.data) != body {
		b.Errorf("%d bytes on %s, want %d as sent", len(m.data), m.topic, len(body))
	}
	if m.attributes["ce-type"] != "gemhook.dead_letter" || m.attributes["ce-id"] != "msg_1" || m.attributes["error"] == "" ||
		m.attributes["ce-source"] != "//generativelanguage.googleapis.com/webhooks/"+source {
		b.Errorf("attributes of type %q, id %q, source %q and error %q", m.attributes["ce-type"], m.attributes["ce-id"],
			m.attributes["ce-source"], m.attributes["error"])
	}
	if document := b.document(key); document.State != ledger.DeadLettered || document.MessageID != id ||
		document.Topic != deadLetterTopic || string(document.Payload) != body || document.Type != "" {
		b.Errorf("the document is %s, message %s on %s, of type %q", document.State, document.MessageID, document.Topic, document.Type)
	}
}
