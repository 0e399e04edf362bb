package dev

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/tenant"
)

const (
	tenantName = "acme"
	audience   = "gemhook-dev"

	// deliverPath is where the stand-in for Gemini is asked for another delivery.
	deliverPath = "/deliver"
)

// A sender stands in for Gemini: it signs deliveries and sends them to the receiver.
type sender struct {
	server      *standin.Server
	keys        *standin.Keys
	url         string // its own
	receiverURL string
	dynamicKey  tenant.Key
	now         func() time.Time
	rand        io.Reader
	signedV1a   atomic.Int64 // how many by v1a, for which the keys of the set take turns

	mu    sync.Mutex
	lost  standin.Share // of the deliveries
	twice standin.Share // of those that are not lost
}

func newSender(keys *standin.Keys, rand io.Reader, now func() time.Time) (*sender, error) {
	key, err := tenant.GenerateKey(rand)
	if err != nil {
		return nil, err
	}
	return &sender{keys: keys, dynamicKey: key, now: now, rand: rand}, nil
}

// token returns the token that belongs in a tenant's dynamic URL.
func (s *sender) token(name string) string { return s.dynamicKey.Token(name) }

// dynamicPath returns the path of a tenant's dynamic endpoint, with that token.
func dynamicPath(name, token string) string { return tenant.PathPrefix + name + "/" + token }

// path returns where deliveries signed by scheme belong.
func (s *sender) path(scheme string) string {
	if scheme == standin.SchemeV1 {
		return "/"
	}
	return dynamicPath(tenantName, s.token(tenantName))
}

// event returns a delivery, not signed yet, of an event about a resource of its own.
func (s *sender) event(eventType string) (standin.Delivery, error) {
	id, err := standin.NewID(s.rand)
	if err != nil {
		return standin.Delivery{}, err
	}
	now := s.now()
	kind, _, _ := strings.Cut(eventType, ".")
	return standin.Delivery{
		ID: id, Time: now, Body: standin.EventAt(eventType, kind+"_"+id[len(id)-12:], now.Truncate(time.Second)),
	}, nil
}

// sign signs a delivery with keys, by scheme.
func (s *sender) sign(keys *standin.Keys, d standin.Delivery, scheme string) (standin.Delivery, error) {
	switch scheme {
	case standin.SchemeV1:
		return keys.SignV1(d)
	case standin.SchemeV1a:
		return keys.SignV1a(d, int(s.signedV1a.Add(1))%len(keys.Ed25519))
	case standin.SchemeJWT:
		return keys.SignJWT(d, 0, audience, d.Time, d.Time.Add(5*time.Minute))
	}
	return d, fmt.Errorf("unknown scheme %q, want v1, v1a or jwt", scheme)
}

// send posts a delivery to a path of the receiver, once.
func (s *sender) send(ctx context.Context, path string, d standin.Delivery) (*standin.Answer, error) {
	return standin.Send(ctx, nil, s.receiverURL+path, d)
}

// deliver sends a delivery over a network that loses and repeats as many as the options say. It
// returns an answer for each time that it was sent: mostly once, but also never or twice.
func (s *sender) deliver(ctx context.Context, path string, d standin.Delivery) ([]*standin.Answer, error) {
	s.mu.Lock()
	times := 1
	if s.lost.Next() {
		times = 0
	} else if s.twice.Next() {
		times = 2
	}
	s.mu.Unlock()
	var answers []*standin.Answer
	for range times {
		answer, err := s.send(ctx, path, d)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// serveDeliver signs and delivers another event, of the type and scheme in the query, and passes on
// the receiver's first answer.
func (s *sender) serveDeliver(w http.ResponseWriter, r *http.Request) {
	scheme := cmp.Or(r.FormValue("scheme"), standin.SchemeV1)
	d, err := s.event(cmp.Or(r.FormValue("type"), "batch.succeeded"))
	if err == nil {
		d, err = s.sign(s.keys, d, scheme)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answers, err := s.deliver(r.Context(), s.path(scheme), d)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if len(answers) == 0 {
		fmt.Fprintf(w, "%s is lost, and never sent (--drop)\n", d.ID)
		return
	}
	answer := answers[0]
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(answer.Body) // fails only if the client is gone
}
