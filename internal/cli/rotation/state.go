package rotation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// clockSkew is how far the clocks of Gemini and of the store may lie apart.
const clockSkew = time.Minute

// underWay reports whether a rotation is under way whose new secret is stored: Gemini has a
// previous secret that is still valid, and the new one is stored.
//
// Gemini shows the last characters of its secrets, which identify them. If it does not, the times
// decide: a text that was stored after the rotation contains its secret.
func (r *Rotation) underWay(ctx context.Context, webhook *geminiapi.Webhook, stored []string) (bool, error) {
	if len(stored) < 2 {
		return false, nil
	}
	now := r.Now()
	if len(validSecrets(webhook, now)) < 2 {
		return false, nil
	}
	if known, shown := Stored(webhook, stored); shown {
		return known, nil
	}
	return r.storedSince(ctx, validUntil(webhook, now).Add(-Grace))
}

// Stored reports whether what a webhook's deliveries are signed with from now on is among the
// secrets stored. shown is false where Gemini does not show enough of it.
func Stored(webhook *geminiapi.Webhook, stored []string) (known, shown bool) {
	known = true
	for _, listed := range webhook.SigningSecrets {
		if !listed.ExpireTime.IsZero() {
			continue
		}
		if !readable(listed.TruncatedSecret) {
			return false, false
		}
		shown = true
		known = known && slices.ContainsFunc(stored, func(text string) bool { return matches(listed.TruncatedSecret, text) })
	}
	return known, shown
}

func validSecrets(webhook *geminiapi.Webhook, now time.Time) []geminiapi.SigningSecret {
	var valid []geminiapi.SigningSecret
	for _, listed := range webhook.SigningSecrets {
		if listed.ExpireTime.IsZero() || listed.ExpireTime.After(now) {
			valid = append(valid, listed)
		}
	}
	return valid
}

func (r *Rotation) storedSince(ctx context.Context, rotatedAt time.Time) (bool, error) {
	writtenAt, err := r.Store.WrittenAt(ctx)
	if errors.Is(err, secretstore.ErrEmpty) {
		return false, nil
	}
	return writtenAt.After(rotatedAt.Add(-clockSkew)), err
}

// validUntil is when the last of the webhook's previous secrets ends; zero if none is valid now.
func validUntil(webhook *geminiapi.Webhook, now time.Time) (until time.Time) {
	for _, listed := range webhook.SigningSecrets {
		if listed.ExpireTime.After(now) && listed.ExpireTime.After(until) {
			until = listed.ExpireTime
		}
	}
	return until
}

// leastShown is how many characters of a secret must be shown to identify it.
const leastShown = 4

// shown splits a truncated secret such as "whsec_...3frh" into what it shows of the beginning and
// of the end.
func shown(truncated string) (head, tail string, ok bool) {
	truncated = strings.ReplaceAll(truncated, "…", "...")
	head, tail, ok = strings.Cut(truncated, "...")
	return head, strings.TrimLeft(tail, "."), ok
}

func readable(truncated string) bool {
	head, tail, ok := shown(truncated)
	return ok && len(strings.TrimPrefix(head, "whsec_"))+len(tail) >= leastShown
}

func matches(truncated, text string) bool {
	head, tail, _ := shown(truncated)
	return strings.HasPrefix(text, head) && strings.HasSuffix(text, tail)
}
