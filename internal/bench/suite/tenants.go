package suite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/shared/tenant"
)

// manyTenants is about as many keys as one secret holds.
const manyTenants = 1000

// tokens measures the check of a dynamic URL's token among many tenants with keys of their own, and
// with one alone.
func (r *run) tokens(ctx context.Context) ([]*report.Row, error) {
	many, err := checking(manyTenants)
	if err != nil {
		return nil, err
	}
	one, err := checking(1)
	if err != nil {
		return nil, err
	}
	rounds, err := r.measureInTurn(ctx, many, one)
	if err != nil {
		return nil, err
	}
	return []*report.Row{{
		Figure: "check a token, 1,000 tenants with keys", Reference: "1 tenant with a key",
		Rounds: paired(rounds, 0, 1), Mark: report.AtMost(1.1),
	}}, nil
}

// checking checks tokens of the last of so many tenants.
func checking(tenants int) (batch, error) {
	var text strings.Builder
	var name string
	var own tenant.Key
	for i := range tenants {
		var err error
		if own, err = tenant.GenerateKey(rand.Reader); err != nil {
			return nil, err
		}
		name = fmt.Sprintf("tenant-%04d", i)
		fmt.Fprintf(&text, "%s:%s\n", name, own.Reveal())
	}
	keys, err := tenant.ParseKeys(text.String())
	if err != nil {
		return nil, err
	}
	token := own.Token(name)
	return func(n int) error {
		for range n {
			if !keys.Check(name, token) {
				return errors.New("a token is refused")
			}
		}
		return nil
	}, nil
}
