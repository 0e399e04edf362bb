package faulttest

import (
	"crypto/sha256"
	"net/http"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// A Record is what was sent, how it was answered and what is on the topic. It is safe for
// concurrent use.
type Record struct {
	mu         sync.Mutex
	entries    map[string]*entry // by webhook-id
	deliveries deliveries
	times      []time.Duration // of the acknowledged requests
	seen       map[string]bool // message ids: a subscription may bring a message twice
}

// deliveries counts genuine ones, repeats included.
type deliveries struct {
	sent, repeated, acknowledged int
	requests                     int // that were answered, forgeries included
}

// An entry is what is known of one webhook-id.
type entry struct {
	sent         bool
	forged       bool
	body         [sha256.Size]byte // of what must be on the topic; zero: not known
	acknowledged bool
	refused      bool      // answered 401
	duplicate    time.Time // when it was first answered that it is on record as published; zero: never
	messages     []message
}

type message struct {
	number    int64 // ascending on the emulator
	marked    bool
	published time.Time
	body      [sha256.Size]byte
}

// NewRecord returns an empty record.
func NewRecord() *Record {
	return &Record{entries: map[string]*entry{}, seen: map[string]bool{}}
}

// open records a delivery before it is sent.
func (a *Record) open(d standin.Delivery, forged bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	repeated := a.entries[d.ID] != nil
	if !forged {
		a.deliveries.sent++
		if repeated {
			a.deliveries.repeated++
		}
	}
	if repeated {
		return
	}
	e := &entry{sent: true, forged: forged}
	if d.Scheme != standin.SchemeJWT { // whose bytes differ with each attempt
		e.body = sha256.Sum256(d.Body)
	}
	a.entries[d.ID] = e
}

// answered records the answer to one request. A delivery ends with the first acknowledgement.
func (a *Record) answered(id string, answer *standin.Answer, at time.Time, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entries[id]
	a.deliveries.requests++
	switch {
	case answer.Acknowledged():
		e.acknowledged = true
		if !e.forged {
			a.deliveries.acknowledged++
		}
		a.times = append(a.times, took)
		if answer.Status == "duplicate" && e.duplicate.IsZero() {
			e.duplicate = at
		}
	case answer.StatusCode == http.StatusUnauthorized:
		e.refused = true
	}
}

// settled records that the ledger has an event as published. For an event that is not delivered any
// more, that is the acknowledgement.
func (a *Record) settled(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.entries[id]; e != nil {
		e.acknowledged = true
		a.deliveries.acknowledged++
	}
}

// received records a message.
func (a *Record) received(m *pubsubpb.PubsubMessage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen[m.MessageId] {
		return
	}
	a.seen[m.MessageId] = true
	id := m.Attributes["ce-id"]
	e := a.entries[id]
	if e == nil {
		e = &entry{forged: true} // it was never sent
		a.entries[id] = e
	}
	number, _ := strconv.ParseInt(m.MessageId, 10, 64)
	e.messages = append(e.messages, message{
		number:    number,
		marked:    m.Attributes[ledger.RedeliveredAttribute] == "true",
		published: m.PublishTime.AsTime(),
		body:      sha256.Sum256(m.Data),
	})
}

// missing returns how many webhook-ids are acknowledged and not on the topic.
func (a *Record) missing() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	missing := 0
	for _, e := range a.entries {
		if e.acknowledged && !e.forged && len(e.messages) == 0 {
			missing++
		}
	}
	return missing
}
