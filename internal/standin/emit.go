package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// PingType is the type of the event that a ping delivers; its data.id is the webhook's. Google
// documents neither.
const PingType = "webhook.ping"

// ErrWithdrawn is the error of a delivery whose webhook was deleted or disabled before it was
// acknowledged.
var ErrWithdrawn = errors.New("webhook deleted or disabled")

// A Result is what came of a delivery.
type Result struct {
	WebhookID string // of the registered webhook; empty for a dynamic one
	ID        string // the webhook-id
	Attempts  int
	Answer    *Answer // the last, if there was one

	// Err is nil if the delivery was acknowledged. Otherwise it is ErrNotAcknowledged,
	// ErrWithdrawn, ErrDropped, the context's error or that of signing.
	Err error
}

// An Attempt is one attempt of a delivery, with its answer or, if there was none, the error.
type Attempt struct {
	WebhookID string // of the registered webhook; empty for a dynamic one
	ID        string // the webhook-id
	Number    int    // from 1 on
	Answer    *Answer
	Err       error
}

// Emit delivers an event to every registered webhook that is enabled and subscribed to its type, to
// all at the same time and to each under its own webhook-id, and returns when all these deliveries
// have ended. The results are in the order of registration; there are none if no webhook is
// subscribed.
//
// A delivery is signed again for each attempt, with all secrets that are valid then, and goes to
// the URI of the time of the event. It is tried until it is acknowledged, its webhook deleted or
// disabled, or the context ended; after RetryPeriod its webhook is disabled due to failed
// deliveries. It fails for a body that is not a JSON object with a type.
func (s *Server) Emit(ctx context.Context, body []byte) ([]Result, error) {
	var event struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, fmt.Errorf("emit event: %w", err)
	}
	if event.Type == "" {
		return nil, errors.New("emit event: it has no type")
	}
	deliveries, err := s.subscribed(event.Type, body)
	if err != nil {
		return nil, fmt.Errorf("emit event: %w", err)
	}
	results := make([]Result, len(deliveries))
	var wg sync.WaitGroup
	for i, d := range deliveries {
		wg.Go(func() {
			results[i] = s.deliver(ctx, d)
			if errors.Is(results[i].Err, ErrNotAcknowledged) {
				s.Disable(d.webhookID)
			}
		})
	}
	wg.Wait()
	return results, nil
}

// RetryPeriod is for how long Gemini retries a delivery.
const RetryPeriod = 24 * time.Hour

// A DynamicWebhook is one that a single request names (webhook_config.uris).
type DynamicWebhook struct {
	URI string

	// Audience makes the signature a token with this "aud", as Gemini's guide has it. Without one
	// it is v1a, as Gemini delivers, by each Ed25519 key in turn.
	Audience string
}

// EmitDynamic delivers an event to a dynamic webhook as Emit does to a registered one, except that
// it disables nothing.
func (s *Server) EmitDynamic(ctx context.Context, w DynamicWebhook, body []byte) (Result, error) {
	s.mu.Lock()
	d, err := s.newDelivery("", w.URI, body)
	s.mu.Unlock()
	if err != nil {
		return Result{}, fmt.Errorf("emit event: %w", err)
	}
	d.sign = func(d Delivery) (Delivery, error) {
		s.mu.Lock()
		keys, turn := s.keys, s.dynamic
		s.dynamic++
		s.mu.Unlock()
		if w.Audience != "" {
			return keys.SignJWT(d, 0, w.Audience, d.Time, d.Time.Add(5*time.Minute))
		}
		return keys.SignV1a(d, turn%max(len(keys.Ed25519), 1))
	}
	return s.deliver(ctx, d), nil
}

// A delivery is a Delivery on its way to one webhook.
type delivery struct {
	webhookID string
	uri       string
	sign      func(Delivery) (Delivery, error)
	opts      DeliverOptions
	dropped   bool
	Delivery
}

// newDelivery prepares a delivery under a new webhook-id. The lock is held.
func (s *Server) newDelivery(webhookID, uri string, body []byte) (delivery, error) {
	id, err := NewID(s.opts.Rand)
	if err != nil {
		return delivery{}, err
	}
	return delivery{
		webhookID: webhookID, uri: uri, Delivery: Delivery{ID: id, Body: slices.Clone(body)},
		opts: DeliverOptions{For: RetryPeriod, Backoff: s.opts.Backoff, MaxBackoff: s.opts.MaxBackoff, Now: s.opts.Now, Wait: s.opts.Wait},
	}, nil
}

// subscribed prepares a delivery for each webhook that gets an event.
func (s *Server) subscribed(eventType string, body []byte) ([]delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var deliveries []delivery
	for _, w := range s.webhooks {
		if w.state != StateEnabled || !slices.Contains(w.events, eventType) {
			continue
		}
		d, err := s.newDelivery(w.id, w.uri, body)
		if err != nil {
			return nil, err
		}
		d.sign, d.dropped = s.signRegistered(w.id, true), s.dropped()
		deliveries = append(deliveries, d)
	}
	return deliveries, nil
}

// signRegistered signs for a registered webhook with the secrets that are valid at the time. It
// fails if the webhook has been deleted or, with mustBeEnabled, is not enabled.
func (s *Server) signRegistered(id string, mustBeEnabled bool) func(Delivery) (Delivery, error) {
	return func(d Delivery) (Delivery, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w, err := s.find(id)
		if err != nil || mustBeEnabled && w.state != StateEnabled {
			return d, ErrWithdrawn
		}
		return (&Keys{}).SignV1(d, w.validSecrets(d.Time)...)
	}
}

func (s *Server) deliver(ctx context.Context, d delivery) Result {
	result := Result{WebhookID: d.webhookID, ID: d.ID}
	if d.dropped {
		result.Err = ErrDropped
		return result
	}
	d.opts.Sign = d.sign
	d.opts.Observe = func(attempt int, answer *Answer, err error) {
		result.Attempts = attempt
		s.attempted(d.webhookID, answer != nil && answer.Acknowledged())
		if s.opts.Observe != nil {
			s.opts.Observe(Attempt{WebhookID: d.webhookID, ID: d.ID, Number: attempt, Answer: answer, Err: err})
		}
	}
	result.Answer, result.Err = Deliver(ctx, s.opts.Client, d.uri, d.Delivery, &d.opts)
	return result
}
