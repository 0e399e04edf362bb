// Package inspect keeps what is known of deliveries, for a developer to look at while it happens.
//
// A [Record] is one request to the receiver, or one document of a ledger whose requests nobody saw,
// with everything that came of it: the ledger's document over time, the message, attempts at a
// local handler, collected objects. A [Log] holds the latest records in memory and reports every
// change.
//
//	log := inspect.NewLog(nil)
//	handler := tap.Handler(log, receiver)          // package tap fills a log
//	err := page.Serve(ctx, listener, log, options) // package page shows it in a browser
//
// It is a development tool. Records hold payloads, signatures and the tokens of dynamic URLs. So
// they stay in memory, and only the page shows them, which is guarded.
package inspect

import (
	"net/http"
	"slices"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

// A Record is what is known of one delivery. The zero value of a field means that it is not known,
// or has not happened.
type Record struct {
	ID      string // given by Log.Add
	Version uint64 // of the log at the record's last change
	At      time.Time

	Key       ledger.Key // none for a refusal
	WebhookID string
	Tenant    string
	Scheme    string
	Type      string
	Subject   string
	MessageID string // in the receiver's answer
	// Outcome is what the receiver answered: "published", "duplicate", "dead_lettered" or the code
	// of a refusal. For a document whose request nobody saw it is the state.
	Outcome string

	Request   *Request
	Answer    *Answer
	Timings   []Timing
	Documents []Document // in the order of their changes
	Messages  []Message
	Attempts  []Attempt // at the local handler
	Objects   []Object
}

// A Request is a delivery as it came in. Its path can hold the token of a dynamic URL.
type Request struct {
	Path   string
	Header http.Header
	Body   []byte
}

// An Answer is what a server said to a request, or why there was no answer.
type Answer struct {
	StatusCode int
	Header     http.Header
	Body       []byte
	Took       time.Duration
	Err        string
}

// A Timing is how long one step of the receiver took.
type Timing struct {
	Step string
	Took time.Duration
}

// A Document is the ledger's document of a delivery after one change.
type Document struct {
	At time.Time // when it was changed, by the ledger's clock
	ledger.Document
}

// A Message is what a topic holds.
type Message struct {
	ID          string
	Topic       string
	PublishTime time.Time
	Data        []byte
	Attributes  map[string]string
}

// An Attempt is one request to the local handler.
type Attempt struct {
	At      time.Time
	URL     string
	Request Request
	Answer  Answer
	Reason  string // why there was another attempt; empty for the first
}

// An Object is one that the collector has stored in the bucket.
type Object struct {
	URI         string
	ContentType string
	Bytes       int64
}

// State returns the state of the ledger's document, or "".
func (r *Record) State() ledger.State {
	if len(r.Documents) == 0 {
		return ""
	}
	return r.Documents[len(r.Documents)-1].State
}

// clone returns a record whose lists can be appended to without changing those of r. What is in
// them is never changed.
func (r *Record) clone() *Record {
	c := *r
	c.Timings, c.Documents = slices.Clone(r.Timings), slices.Clone(r.Documents)
	c.Messages, c.Attempts, c.Objects = slices.Clone(r.Messages), slices.Clone(r.Attempts), slices.Clone(r.Objects)
	return &c
}

// size is about how many bytes of memory a record takes.
func (r *Record) size() int {
	size := 2000
	if r.Request != nil {
		size += len(r.Request.Body)
	}
	for i := range r.Documents {
		size += len(r.Documents[i].Payload)
	}
	for i := range r.Messages {
		size += len(r.Messages[i].Data)
	}
	for i := range r.Attempts {
		size += len(r.Attempts[i].Request.Body) + len(r.Attempts[i].Answer.Body)
	}
	return size
}
