package tenant

import (
	"context"
	"errors"

	"github.com/gemhook/gemhook/shared/webhook"
)

// ErrUnknownToken is the error of Admit for a token that no key of the tenant made.
var ErrUnknownToken = errors.New("unknown token")

// A Gate checks the tokens in the URLs of dynamic endpoints. It is safe for concurrent use.
type Gate struct{ keys webhook.Source[Keys] }

// NewGate returns a gate with the keys of a source.
func NewGate(keys webhook.Source[Keys]) *Gate { return &Gate{keys: keys} }

// Admit returns nil if one of the keys made the token for the tenant. The error is ErrUnknownToken
// if none did, nor any newer key, and wraps webhook.ErrKeysUnavailable if there are no keys.
func (g *Gate) Admit(ctx context.Context, tenant, token string) error {
	keys, err := g.keys.Get(ctx)
	if err != nil {
		return errors.Join(webhook.ErrKeysUnavailable, err)
	}
	if keys.Check(tenant, token) {
		return nil
	}
	if newer := g.keys.Refresh(ctx, keys); newer != keys && newer.Check(tenant, token) {
		return nil
	}
	return ErrUnknownToken
}
