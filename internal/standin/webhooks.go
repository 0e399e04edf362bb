package standin

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The states of a registered webhook.
const (
	StateEnabled                       = "enabled"
	StateDisabled                      = "disabled"
	StateDisabledDueToFailedDeliveries = "disabled_due_to_failed_deliveries"
)

// RotationGrace is for how long the secrets before a rotation stay valid, unless it revokes them
// immediately.
const RotationGrace = 24 * time.Hour

// The revocation behaviors of a rotation.
const (
	revokeAfterGrace  = "revoke_previous_secrets_after_h24"
	revokeImmediately = "revoke_previous_secrets_immediately"
)

// A webhook is a registered webhook. The Server's lock guards it.
type webhook struct {
	number  int // of its registration, from 1 on; a page token names that of the last on the page
	id      string
	name    string
	uri     string
	events  []string
	state   string
	secrets []signingSecret // newest first
	created time.Time
	updated time.Time

	failures int // failed attempts in a row
}

type signingSecret struct {
	text    string
	expires time.Time // zero: never
}

// Secrets returns the signing secrets of a registered webhook that are valid now, newest first;
// none if there is no such webhook.
func (s *Server) Secrets(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.find(id)
	if err != nil {
		return nil
	}
	return w.validSecrets(s.opts.Now())
}

func (w *webhook) validSecrets(now time.Time) []string {
	var valid []string
	for _, secret := range w.secrets {
		if secret.validAt(now) {
			valid = append(valid, secret.text)
		}
	}
	return valid
}

func (s signingSecret) validAt(now time.Time) bool {
	return s.expires.IsZero() || now.Before(s.expires)
}

// truncated is the form in which Gemini shows a secret after its creation.
func (s signingSecret) truncated() string { return SecretPrefix + "..." + s.text[len(s.text)-4:] }

// find returns a registered webhook.
func (s *Server) find(id string) (*webhook, error) {
	for _, w := range s.webhooks {
		if w.id == id {
			return w, nil
		}
	}
	return nil, &apiError{code: http.StatusNotFound, message: fmt.Sprintf("There is no webhook %q.", id)}
}

// create registers a webhook and returns it with its secret.
func (s *Server) create(f fields) (*webhook, string, error) {
	if f.URI == nil {
		return nil, "", invalid("The field uri is required.")
	}
	if f.SubscribedEvents == nil {
		return nil, "", invalid("The field subscribed_events is required.")
	}
	f.State = nil // a new webhook is enabled, whatever the request says
	id, err := newWebhookID(s.opts.Rand)
	if err != nil {
		return nil, "", err
	}
	secret, err := NewSecret(s.opts.Rand)
	if err != nil {
		return nil, "", err
	}
	now := s.opts.Now()
	w := &webhook{
		number: s.registered + 1, id: id, state: StateEnabled,
		secrets: []signingSecret{{text: secret}}, created: now, updated: now,
	}
	if err := w.change(f); err != nil {
		return nil, "", err
	}
	s.registered++
	s.webhooks = append(s.webhooks, w)
	return w, secret, nil
}

// update changes the fields of a webhook that mask names, or without a mask those that are given.
func (s *Server) update(id string, f fields, mask []string) (*webhook, error) {
	w, err := s.find(id)
	if err != nil {
		return nil, err
	}
	if mask != nil {
		if f, err = f.masked(mask); err != nil {
			return nil, err
		}
	}
	changed := *w
	if err := changed.change(f); err != nil {
		return nil, err
	}
	changed.updated = s.opts.Now()
	*w = changed
	return w, nil
}

// remove deletes a webhook.
func (s *Server) remove(id string) error {
	if _, err := s.find(id); err != nil {
		return err
	}
	s.webhooks = slices.DeleteFunc(s.webhooks, func(w *webhook) bool { return w.id == id })
	return nil
}

// rotate makes a new secret for a webhook and returns it.
func (s *Server) rotate(id, behavior string) (string, error) {
	w, err := s.find(id)
	if err != nil {
		return "", err
	}
	var previous []signingSecret
	switch strings.ToLower(behavior) { // the guide writes it in capitals
	case "", revokeAfterGrace:
		now := s.opts.Now()
		for _, secret := range w.secrets {
			if secret.expires.IsZero() {
				secret.expires = now.Add(RotationGrace)
			}
			previous = append(previous, secret)
		}
	case revokeImmediately:
	default:
		return "", invalid("The value %q of revocation_behavior is none of: %s, %s.", behavior, revokeAfterGrace, revokeImmediately)
	}
	secret, err := NewSecret(s.opts.Rand)
	if err != nil {
		return "", err
	}
	w.secrets = append([]signingSecret{{text: secret}}, previous...)
	return secret, nil
}

// newWebhookID makes an id that looks like Gemini's: 36 letters and digits.
func newWebhookID(rand io.Reader) (string, error) {
	const alphabet = "0123456789abcdefghijklmnopqrstuv" // 32, so that each is as likely as the others
	var b [36]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("read randomness for a webhook's id: %w", err)
	}
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b[:]), nil
}
