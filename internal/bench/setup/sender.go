package setup

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/gemhook/gemhook/internal/bench/load"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/webhook"
)

// A Sender signs deliveries of a static webhook. It is safe for concurrent use.
type Sender struct {
	keys     *standin.Keys
	verifier *webhook.Static
}

// NewSender returns a sender with a new signing secret.
func NewSender() (*Sender, error) {
	secret, err := standin.NewSecret(rand.Reader)
	if err != nil {
		return nil, err
	}
	secrets, err := webhook.ParseSecrets(secret)
	if err != nil {
		return nil, err
	}
	return &Sender{
		keys:     &standin.Keys{Secrets: []string{secret}},
		verifier: webhook.NewStatic(webhook.Fixed(secrets), nil),
	}, nil
}

// Secret is the text of the signing secret.
func (s *Sender) Secret() string { return s.keys.Secrets[0] }

// Delivery returns a signed delivery of a new webhook-id.
func (s *Sender) Delivery() (standin.Delivery, error) {
	id, err := standin.NewID(rand.Reader)
	if err != nil {
		return standin.Delivery{}, err
	}
	return s.keys.SignV1(standin.Delivery{ID: id, Time: time.Now(), Body: standin.Event("batch.succeeded")})
}

// Request is a delivery as the bytes of a POST.
func (s *Sender) Request() ([]byte, error) {
	d, err := s.Delivery()
	if err != nil {
		return nil, err
	}
	return load.Serialise("/", d.Header, d.Body), nil
}

// Requests returns n of them, each with a webhook-id of its own.
func (s *Sender) Requests(n int) ([][]byte, error) {
	requests := make([][]byte, n)
	for i := range requests {
		var err error
		if requests[i], err = s.Request(); err != nil {
			return nil, err
		}
	}
	return requests, nil
}

// Prepared is what a receiver writes of one delivery.
type Prepared struct {
	Key      string
	Document *ledger.Document
}

// Prepare returns what a receiver would write of a new delivery.
func (s *Sender) Prepare(ctx context.Context) (*Prepared, error) {
	signed, err := s.Delivery()
	if err != nil {
		return nil, err
	}
	delivery, err := s.verifier.Verify(ctx, signed.Header, signed.Body)
	if err != nil {
		return nil, err
	}
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &Prepared{Key: string(ledger.StaticKey(delivery.ID())), Document: &ledger.Document{
		State: ledger.Claimed, Attempt: 1, LeaseExpiresAt: now.Add(time.Minute),
		WebhookID: delivery.ID(), Scheme: string(delivery.Scheme()), Type: parsed.Type, ResourceID: parsed.ResourceID,
		Topic: backend.TopicID, Payload: delivery.Payload(), Attributes: parsed.Attributes(delivery, ""),
		ReceivedAt: now, ExpiresAt: now.Add(7 * 24 * time.Hour),
	}}, nil
}

// PrepareAll returns n of them.
func (s *Sender) PrepareAll(ctx context.Context, n int) ([]*Prepared, error) {
	all := make([]*Prepared, n)
	for i := range all {
		var err error
		if all[i], err = s.Prepare(ctx); err != nil {
			return nil, err
		}
	}
	return all, nil
}
