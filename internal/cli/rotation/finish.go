package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// Finish makes the secret that Gemini goes on signing with the only one that is stored. Without
// early it fails with ErrTooEarly as long as the previous one is valid at Gemini; where Gemini does
// not say, that is 24 hours after the secrets were stored.
//
// Anybody who has the previous secret can send deliveries that verify with it. So only a delivery
// that verifies with the secret itself proves a secret, and no secret is kept that Gemini lists as
// ending. If somebody stores another secret while Finish waits for that delivery, it drops nothing
// and fails with secretstore.ErrChanged.
func (r *Rotation) Finish(ctx context.Context, early bool) (*Outcome, error) {
	r.Step("looking at the webhook and what is stored")
	stored, err := r.stored(ctx)
	if err != nil {
		return nil, err
	}
	if len(stored) < 2 {
		return &Outcome{Stored: len(stored)}, nil
	}
	webhook, err := r.Gemini.Get(ctx, r.id)
	if err != nil {
		return nil, err
	}
	until, err := r.graceEnd(ctx, webhook)
	if err != nil {
		return nil, err
	}
	if !early && r.Now().Before(until) {
		return nil, fmt.Errorf("%w until %s", ErrTooEarly, until.UTC().Format(time.RFC3339))
	}
	if err := r.Store.CheckWritable(ctx); err != nil {
		return nil, err
	}
	newest, found := lasting(webhook, stored)
	if !found {
		return nil, ErrUnknownSecret
	}
	r.Step("having Gemini sign a test delivery")
	if err := r.Witness(ctx, newest); err != nil {
		return nil, err
	}
	r.Step("storing the new secret alone")
	if err := r.keepOnly(ctx, newest, stored); err != nil {
		return nil, err
	}
	r.Step("probing the receiver with the new secret")
	return &Outcome{Changed: true, Stored: 1}, r.await(ctx, []string{newest})
}

// keepOnly stores one secret in place of those that were found, unless others are stored now.
func (r *Rotation) keepOnly(ctx context.Context, secret string, found []string) error {
	return r.change(ctx, func(stored []string) ([]string, error) {
		if slices.Equal(stored, []string{secret}) || slices.Equal(stored, found) {
			return []string{secret}, nil
		}
		return nil, fmt.Errorf("%w: nothing has been dropped", secretstore.ErrChanged)
	})
}

// lasting returns the newest secret stored that Gemini does not list as ending. Where Gemini shows
// the last characters of the secret that it goes on signing with, it must be that one.
func lasting(webhook *geminiapi.Webhook, stored []string) (string, bool) {
	listed := func(text string, ending bool) bool {
		return slices.ContainsFunc(webhook.SigningSecrets, func(s geminiapi.SigningSecret) bool {
			return readable(s.TruncatedSecret) && matches(s.TruncatedSecret, text) && s.ExpireTime.IsZero() != ending
		})
	}
	_, shown := Stored(webhook, stored)
	for _, text := range stored {
		if shown && listed(text, false) || !shown && !listed(text, true) {
			return text, true
		}
	}
	return "", false
}

// graceEnd is until when the previous secret is valid.
func (r *Rotation) graceEnd(ctx context.Context, webhook *geminiapi.Webhook) (time.Time, error) {
	for _, listed := range webhook.SigningSecrets {
		if !listed.ExpireTime.IsZero() {
			return validUntil(webhook, r.Now()), nil
		}
	}
	if len(webhook.SigningSecrets) == 1 {
		return time.Time{}, nil
	}
	writtenAt, err := r.Store.WrittenAt(ctx)
	return writtenAt.Add(Grace), err
}
