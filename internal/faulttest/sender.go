package faulttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
)

// A Sender delivers as Gemini does: until there is an acknowledgement, with growing pauses and no
// shorter than asked for. Each attempt goes to the next receiver. It is safe for concurrent use.
type Sender struct {
	keys   *standin.Keys
	forger *standin.Keys // has other ones
	record *Record
	client *http.Client
	room   chan struct{} // has room for the requests that can be under way
}

// NewSender returns a sender to receivers at addresses, with at most a number of requests at a
// time.
func NewSender(keys *standin.Keys, record *Record, addresses []string, simultaneous int) (*Sender, error) {
	forger, err := standin.NewKeys(rand.Reader)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = simultaneous
	return &Sender{
		keys:   keys,
		forger: forger,
		record: record,
		client: &http.Client{
			Transport: &inTurn{next: transport, addresses: addresses},
			// Longer than any receiver takes; a request to an empty slot waits for the next
			// process.
			Timeout: 30 * time.Second,
		},
		room: make(chan struct{}, simultaneous),
	}, nil
}

// Close ends the idle connections.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// inTurn sends each request to the next address.
type inTurn struct {
	next      http.RoundTripper
	addresses []string
	turn      atomic.Int64
}

func (r *inTurn) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.URL.Host = r.addresses[int(r.turn.Add(1))%len(r.addresses)]
	return r.next.RoundTrip(request)
}

// An Event is what to deliver. Its number decides webhook-id and body: a second one with the same
// number is a repeat.
type Event struct {
	Number int
	Forged bool // signed with keys that are not Gemini's
}

// scheme spreads the events over the schemes: most are static, few have tokens, whose signing is
// slow.
func (e Event) scheme() string {
	switch {
	case e.Number%16 == 3:
		return standin.SchemeJWT
	case e.Number%4 == 1:
		return standin.SchemeV1a
	}
	return standin.SchemeV1
}

// Deliver delivers an event until it is acknowledged, or a forged one until it is answered. The
// error is that of ctx.
func (s *Sender) Deliver(ctx context.Context, e Event) error { return s.deliver(ctx, e, 1<<30) }

// Try sends an event once. The error is of any end but an acknowledgement.
func (s *Sender) Try(ctx context.Context, e Event) error { return s.deliver(ctx, e, 1) }

func (s *Sender) deliver(ctx context.Context, e Event, attempts int) error {
	kind, keys := "event", s.keys
	if e.Forged {
		kind, keys = "forged", s.forger
	}
	scheme := e.scheme()
	d := standin.Delivery{
		ID:     fmt.Sprintf("msg_%s_%d", kind, e.Number),
		Body:   standin.EventAt("batch.succeeded", fmt.Sprintf("batch_%s_%d", kind, e.Number), time.Unix(1769083200, 0)),
		Scheme: scheme,
	}
	s.record.open(d, e.Forged)
	endpoint := url.URL{Scheme: "http", Host: "receiver", Path: "/"}
	if scheme != standin.SchemeV1 {
		endpoint.Path = gemini.DynamicPath()
	}
	var begun time.Time
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := standin.Deliver(ctx, s.client, endpoint.String(), d, &standin.DeliverOptions{
		Sign: func(d standin.Delivery) (standin.Delivery, error) {
			select {
			case s.room <- struct{}{}:
			case <-ctx.Done():
				return d, ctx.Err()
			}
			begun = time.Now()
			return gemini.Sign(keys, d, scheme), nil
		},
		Attempts: attempts,
		Backoff:  50 * time.Millisecond, MaxBackoff: 2 * time.Second,
		Observe: func(_ int, answer *standin.Answer, err error) {
			<-s.room
			if err == nil {
				s.record.answered(d.ID, answer, time.Now(), time.Since(begun))
				if e.Forged {
					cancel() // one answer is enough
				}
			}
		},
	})
	if e.Forged {
		return nil
	}
	return err
}
