package dev

import (
	"net/http"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// A delivery is one row of the table: what is sent, and what is expected to come of it.
type delivery struct {
	group  string // heading of the rows that belong together
	what   string
	path   string // of the receiver
	signed standin.Delivery
	want   expectation
}

// An expectation is what is expected to come of one delivery.
type expectation struct {
	status    int    // of HTTP
	outcome   string // the answer's status or error code
	topic     string // of its one message; empty: there is to be none
	eventType string // ce-type of that message
}

// published expects an event on the topic.
func published(eventType string) expectation {
	return expectation{http.StatusOK, "published", topicID, eventType}
}

// refused expects an answer of 401, and nothing on any topic.
func refused(code string) expectation {
	return expectation{status: http.StatusUnauthorized, outcome: code}
}

// repeated is the outcome of the same delivery when it comes again.
func (e expectation) repeated() string {
	if e.status == http.StatusOK {
		return "duplicate"
	}
	return e.outcome
}

const (
	staticGroup  = "static webhook, POST /"
	dynamicGroup = "dynamic webhook, POST /dynamic/" + tenantName + "/{token}"
	otherGroup   = "and what else comes in"
)

// A draft is a delivery that can still be changed.
type draft struct {
	standin.Delivery
	path string
	keys *standin.Keys // to sign with
}

// deliveries returns everything that is to be delivered, in order, signed and ready to be sent.
func deliveries(from *sender) ([]delivery, error) {
	var planned []delivery
	add := func(group, what, eventType, scheme string, want expectation, change func(*draft)) error {
		unsigned, err := from.event(eventType)
		if err != nil {
			return err
		}
		d := &draft{Delivery: unsigned, path: from.path(scheme), keys: from.keys}
		if change != nil {
			change(d)
		}
		signed, err := from.sign(d.keys, d.Delivery, scheme)
		if err != nil {
			return err
		}
		planned = append(planned, delivery{group: group, what: what, path: d.path, signed: signed, want: want})
		return nil
	}

	for _, eventType := range standin.EventTypes() {
		if err := add(staticGroup, eventType, eventType, standin.SchemeV1, published(eventType), nil); err != nil {
			return nil, err
		}
	}
	for i, eventType := range standin.EventTypes() {
		scheme := []string{standin.SchemeV1a, standin.SchemeJWT}[i%2]
		if err := add(dynamicGroup, eventType, eventType, scheme, published(eventType), nil); err != nil {
			return nil, err
		}
	}

	first := planned[0].signed
	secret, err := standin.NewSecret(from.rand)
	if err != nil {
		return nil, err
	}
	forger := &standin.Keys{Secrets: []string{secret}}
	const usual, unknown = "batch.succeeded", "photo.developed"
	for _, other := range []struct {
		what, eventType, scheme string
		want                    expectation
		change                  func(*draft)
	}{
		{"the first, repeated", usual, standin.SchemeV1,
			expectation{status: http.StatusOK, outcome: "duplicate"},
			func(d *draft) { d.ID, d.Body = first.ID, first.Body }},
		{"signed with another secret", usual, standin.SchemeV1, refused("bad_signature"),
			func(d *draft) { d.keys = forger }},
		{"signed six minutes ago", usual, standin.SchemeV1, refused("stale_timestamp"),
			func(d *draft) { d.Time = d.Time.Add(-6 * time.Minute) }},
		{"with another tenant's token", usual, standin.SchemeV1a, refused("unknown_token"),
			func(d *draft) { d.path = dynamicPath(tenantName, from.token("another")) }},
		{unknown + ", a new type", unknown, standin.SchemeV1, published(unknown), nil},
		{"genuine, but no event", usual, standin.SchemeV1,
			expectation{http.StatusOK, "dead_lettered", deadLetterTopicID, ledger.DeadLetterType},
			func(d *draft) { d.Body = []byte(`{"greeting":"hello"}`) }},
	} {
		if err := add(otherGroup, other.what, other.eventType, other.scheme, other.want, other.change); err != nil {
			return nil, err
		}
	}
	return planned, nil
}
