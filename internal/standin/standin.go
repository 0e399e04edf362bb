// Package standin stands in for the sender of Gemini API webhooks in tests and demonstrations: it
// has its own keys, signs deliveries in each of the three ways that Gemini does, sends them until
// they are acknowledged, serves the public half of its keys where a receiver looks for Google's,
// and serves the WebhookService, with which webhooks are registered.
//
//	keys, err := standin.NewKeys(rand.Reader)
//	gemini := standin.NewServer(keys)
//	ts := httptest.NewServer(gemini) // its URL + standin.JWKSPath is the key set
//	defer ts.Close()
//
//	d, err := keys.SignV1(standin.Delivery{
//		ID:   "msg_1",
//		Time: time.Now(),
//		Body: standin.Event("batch.succeeded"),
//	})
//	answer, err := standin.Send(ctx, nil, receiverURL, d)
//
// # Registered webhooks
//
// Any client of the WebhookService, Google's SDKs among them, can register a webhook at the
// server's URL, rotate its secret and the like. Emit then delivers an event to the webhooks that
// are subscribed to it:
//
//	results, err := gemini.Emit(ctx, standin.Event("batch.succeeded"))
//
// The service behaves as its reference says (ai.google.dev/api/webhooks). Where that and the guide
// differ it takes both: the versions v1beta and v1, both paths of a rotation, enum values in small
// letters or capitals. It is stricter than Gemini, which has been seen to ignore an update mask,
// and laxer in that an endpoint on this machine need not have a certificate.
//
// # What a receiver refuses
//
// A test of what a receiver refuses takes a signed Delivery and changes one thing about it: its
// Body, a value of its Header, the secret it is signed with.
//
// The package shares no code with the receiver, so that each checks the other. It uses the standard
// library only, keeps no global state, and is not for production: it does not protect its keys.
package standin

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// The headers of a delivery, as Standard Webhooks names them.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// The ways in which Gemini signs.
const (
	SchemeV1  = "v1"  // static webhooks: HMAC-SHA256 with a signing secret
	SchemeV1a = "v1a" // dynamic webhooks, as delivered: Ed25519
	SchemeJWT = "jwt" // dynamic webhooks, as documented: an RS256 token
)

// A Delivery is one event on its way to one endpoint. The Sign methods of Keys return it with
// Scheme and Header filled in; Send sends Header and Body as they are then.
type Delivery struct {
	ID     string      // the webhook-id, the same for every attempt
	Time   time.Time   // the webhook-timestamp, of this attempt; whole seconds count
	Body   []byte      // the raw bytes that are signed and sent
	Scheme string      // how it is signed: one of the Scheme constants
	Header http.Header // the request's headers, canonical names
}

// NewID returns a webhook-id of the usual form, "msg_" and a random UUID, from 16 bytes of rand.
func NewID(rand io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("read randomness for a webhook-id: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40 // version 4
	b[8] = b[8]&0x3f | 0x80 // RFC 9562 variant
	h := hex.EncodeToString(b[:])
	return fmt.Sprintf("msg_%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:]), nil
}

func (d Delivery) timestamp() string {
	return strconv.FormatInt(d.Time.Unix(), 10)
}

// signedContent is what v1 and v1a sign.
func (d Delivery) signedContent() []byte {
	return append([]byte(d.ID+"."+d.timestamp()+"."), d.Body...)
}

// signed returns d as signed by scheme, with the headers for that.
func (d Delivery) signed(scheme, signature string) Delivery {
	d.Scheme = scheme
	d.Header = d.Header.Clone()
	if d.Header == nil {
		d.Header = make(http.Header)
	}
	d.Header.Set(HeaderID, d.ID)
	d.Header.Set(HeaderTimestamp, d.timestamp())
	d.Header.Set(HeaderSignature, signature)
	return d
}
