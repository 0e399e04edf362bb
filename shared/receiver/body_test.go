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

// sized returns an event of so many bytes.
func sized(size int) []byte {
	event := standin.Event("batch.succeeded")
	return append(event, bytes.Repeat([]byte(" "), size-len(event))...)
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	for _, chunked := range []bool{false, true} {
		b := newFixture(t)
		send := func(size int) *answer {
			d := b.delivery("msg_1")
			d.Body = sized(size)
			r := request("/", b.v1(d))
			if chunked {
				r.ContentLength = -1
			}
			return b.do(r)
		}
		for _, size := range []int{maxBody + 1, 10 * maxBody} {
			b.failed(send(size), http.StatusRequestEntityTooLarge, "body_too_large", "")
		}
		b.untouched()
		b.succeeded(send(maxBody), "published", "msg_1")
		if got := b.publisher.all()[0].data; !bytes.Equal(got, sized(maxBody)) {
			t.Errorf("chunked %t: %d bytes published, not the %d sent", chunked, len(got), maxBody)
		}
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
		for _, path := range []string{"/", dynamicPath} {
			b := newFixture(t)
			d := b.delivery("msg_1")
			d.Body = []byte(body)
			sign, key, source := b.v1, ledger.StaticKey("msg_1"), "static"
			if path == dynamicPath {
				sign, key, source = b.v1a, ledger.DynamicKey(tenantName, "msg_1"), "dynamic/acme"
			}
			id := b.succeeded(b.post(path, sign(d)), "dead_lettered", "msg_1")
			if again := b.succeeded(b.post(path, sign(d)), "duplicate", "msg_1"); again != id {
				t.Errorf("%s: message %s the second time, %s the first", name, again, id)
			}
			messages := b.publisher.all()
			if len(messages) != 1 {
				t.Fatalf("%s: %d messages", name, len(messages))
			}
			m := messages[0]
			if m.topic != deadLetterTopic || string(m.data) != body {
				t.Errorf("%s: %d bytes on %s, want %d as sent", name, len(m.data), m.topic, len(body))
			}
			if m.attributes["ce-type"] != "gemhook.dead_letter" || m.attributes["ce-id"] != "msg_1" || m.attributes["error"] == "" ||
				m.attributes["ce-source"] != "//generativelanguage.googleapis.com/webhooks/"+source {
				t.Errorf("%s: attributes %v", name, m.attributes)
			}
			if document := b.document(key); document.State != ledger.DeadLettered || document.MessageID != id ||
				document.Topic != deadLetterTopic || string(document.Payload) != body || document.Type != "gemhook.dead_letter" && document.Type != "" {
				t.Errorf("%s: document %+v", name, document)
			}
		}
	}
}
