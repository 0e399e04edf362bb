package geminiapi

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// A Webhook is an endpoint that is registered for a project.
type Webhook struct {
	ID               string   `json:"id,omitempty"`
	Name             string   `json:"name,omitempty"`
	URI              string   `json:"uri,omitempty"`
	SubscribedEvents []string `json:"subscribed_events,omitempty"` // types such as "batch.succeeded"
	State            State    `json:"state,omitempty"`

	// What follows Gemini sets, and not in every answer: it has been seen to leave out the times.

	SigningSecrets []SigningSecret `json:"signing_secrets,omitempty"`
	CreateTime     time.Time       `json:"create_time,omitzero"`
	UpdateTime     time.Time       `json:"update_time,omitzero"`

	// NewSigningSecret is in the answer of Create only.
	NewSigningSecret Secret `json:"new_signing_secret,omitzero"`
}

// A State says whether a webhook gets deliveries. The enum is open.
type State string

// The states of a webhook.
const (
	StateEnabled                       State = "enabled"
	StateDisabled                      State = "disabled" // by its owner
	StateDisabledDueToFailedDeliveries State = "disabled_due_to_failed_deliveries"
)

// A SigningSecret tells of a secret that deliveries to a webhook are signed with, without its text.
type SigningSecret struct {
	TruncatedSecret string    `json:"truncated_secret,omitempty"` // such as "whsec_...3frh"
	ExpireTime      time.Time `json:"expire_time,omitzero"`       // zero: not until a rotation
}

// A RevocationBehavior says how long the secrets before a rotation stay valid.
type RevocationBehavior string

// The revocation behaviors.
const (
	// RevokeAfter24Hours has each delivery signed with the new and the previous secrets for another
	// 24 hours.
	RevokeAfter24Hours RevocationBehavior = "revoke_previous_secrets_after_h24"

	// RevokeImmediately has receivers refuse every delivery until they know the new secret.
	RevokeImmediately RevocationBehavior = "revoke_previous_secrets_immediately"
)

// A Secret is the text of a signing secret, "whsec_…". It shows itself to no log, format verb or
// encoder; Reveal returns it.
type Secret struct{ text func() string } // a function: of anything else fmt could show what is inside

const hiddenSecret = "[signing secret]"

// NewSecret makes a text secret.
func NewSecret(text string) Secret { return Secret{func() string { return text }} }

// Reveal returns the text, which is empty for the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String hides the secret.
func (Secret) String() string { return hiddenSecret }

// Format hides the secret from every verb; Stringer alone would leave it to %d.
func (Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, hiddenSecret) }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(hiddenSecret) }

// MarshalText hides the secret: encoding a Webhook must not publish it.
func (Secret) MarshalText() ([]byte, error) { return []byte(hiddenSecret), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// changes returns the fields that an update sends.
func (w Webhook) changes(fields []string) (map[string]any, error) {
	all := map[string]any{"name": w.Name, "uri": w.URI, "subscribed_events": w.SubscribedEvents, "state": w.State}
	if w.SubscribedEvents == nil {
		all["subscribed_events"] = []string{} // null would be no list
	}
	if len(fields) == 0 {
		set := map[string]bool{
			"name": w.Name != "", "uri": w.URI != "", "subscribed_events": len(w.SubscribedEvents) > 0, "state": w.State != "",
		}
		maps.DeleteFunc(all, func(field string, _ any) bool { return !set[field] })
		if len(all) == 0 {
			return nil, fmt.Errorf("%w: nothing to change", ErrInvalid)
		}
		return all, nil
	}
	changes := make(map[string]any)
	for _, field := range fields {
		value, ok := all[field]
		if !ok {
			return nil, fmt.Errorf("%w: %q is no field that can be changed", ErrInvalid, field)
		}
		changes[field] = value
	}
	return changes, nil
}

func sortedNames(fields map[string]any) []string { return slices.Sorted(maps.Keys(fields)) }
