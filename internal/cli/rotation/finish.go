package rotation

import (
	"context"
	"fmt"
	"time"
)

// Finish makes the secret that Gemini signs with the only one that is stored. Without early it fails with ErrTooEarly as long
// as the previous one is valid at Gemini; where Gemini does not tell, that is 24 hours after the secrets were stored.
func (r *Rotation) Finish(ctx context.Context, early bool) (*Outcome, error) {
	r.Step("looking at the webhook and what is stored")
	stored, err := r.stored(ctx)
	if err != nil {
		return nil, err
	}
	if len(stored) < 2 {
		return &Outcome{Stored: len(stored)}, nil
	}
	until, err := r.graceEnd(ctx)
	if err != nil {
		return nil, err
	}
	if !early && r.Now().Before(until) {
		return nil, fmt.Errorf("%w until %s", ErrTooEarly, until.UTC().Format(time.RFC3339))
	}
	if err := r.Store.CheckWritable(ctx); err != nil {
		return nil, err
	}
	r.Step("having Gemini sign a test delivery")
	signer, err := r.Witness(ctx, stored)
	if err != nil {
		return nil, err
	}
	if signer < 0 {
		return nil, ErrUnknownSecret
	}
	stored = stored[signer : signer+1]
	r.Step("storing the new secret alone")
	if err := r.write(ctx, stored); err != nil {
		return nil, err
	}
	r.Step("probing the receiver with the new secret")
	return &Outcome{Changed: true, Stored: 1}, r.await(ctx, stored)
}

// graceEnd is until when the previous secret is valid.
func (r *Rotation) graceEnd(ctx context.Context) (time.Time, error) {
	webhook, err := r.Gemini.Get(ctx, r.id)
	if err != nil {
		return time.Time{}, err
	}
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
