package standin_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// vectorKeys are the keys of the project's public signature vectors: test keys, published in the
// clear.
func vectorKeys(t testing.TB) *standin.Keys {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "signing-keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := standin.ParseKeys(data)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// The signatures of vectors, which were made with Node (npm standardwebhooks, jose and node:crypto)
// by the keys in testdata.
const (
	vectorAudience = "481516234200-gemini-hooks.apps.example.com"
	vectorBody     = `{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batch_123456","output_file_uri":"gs://my-bucket/results.jsonl"}}`
	vectorCRLFBody = "{\r\n\"type\":\"batch.succeeded\",\r\n\"version\":\"v1\",\r\n\"timestamp\":\"2026-01-22T11:59:52Z\",\r\n" +
		"\"data\":{\"id\":\"batch_1\",\"score\":1.0,\"count\":1e3,\"tiny\":-0.0,\"big\":12345678901234567890}\r\n}\r\n"
	vectorV1aBody0 = `{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T11:59:52Z","data":{"id":"batch_dyn1","output_file_uri":"gs://my-bucket/dyn.jsonl"},"user_metadata":{"job_group":"nightly-eval","priority":"high"}}`
	vectorV1aBody2 = `{"type":"interaction.completed","version":"v1","timestamp":"2026-01-22T11:59:52Z","data":{"id":"v1_dyn3"}}`
	vectorJWTBody  = `{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T11:59:52Z","data":{"id":"batch_jwt0","output_file_uri":"gs://my-bucket/j0.jsonl"},"user_metadata":{"team":"search"}}`
)

const vectorJWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjZmMWQwYzJiOWE3ZTRmNTUiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2dlbmVyYXRpdmVsYW5" +
	"ndWFnZS5nb29nbGVhcGlzLmNvbSIsImF1ZCI6IjQ4MTUxNjIzNDIwMC1nZW1pbmktaG9va3MuYXBwcy5leGFtcGxlLmNvbSIsImlhdCI6MTc2O" +
	"TA4MzE5NSwiZXhwIjoxNzY5MDgzNDk1LCJ0eXBlIjoiYmF0Y2guc3VjY2VlZGVkIiwidmVyc2lvbiI6InYxIiwidGltZXN0YW1wIjoiMjAyNi0" +
	"wMS0yMlQxMTo1OTo1MloiLCJkYXRhIjp7ImlkIjoiYmF0Y2hfand0MCIsIm91dHB1dF9maWxlX3VyaSI6ImdzOi8vbXktYnVja2V0L2owLmpzb" +
	"25sIn0sInVzZXJfbWV0YWRhdGEiOnsidGVhbSI6InNlYXJjaCJ9fQ.XYcXt-aIUj11xDSHzXPyY-r0wAxEl9aVpnOdLGoPDhvwlnAh2e2OMVKf" +
	"sFoBRU4Xt1yp4hOnAPIVQHWZSMSPb984eeD3wlVJRTZh8y7Nt93vYwRW46Atfyb4on3Ny1qA3eR2rTk-o8SuHjFdYt_QyvkiJ-xE9E6NnB5-zq" +
	"_E4LfFxJUgQj5fNZnHkB6Rn2Tkfq0D6Nyqke0nObBj8QSNdIp11s13TfJ_4aKvrU2AtIMPDcRdi9wLVpnW99o-qRpG6GvN875JTTzhaaBbPzXn" +
	"_DsYlebibZsdANkG0hxBpyHr9TB4_nmm4cUtKL0_gcIsbAsMbgrB_0Ma7MG4dPoPRg"

// Deliveries are signed as the public vectors are, byte for byte.
func TestVectors(t *testing.T) {
	keys := vectorKeys(t)
	type delivery = standin.Delivery
	tests := []struct {
		name string // of the vector
		id   string
		unix int64
		body string
		sign func(delivery) (delivery, error)

		scheme, signature string
	}{
		{
			"v1-batch-succeeded", "msg_9d1176a5-70b0-4efd-a82e-7b650f9a91c8", 1769083192, vectorBody,
			func(d delivery) (delivery, error) { return keys.SignV1(d, keys.Secrets[0]) },
			standin.SchemeV1, "v1,tSNvAxqx6KpyNEo6j4fGwJjLjZ0pMZnGlXH/h5Opjw4=",
		},
		{
			"v1-body-crlf-and-number-forms", "msg_d337555c-dd7e-47a2-9593-85c4eaeb086c", 1769083190, vectorCRLFBody,
			func(d delivery) (delivery, error) { return keys.SignV1(d, keys.Secrets[1]) },
			standin.SchemeV1, "v1,pdQNFY6PP3CK2rYRLHSDnz+LhWM4Lhqxj5vIDMec5Kk=",
		},
		{
			"v1-rotation-two-secrets-two-signatures", "msg_713f78d6-a42e-496c-8ad9-ea8dc131ad16", 1769083192, vectorBody,
			func(d delivery) (delivery, error) {
				// The new secret first.
				return (&standin.Keys{Secrets: []string{keys.Secrets[1], keys.Secrets[0]}}).SignV1(d)
			},
			standin.SchemeV1, "v1,bqbnEZ/EIPh3m9sCRUdyjnP3cu7W68px1zHCxeGd/wM= v1,RTdbXraSq7Ga1DRx+Ss2pJGGUj4uLs+o5VkQlPqn8VA=",
		},
		{
			"v1a-batch-succeeded-key0", "msg_cb019ff8-3e95-4569-8c9b-e4777cdf8578", 1769083192, vectorV1aBody0,
			func(d delivery) (delivery, error) { return keys.SignV1a(d, 0) },
			standin.SchemeV1a, "v1a,eEtM1hWrXwibkdrb3uEmkW6e6QsleJQ5RfVBYUjFzmimF/bgjSWI9Y7s7q/+uoISTI+seX7C/tnsu3w5V5emBw==",
		},
		{
			"v1a-interaction-completed-key2", "msg_5856e826-8338-4602-81d0-13c1351b9f74", 1769083190, vectorV1aBody2,
			func(d delivery) (delivery, error) { return keys.SignV1a(d, 2) },
			standin.SchemeV1a, "v1a,y/cxyRRU8U2p0hgjKlFh7zmWW7sJshywPegmnLHhK7tzrn+Up7MbfLIIKvSiUgooT2PCJz09ELlGY4CNm91CBA==",
		},
		{
			"jwt-batch-succeeded-rsa0", "msg_311abf44-8d6b-4c51-b0c9-6bf092e4575f", 1769083192, vectorJWTBody,
			func(d delivery) (delivery, error) {
				return keys.SignJWT(d, 0, vectorAudience, time.Unix(1769083195, 0), time.Unix(1769083495, 0))
			},
			standin.SchemeJWT, vectorJWT,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, err := test.sign(delivery{ID: test.id, Time: time.Unix(test.unix, 999_999_999), Body: []byte(test.body)})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string][]string{
				"Webhook-Id":        {test.id},
				"Webhook-Timestamp": {strconv.FormatInt(test.unix, 10)},
				"Webhook-Signature": {test.signature},
			}
			wantEqual(t, "headers", map[string][]string(d.Header), want)
			if d.Scheme != test.scheme || d.ID != test.id || string(d.Body) != test.body {
				t.Errorf("signed delivery = %s %s with a body of %d bytes, want %s %s unchanged", d.Scheme, d.ID, len(d.Body), test.scheme, test.id)
			}
		})
	}
}
